"""How frames are inferred, and by which engine."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.compile.tensorrt.options import BUILD_TIMEOUT_S, KEEP, RETRY_AFTER_S
from wayside.paths import SettingsPath


class InferSettings(BaseModel):
    """How frames are inferred."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        "auto",
        description="threads of each network, for all cameras; auto: as many as pay",
    )
    max_batch: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = Field(
        "auto",
        description="frames that a network looks at together, where it can; auto: 8 on a GPU, "
        "else 1",
    )
    deadline_ms: float = Field(
        5.0, ge=0, le=1000,
        description="ms that the first frame of a batch waits for others, since it was read",
    )  # fmt: skip
    stuck_after_s: float = Field(
        30.0, ge=1, le=3600, description="an inference that takes longer ends the agent"
    )


class ShareSettings(BaseModel):
    """How many of a camera's frames a network looks at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_fps: float | None = Field(
        None, gt=0, le=1000,
        description="frames a second that are guaranteed; null: an equal share of what is left",
    )  # fmt: skip
    max_fps: float | None = Field(
        None, gt=0, le=1000,
        description="frames a second at most, by their own time; null: all that it brings",
    )  # fmt: skip

    @model_validator(mode="after")
    def _least_is_less(self) -> "ShareSettings":
        if self.min_fps and self.max_fps and self.min_fps > self.max_fps:
            raise ValueError(f"min_fps {self.min_fps:g} is more than max_fps {self.max_fps:g}")
        return self


EQUAL_SHARE = ShareSettings()
"""All frames that there is time for."""


class TensorRtSettings(BaseModel):
    """An engine of TensorRT, built in the background while ONNX Runtime serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: Literal["auto"] | bool = Field(
        "auto", description="auto: where there is a GPU, and TensorRT and pycuda are installed"
    )
    precision: Literal["onnx", "fp16", "int8"] = Field(
        "onnx", description="onnx: of the file; fp16, int8: TensorRT 8.6 to 10 may use these too"
    )
    workspace_mb: int | None = Field(
        None, ge=1, description="MiB of GPU memory that a layer may use; null: all there is"
    )
    dla_core: int | None = Field(
        None, ge=0, le=7, description="DLA core that takes what it can; null: the GPU alone"
    )
    compute_capability: str | None = Field(
        None,
        pattern=r"^(\d{1,2}\.\d|current)$",
        description="what TensorRT-RTX builds for, '8.9' or 'current'; null: every GPU from 8.0 on",
    )
    cache_dir: SettingsPath | None = Field(
        None, description="where engines are kept; null: `engines` in data_dir"
    )
    keep: int = Field(KEEP, ge=1, le=100, description="engines of a network that are kept")
    build_timeout_s: float = Field(
        BUILD_TIMEOUT_S, ge=1, le=86400, description="s after which a build is given up"
    )
    retry_after_s: float = Field(
        RETRY_AFTER_S,
        ge=0,
        le=31_536_000,
        description="s after which a build that failed is tried again; 0: at each start",
    )
    tolerance: float = Field(
        0.15, gt=0, le=1, description="share by which an answer may differ from ONNX Runtime's"
    )
