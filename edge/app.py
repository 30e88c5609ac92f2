"""The agent put together.

With assembly.py, network.py, networks.py and sensors/assembly.py, all that names adapters.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import structlog

from edge.agent import Cameras, drain, status, wait_until_done
from edge.assembly import pipeline_of
from edge.capture.clock import WallClock
from edge.health import HealthProbe
from edge.heartbeat import Heartbeat
from edge.networks import Networks
from edge.pipeline import Pipeline
from edge.publish.clock import ClockState, clock_synced, unanchored
from edge.publish.forwarder import Forwarder
from edge.publish.outbox import Outbox
from edge.publish.uplink import OnPuback, Uplink
from edge.sensors.assembly import Sensors
from edge.settings import EdgeSettings
from edge.status import StatusFile
from edge.watchdog import Watchdog
from protos.v1.device_state_pb2 import DeviceState
from wayside.process import frozen_heap
from wayside.systemd import Notifier

_log = structlog.get_logger(__name__)
_FLUSH_S = 10.0
"""What the last events get to reach the disk, before the status file is written for good."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What brings events to the cloud."""

    outbox: Outbox
    forwarder: Forwarder
    heartbeat: Heartbeat


def run_agent(settings: EdgeSettings, stop: threading.Event) -> bool:
    """Run every camera until told to stop or nothing is left to do.

    Returns:
        True when no camera failed.

    Raises:
        AssetError, EngineError, ManifestError: the network cannot be used.
        OutboxError: the data folder cannot be used.
        MqttSettingsError: certificates or password cannot be read.
    """
    wall = WallClock()
    pipelines: list[Pipeline] = []

    def clock() -> ClockState:
        return ClockState(clock_synced(), wall.anchor_id)

    with (
        closing(Notifier()) as systemd,
        Watchdog(settings.infer.stuck_after_s, alive=systemd.alive) as watchdog,
    ):
        networks = Networks(settings, watchdog)

        def content() -> DeviceState:
            return _device_state(pipelines, networks, wall)

        with (
            sending(settings, content, clock, wall.now_ns) as up,
            Sensors(
                settings.sensors, wall.now_ns, up.outbox.append, up.heartbeat.note_error
            ) as sensors,
            networks.at_work(),
        ):
            pipelines += [
                pipeline_of(
                    camera, networks, sensors.filled(camera.id, up.outbox.append), wall, watchdog
                )
                for camera in settings.cameras
            ]
            cameras = Cameras(pipelines, up.heartbeat.note_error)
            with (
                _status_file(settings, networks, pipelines, up, sensors),
                _telemetry(settings, networks, pipelines, up, wall),
                frozen_heap(),
            ):
                _work(settings, cameras, networks, up, sensors, systemd, stop)
            _tell_end(cameras, up.outbox)
    return not cameras.failed


def run_drain(settings: EdgeSettings, stop: threading.Event) -> int:
    """Send what waits on disk until the cloud has all of it; no camera is read.

    Returns:
        Events that still wait: 0, unless it was told to stop.

    Raises:
        OutboxError: the data folder cannot be used.
        MqttSettingsError: certificates or password cannot be read.
    """
    with sending(settings, _agent_version, unanchored) as up:
        drain(up.forwarder, stop)
        return up.outbox.depth().rows


@contextmanager
def sending(
    settings: EdgeSettings,
    content: Callable[[], DeviceState],
    clock: Callable[[], ClockState],
    now_ns: Callable[[], int] = time.time_ns,
) -> Iterator[Sending]:
    """Outbox, forwarder and heartbeat at work; at the end all that was appended is on disk."""
    with ExitStack() as ends:
        outbox = Outbox.open(settings.data_dir, settings.outbox, settings.device, clock=clock)
        ends.callback(outbox.close)
        uplink = Uplink(settings.mqtt, settings.device, will=lambda: heartbeat.will())

        def publish(topic: str, payload: bytes, on_puback: OnPuback) -> None:
            uplink.publish(topic, payload, on_puback, retain=True)

        heartbeat = Heartbeat(
            settings.device,
            outbox.boot,
            settings.heartbeat,
            publish=publish,
            content=content,
            depth=outbox.depth,
            health=HealthProbe(settings.data_dir).read,
        )
        forwarder = Forwarder(outbox, uplink, settings.forwarder, settings.device, now_ns=now_ns)
        uplink.attach(heartbeat)
        uplink.attach(forwarder)
        uplink.start()
        ends.callback(uplink.stop)
        forwarder.start()
        ends.callback(forwarder.stop)
        heartbeat.start()
        ends.callback(heartbeat.stop)
        yield Sending(outbox, forwarder, heartbeat)


def _work(
    settings: EdgeSettings, cameras: Cameras, networks: Networks, up: Sending, sensors: Sensors,
    systemd: Notifier, stop: threading.Event,
) -> None:  # fmt: skip
    """All cameras, until they have ended or it was told to stop."""
    with networks.upgraded():
        cameras.start()
        engines = ", ".join(network.engine for network in networks.stats)
        systemd.ready(f"{len(cameras.pipelines)} cameras, {engines}")
        wait_until_done(cameras, up.outbox, up.forwarder, settings.when_done, stop, sensors.stop)
    systemd.stopping()
    cameras.stop()
    sensors.stop()
    up.outbox.flush(_FLUSH_S)


@contextmanager
def _status_file(
    settings: EdgeSettings,
    networks: Networks,
    pipelines: list[Pipeline],
    up: Sending,
    sensors: Sensors,
) -> Iterator[None]:
    path = settings.status.file
    if path is None:
        yield
        return

    def tell() -> dict[str, object]:
        told = status(settings.device, networks.stats, pipelines, up.outbox, up.forwarder)
        return {**told, "sensors": sensors.stats()}

    with StatusFile(path, settings.status.interval_s, tell):
        yield


@contextmanager
def _telemetry(
    settings: EdgeSettings, networks: Networks, pipelines: list[Pipeline], up: Sending,
    wall: WallClock,
) -> Iterator[None]:  # fmt: skip
    """HTTP for programs that watch, where the settings name a port."""
    where = settings.telemetry
    if where.port is None:
        yield
        return
    from edge.telemetry.server import TelemetryServer
    from edge.telemetry.view import View

    health = HealthProbe(settings.data_dir)

    def look() -> View:
        return View(
            device=settings.device,
            version=version("wayside"),
            networks=networks.stats,
            cameras=[pipeline.stats for pipeline in pipelines],
            outbox=up.outbox.depth(),
            forwarder=up.forwarder.stats,
            health=health.read(),
            now_ns=wall.now_ns(),
            steps=networks.steps(),
            stages={one.camera: one.times.distributions() for one in pipelines},
            commits=up.outbox.commit_times(),
            latency=up.forwarder.latency(),
            batch_fill=up.forwarder.fill,
        )

    with TelemetryServer(where.host, where.port, look) as server:
        _log.info("telemetry", url=f"http://{where.host}:{server.port}/metrics")
        yield


def _tell_end(cameras: Cameras, outbox: Outbox) -> None:
    depth = outbox.depth()
    log = _log.warning if cameras.failed else _log.info
    log(
        "agent ends", events_waiting=depth.rows + depth.staged, events_lost=depth.lost,
        failed_cameras=cameras.failed,
    )  # fmt: skip


def _agent_version() -> DeviceState:
    return DeviceState(agent_version=version("wayside"))


def _device_state(pipelines: list[Pipeline], networks: Networks, wall: WallClock) -> DeviceState:
    """What only the agent knows of itself; the heartbeat adds the rest."""
    state = _agent_version()
    state.anchor_id = wall.anchor_id
    for network in networks.stats:
        state.models.add(model=network.name, version=network.version, engine=network.engine)
    for pipeline in pipelines:
        stats = pipeline.stats
        state.cameras.add(
            camera=stats.camera,
            state=stats.state,
            fps=stats.fps,
            frames=stats.frames_captured,
            dropped=sum(stats.dropped.values()),
            latency_ms=stats.latency_ms,
            reason=stats.source.reason,
            decoder=stats.source.decoder,
            width=stats.source.width_px,
            height=stats.source.height_px,
            source_fps=stats.source.fps,
            reconnects=stats.source.reconnects,
            hanging=stats.source.hanging,
            drops=[
                DeviceState.Drop(cause=cause, count=count) for cause, count in stats.dropped.items()
            ],
        )
    return state
