"""The agent's YAML file.

Paths are meant from the file's own folder. Environment variables override single values:
`WAYSIDE_EDGE__MQTT__PORT=8883`, `WAYSIDE_EDGE__CAMERAS__0__SOURCE=rtsp://...`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge.capture.settings import CameraSource
from edge.infer.settings import InferSettings
from edge.publish.settings import ForwarderSettings, HeartbeatSettings, OutboxSettings
from edge.rules.settings import CameraRulesSettings, unknown_classes
from edge.track.settings import TrackerSettings
from protos.ids import check_id
from wayside import settings
from wayside.errors import Problem, SettingsError
from wayside.logging import LogSettings
from wayside.mqtt.settings import MqttSettings
from wayside.paths import SettingsPath

PREFIX = "WAYSIDE_EDGE"

Id = Annotated[str, AfterValidator(check_id)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelSettings(_Frozen):
    """The network that looks at the frames."""

    name: str = Field(description="of the zoo (`wayside-models pull --list`), or a manifest's path")
    confidence: float | None = Field(
        None, ge=0.01, le=1, description="least confidence of a detection; default: the manifest's"
    )
    threads: int = Field(1, ge=1, le=64, description="threads that share the work of one frame")


class StatusSettings(_Frozen):
    """What the agent says of itself in a file, for whoever watches on the device."""

    file: SettingsPath | None = Field(None, description="JSON, written anew; null: none")
    interval_s: float = Field(0.5, ge=0.1, le=60)


class CameraSettings(CameraSource, CameraRulesSettings):
    """One camera: where its frames come from, and what is watched on them."""

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
    infer: InferSettings = InferSettings()
    tracker: TrackerSettings | None = Field(
        None, description="default: made for the model's least confidence"
    )
    outbox: OutboxSettings = OutboxSettings()
    forwarder: ForwarderSettings = ForwarderSettings()
    heartbeat: HeartbeatSettings = HeartbeatSettings()
    status: StatusSettings = StatusSettings()
    when_done: Literal["drain", "exit", "stay"] = Field(
        "drain",
        description="once every file has been read: wait until the cloud holds all events, "
        "exit at once (they wait on disk), or stay",
    )

    @model_validator(mode="after")
    def _cameras_differ(self) -> "EdgeSettings":
        ids = [camera.id for camera in self.cameras]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"two cameras are called {name!r}")
        return self


def load(path: Path) -> EdgeSettings:
    """The settings of a file, with the environment's overrides.

    Raises:
        SettingsError: the file or a variable is refused; every problem with its line.
    """
    return settings.load(path, EdgeSettings, prefix=PREFIX)


def check_classes(edge: EdgeSettings, classes: Sequence[str], path: Path) -> None:
    """Return when no rule names a class that the model does not know.

    Raises:
        SettingsError: some do.
    """
    problems = [
        Problem(str(path), 0, settings.dotted(("cameras", index, *location)), message)
        for index, camera in enumerate(edge.cameras)
        for location, message in unknown_classes(camera, classes)
    ]
    if problems:
        raise SettingsError(problems)
