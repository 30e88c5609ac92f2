"""How frames are inferred, and by which engine."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from models.compile.tensorrt.options import BUILD_TIMEOUT_S, KEEP, RETRY_AFTER_S
from wayside.paths import SettingsPath


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
