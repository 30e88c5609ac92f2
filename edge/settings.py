"""The agent's YAML file.

Paths are meant from the file's own folder. Environment variables override single values:
`WAYSIDE_EDGE__MQTT__PORT=8883`, `WAYSIDE_EDGE__CAMERAS__0__SOURCE=rtsp://...`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from edge.capture.settings import CameraSource
from edge.heartbeat import HeartbeatSettings
from edge.infer.settings import InferSettings, ShareSettings, TensorRtSettings
from edge.publish.settings import ForwarderSettings, OutboxSettings
from edge.rules.settings import CameraRulesSettings, unknown_classes
from edge.sensors.settings import SensorSettings, sensor_problems
from edge.telemetry.settings import TelemetrySettings
from edge.track.settings import TrackerSettings
from models import zoo
from models.engines.choice import AUTO, BUILT_FIRST, require_known
from models.errors import AssetError, EngineError, RecordError
from models.manifest import Manifest
from protos.ids import check_id
from wayside import settings
from wayside.errors import SettingsError
from wayside.logging import LogSettings
from wayside.mqtt.settings import MqttSettings
from wayside.paths import SettingsPath

PREFIX = "WAYSIDE_EDGE"

Id = Annotated[str, AfterValidator(check_id)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(_Frozen):
    """The network that looks at the frames."""

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


class StatusSettings(_Frozen):
    """What the agent says of itself in a file, for whoever watches on the device."""

    file: SettingsPath | None = Field(None, description="JSON, written anew; null: none")
    interval_s: float = Field(0.5, ge=0.1, le=60, description="s between two writings")


class CameraSettings(CameraSource, CameraRulesSettings, ShareSettings):
    """One camera: where its frames come from, how many are looked at, and what is watched."""

    id: Id


class EdgeSettings(_Frozen):
    """All that the agent needs to know."""

    device: Id
    data_dir: SettingsPath = Field(Path("wayside-data"), validate_default=True,
                                   description="where the outbox is kept")  # fmt: skip
    log: LogSettings = LogSettings()
    mqtt: MqttSettings = MqttSettings()
    model: ModelSettings
    cameras: tuple[CameraSettings, ...] = Field(min_length=1, max_length=64)
    sensors: tuple[SensorSettings, ...] = Field(
        (), max_length=32, description="beside the cameras: a GPS receiver, numbers in files"
    )
    infer: InferSettings = InferSettings()
    tracker: TrackerSettings = Field(
        TrackerSettings(), description="confidences that are not set follow the model's"
    )
    outbox: OutboxSettings = OutboxSettings()
    forwarder: ForwarderSettings = ForwarderSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    status: StatusSettings = StatusSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    when_done: Literal["drain", "exit", "stay"] = Field(
        "drain",
        description="once every file has been read: wait until the cloud holds all events, "
        "exit at once (they wait on disk), or stay",
    )

    @model_validator(mode="after")
    def _names_are_right(self) -> "EdgeSettings":
        problems = [*self._same_cameras(), *self._sensors_clash(), *self._model_does_not_fit()]
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, problems)
        return self

    def _same_cameras(self) -> list[InitErrorDetails]:
        ids = [camera.id for camera in self.cameras]
        return [
            _problem(
                ("cameras", index, "id"),
                f"{name!r} stands twice, first in cameras[{ids.index(name)}]",
                name,
            )
            for index, name in enumerate(ids)
            if name in ids[:index]
        ]

    def _sensors_clash(self) -> list[InitErrorDetails]:
        cameras = [camera.id for camera in self.cameras]
        return [
            _problem(("sensors", *location), message, value)
            for location, message, value in sensor_problems(self.sensors, cameras)
        ]

    def _model_does_not_fit(self) -> list[InitErrorDetails]:
        try:
            manifest = zoo.manifest(self.model.name)
        except (AssetError, RecordError) as error:
            return [_problem(("model", "name"), str(error), self.model.name)]
        except SettingsError as error:
            if any(problem.line for problem in error.problems):
                raise  # mistakes in the manifest, each with its own line
            return [_problem(("model", "name"), str(error), self.model.name)]
        task = manifest.head.task
        if task not in ("detection", "instance-segmentation"):
            told = f"{self.model.name!r} is for {task}; cameras take networks for detection"
            return [_problem(("model", "name"), told, self.model.name)]
        return [
            *self._unknown_classes(manifest.classes),
            *self._tracker_contradicts(self.model.threshold(manifest)),
        ]

    def _unknown_classes(self, classes: Sequence[str]) -> list[InitErrorDetails]:
        return [
            _problem(("cameras", index, *location), message, "")
            for index, camera in enumerate(self.cameras)
            for location, message in unknown_classes(camera, classes)
        ]

    def _tracker_contradicts(self, confidence: float) -> list[InitErrorDetails]:
        try:
            self.tracker.for_threshold(confidence)
        except ValidationError as error:
            reason = error.errors()[0]["msg"].removeprefix("Value error, ")
            message = f"{reason} (what is not set follows the model's confidence, {confidence})"
            return [_problem(("tracker",), message, "")]
        return []


def load(path: Path) -> EdgeSettings:
    """The settings of a file, with the environment's overrides.

    Raises:
        SettingsError: the file, a variable or the model's manifest is refused; every problem
            with its line.
    """
    return settings.load(path, EdgeSettings, prefix=PREFIX)


def _problem(location: tuple[str | int, ...], message: str, value: str) -> InitErrorDetails:
    error = PydanticCustomError("value_error", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=location, input=value)
