"""The agent's YAML file.

Paths are meant from the file's own folder. Environment variables override single values:
`WAYSIDE_EDGE__MQTT__PORT=8883`, `WAYSIDE_EDGE__CAMERAS__0__SOURCE=rtsp://...`.
"""

from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from edge.camera_settings import CameraSettings, Id
from edge.evidence.settings import ClipFolderSettings
from edge.heartbeat import HeartbeatSettings
from edge.identity.settings import IdentitySettings
from edge.infer.settings import InferSettings
from edge.misfits import Misfit, misfits
from edge.model_settings import ModelSettings
from edge.ota.settings import OtaSettings
from edge.publish.settings import ForwarderSettings, OutboxSettings, UplinkSettings
from edge.sensors.settings import SensorSettings, sensor_problems
from edge.telemetry.settings import TelemetrySettings
from edge.track.settings import TrackerSettings
from wayside import settings
from wayside.logging import LogSettings
from wayside.paths import SettingsPath

PREFIX = "WAYSIDE_EDGE"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StatusSettings(_Frozen):
    """What the agent says of itself in a file, for whoever watches on the device."""

    file: SettingsPath | None = Field(None, description="JSON, written anew; null: none")
    interval_s: float = Field(0.5, ge=0.1, le=60, description="s between two writings")


class RemoteSettings(_Frozen):
    """What of this file the cloud may replace."""

    rules: bool = Field(
        True,
        description="zones, lines and rules that the fleet sends go before those of the cameras",
    )


class EdgeSettings(_Frozen):
    """All that the agent needs to know."""

    device: Id
    data_dir: SettingsPath = Field(Path("wayside-data"), validate_default=True,
                                   description="where the outbox is kept")  # fmt: skip
    log: LogSettings = LogSettings()
    mqtt: UplinkSettings = UplinkSettings()
    identity: IdentitySettings = Field(
        IdentitySettings(), description="credentials that the agent renews by itself"
    )
    model: ModelSettings = Field(
        description="that looks for objects, where a camera names no other"
    )
    models: dict[Id, ModelSettings] = Field(
        {}, max_length=16, description="further networks, by ids that cameras name"
    )
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
    clips: ClipFolderSettings = ClipFolderSettings()
    remote: RemoteSettings = RemoteSettings()
    ota: OtaSettings = OtaSettings()
    when_done: Literal["drain", "exit", "stay"] = Field(
        "drain",
        description="once every file has been read: wait until the cloud holds all events, "
        "exit at once (they wait on disk), or stay",
    )

    @model_validator(mode="after")
    def _names_are_right(self) -> "EdgeSettings":
        problems = [
            *self._same_cameras(),
            *self._verified_too_rarely(),
            *self._sensors_clash(),
            *self._renews_what_is_not_used(),
            *misfits(self._every_model, self.cameras, self.tracker),
        ]
        if problems:
            raise ValidationError.from_exception_data(
                type(self).__name__, [_problem(*one) for one in problems]
            )
        return self

    @property
    def models_in_use(self) -> dict[str | None, ModelSettings]:
        """The networks that a camera uses, by the ids that cameras name; None: `model`."""
        used = {key for camera in self.cameras for key in camera.models}
        return {key: model for key, model in self._every_model.items() if key in used}

    @property
    def _every_model(self) -> dict[str | None, ModelSettings]:
        every: dict[str | None, ModelSettings] = {None: self.model}
        every.update(self.models)
        return every

    def _same_cameras(self) -> list[Misfit]:
        ids = [camera.id for camera in self.cameras]
        return [
            (
                ("cameras", index, "id"),
                f"{name!r} stands twice, first in cameras[{ids.index(name)}]",
                name,
            )
            for index, name in enumerate(ids)
            if name in ids[:index]
        ]

    def _verified_too_rarely(self) -> list[Misfit]:
        """Cameras whose tracks would end between two looks at those who stand still."""
        most_s = self.tracker.lost_s / 2
        return [
            (
                ("cameras", index, "motion", "verify_s"),
                f"{camera.motion.verify_s:g} is more than half of tracker.lost_s "
                f"({self.tracker.lost_s:g}): who stands still would be lost; {most_s:g} at most",
                "",
            )
            for index, camera in enumerate(self.cameras)
            if camera.motion is not None and camera.motion.verify_s > most_s
        ]

    def _renews_what_is_not_used(self) -> list[Misfit]:
        """A folder of credentials that the connection to the broker would never see renewed."""
        folder, tls = self.identity.folder, self.mqtt.tls
        if folder is None or (tls is not None and tls.cert_file == folder / "cert.pem"):
            return []
        told = (
            f"mqtt.tls does not use it: set cert_file to {folder}/cert.pem and key_file to "
            f"{folder}/key.pem"
        )
        return [(("identity", "folder"), told, str(folder))]

    def _sensors_clash(self) -> list[Misfit]:
        cameras = [camera.id for camera in self.cameras]
        return [
            (("sensors", *location), message, value)
            for location, message, value in sensor_problems(self.sensors, cameras)
        ]


def load(path: Path, layer: settings.Layer | None = None) -> EdgeSettings:
    """The settings of a file, with the environment's overrides.

    Args:
        path: the file.
        layer: values that go before the file's, see `edge.desired`.

    Raises:
        SettingsError: the file, a variable or the model's manifest is refused; every problem
            with its line.
    """
    return settings.load(path, EdgeSettings, prefix=PREFIX, layer=layer)


def _problem(location: tuple[str | int, ...], message: str, value: str) -> InitErrorDetails:
    error = PydanticCustomError("value_error", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=location, input=value)
