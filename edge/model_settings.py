"""A network of the agent's, as the settings name it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from edge.infer.settings import TensorRtSettings
from models.engines.choice import AUTO, BUILT_FIRST, require_known
from models.errors import EngineError
from models.manifest import Manifest


class ModelSettings(BaseModel):
    """A network that looks at frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        description="of the zoo (`wayside-models pull --list`), a manifest's path, or a record's "
        "folder"
    )
    confidence: float | None = Field(
        None, ge=0.01, le=1, description="least confidence of a detection; default: the manifest's"
    )
    threads: int = Field(1, ge=1, le=64, description="threads that share the work of one frame")
    engine: str = Field(AUTO, description="what runs the network; its name tells the device")
    tensorrt: TensorRtSettings = TensorRtSettings()

    @model_validator(mode="after")
    def _one_engine_is_chosen(self) -> "ModelSettings":
        if self.tensorrt.enabled is True and self.engine != AUTO:
            raise ValueError(
                f"tensorrt.enabled is true, and engine {self.engine!r} is chosen by name: set "
                f"engine to {AUTO}, or tensorrt.enabled to false"
            )
        return self

    def threshold(self, manifest: Manifest) -> float:
        """Least confidence of a detection, of these settings or else of the model's manifest."""
        return self.confidence or manifest.thresholds.confidence

    @field_validator("engine")
    @classmethod
    def _is_an_engine(cls, engine: str) -> str:
        if engine in BUILT_FIRST:
            raise ValueError(
                f"{engine} would be built before the first frame, for up to an hour; with engine: "
                f"{AUTO} and tensorrt: {{enabled: true}} it is built in the background"
            )
        try:
            return require_known(engine)
        except EngineError as error:
            raise ValueError(str(error)) from error

    @field_validator("name")
    @classmethod
    def _from_file(cls, name: str, info: ValidationInfo) -> str:
        base: Path | None = (info.context or {}).get("base")
        if not name.endswith((".yaml", ".yml")) and "/" not in name:
            return name
        path = Path(name).expanduser()
        return str(base / path if base else path)
