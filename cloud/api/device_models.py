"""The shapes of answers about devices."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud.api.desired_models import StandingAnswer
from cloud.desired.state import Desired
from cloud.desired.updates import Update
from cloud.fleet.device import Device
from cloud.fleet.devices import Tally
from cloud.fleet.presence import Presence
from protos.ids import ID_PATTERN, boot_text
from protos.v1.device_state_pb2 import DeviceState
from wayside.times import format_ns

PresenceSlug = Literal["online", "late", "offline", "never-seen"]


class CameraAnswer(BaseModel):
    """A camera as its device reports it."""

    camera: str
    state: str
    fps: float = Field(description="frames inferred per second")
    frames: int = Field(description="captured since the agent's start")
    dropped: int
    latency_ms: float = Field(description="capture to tracks, median")
    reason: str | None = Field(description="one word why it is in this state")
    decoder: str | None = Field(description="what really decodes it")
    width_px: int | None = Field(description="of its latest picture")
    height_px: int | None
    source_fps: float = Field(description="pictures that it brings per second")
    reconnects: int = Field(description="since the agent's start")
    hanging: int = Field(description="reads that were replaced and have not come back")
    drops: dict[str, int] = Field(description="`dropped` by cause")


class ModelAnswer(BaseModel):
    """A model as its device reports it."""

    model: str
    version: str
    engine: str = Field(examples=["onnxruntime/CPU"])
    slot: str | None = Field(description="that it serves from; null: as the settings name it")
    sha256: str | None = Field(description="of its record; null: not a registered model")
    release: int | None = Field(description="within its family; null: not a released one")


class HealthAnswer(BaseModel):
    """How agent and machine do; null: the device does not tell."""

    cpu_percent: float = Field(description="of the agent, 100 a core")
    temperature_c: float | None = Field(description="of the hottest part")
    gpu_percent: float | None
    memory_bytes: int = Field(description="of the agent")
    disk_free_bytes: int = Field(description="under its outbox")
    uptime_s: int = Field(description="of the agent")


class SensorAnswer(BaseModel):
    """A sensor as its device reports it."""

    sensor: str
    state: str = Field(examples=["live"], description="starting, live, waiting, lost or stuck")
    detail: str | None = Field(description="why it is lost")
    readings: int = Field(description="values read since the agent's start")
    reading_age_s: float | None = Field(description="since the last value; null before the first")


class OutboxAnswer(BaseModel):
    """What a device has not got rid of yet."""

    rows: int
    bytes: int
    oldest_at: str | None = Field(description="captured time of the oldest row")
    set_aside: int = Field(description="rows that the broker refuses")
    lost: int = Field(description="events given up since the agent's start")


class DeviceAnswer(BaseModel):
    """What is known of a device; null from `status` on while nothing was heard of its hardware."""

    device: str
    presence: PresenceSlug = Field(
        description="by the times at which its states arrived; its own clock plays no part"
    )
    presence_since_at: str = Field(description="since when its presence is that")
    registered_at: str | None = Field(description="null: it came by itself")
    replaced_at: str | None = Field(description="when it last got new hardware")
    decommissioned_at: str | None = Field(description="null: it is in service")
    first_seen_at: str | None = Field(description="of whatever hardware")
    last_seen_at: str | None = Field(description="of whatever hardware")
    status: str | None = Field(examples=["alive"], description="as the device last told it")
    reported_at: str | None = Field(description="by the device's own clock")
    clock_synced: bool | None
    clock_offset_ns: str | None = Field(description="as the device's time service estimates it")
    boot: str | None
    session: str | None
    seq: int | None
    agent_version: str | None
    heartbeat_interval_s: int | None
    desired: StandingAnswer
    models: list[ModelAnswer]
    health: HealthAnswer | None
    cameras: list[CameraAnswer]
    sensors: list[SensorAnswer]
    outbox: OutboxAnswer | None
    last_errors: list[str]

    @classmethod
    def of(cls, device: Device, desired: Desired, updates: Sequence[Update]) -> "DeviceAnswer":
        """The answer for a device, what it shall be, and its updates."""
        heard = device.heard
        state = heard.state if heard is not None else None
        return cls(
            device=device.device_id,
            presence=device.presence.value,
            presence_since_at=format_ns(device.since_ns),
            registered_at=_at(device.registered_ns),
            replaced_at=_at(device.replaced_ns),
            decommissioned_at=_at(device.decommissioned_ns),
            first_seen_at=_at(device.first_seen_ns),
            last_seen_at=_at(device.last_seen_ns),
            status=heard.status if heard else None,
            reported_at=format_ns(state.reported_ns) if state else None,
            clock_synced=state.clock_synced if state else None,
            clock_offset_ns=str(state.clock_offset_ns) if state else None,
            boot=boot_text(heard.boot) if heard else None,
            session=boot_text(heard.session) if heard else None,
            seq=heard.seq if heard else None,
            agent_version=state.agent_version if state else None,
            heartbeat_interval_s=state.heartbeat_interval_s if state else None,
            desired=StandingAnswer.of(device, desired, updates),
            models=[_model(model) for model in state.models] if state else [],
            health=_health(state.health) if state and state.HasField("health") else None,
            cameras=[_camera(camera) for camera in state.cameras] if state else [],
            sensors=[_sensor(sensor) for sensor in state.sensors] if state else [],
            outbox=_outbox(state.outbox) if state and state.HasField("outbox") else None,
            last_errors=list(state.last_errors) if state else [],
        )


class DevicesAnswer(BaseModel):
    """A page of devices, in the order of their ids."""

    devices: list[DeviceAnswer]
    cursor: str = Field(description="of the next page")
    more: bool


class DevicesSummaryAnswer(BaseModel):
    """How many devices there are."""

    devices: int = Field(description="in service")
    presence: dict[PresenceSlug, int] = Field(
        description="of those in service",
        examples=[{"online": 97, "late": 1, "offline": 2, "never-seen": 0}],
    )
    decommissioned: int

    @classmethod
    def of(cls, tally: Tally) -> "DevicesSummaryAnswer":
        """The answer for a tally."""
        by_presence = {presence.value: tally.by_presence[presence] for presence in Presence}
        return cls(
            devices=sum(by_presence.values()),
            presence=by_presence,
            decommissioned=tally.decommissioned,
        )


class DeviceRequest(BaseModel):
    """The device that is expected."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(pattern=f"^{ID_PATTERN}$", examples=["cam-box"])


def _camera(camera: DeviceState.Camera) -> CameraAnswer:
    return CameraAnswer(
        camera=camera.camera,
        state=camera.state,
        fps=camera.fps,
        frames=camera.frames,
        dropped=camera.dropped,
        latency_ms=camera.latency_ms,
        reason=camera.reason or None,
        decoder=camera.decoder or None,
        width_px=camera.width or None,
        height_px=camera.height or None,
        source_fps=camera.source_fps,
        reconnects=camera.reconnects,
        hanging=camera.hanging,
        drops={drop.cause: drop.count for drop in camera.drops},
    )


def _model(model: DeviceState.Model) -> ModelAnswer:
    return ModelAnswer(
        model=model.model,
        version=model.version,
        engine=model.engine,
        slot=model.slot or None,
        sha256=model.sha256.hex() or None,
        release=model.release or None,
    )


def _health(health: DeviceState.Health) -> HealthAnswer:
    return HealthAnswer(
        cpu_percent=health.cpu_percent,
        temperature_c=health.temperature_c if health.HasField("temperature_c") else None,
        gpu_percent=health.gpu_percent if health.HasField("gpu_percent") else None,
        memory_bytes=health.memory_bytes,
        disk_free_bytes=health.disk_free_bytes,
        uptime_s=health.uptime_s,
    )


def _sensor(sensor: DeviceState.Sensor) -> SensorAnswer:
    return SensorAnswer(
        sensor=sensor.sensor,
        state=sensor.state,
        detail=sensor.detail or None,
        readings=sensor.readings,
        reading_age_s=sensor.reading_age_s if sensor.HasField("reading_age_s") else None,
    )


def _outbox(outbox: DeviceState.Outbox) -> OutboxAnswer:
    return OutboxAnswer(
        rows=outbox.rows,
        bytes=outbox.bytes,
        oldest_at=format_ns(outbox.oldest_ns) if outbox.oldest_ns else None,
        set_aside=outbox.set_aside,
        lost=outbox.lost,
    )


def _at(time_ns: int | None) -> str | None:
    return format_ns(time_ns) if time_ns is not None else None
