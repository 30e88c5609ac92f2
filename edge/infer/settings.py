"""How frames are inferred."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class InferSettings(BaseModel):
    """How frames are inferred."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        "auto",
        description="threads a camera; auto: as many as pay, shared by all cameras",
    )
    stuck_after_s: float = Field(
        30.0, ge=1, le=3600, description="an inference that takes longer ends the agent"
    )
