"""The agent put together.

With assembly.py, network.py, networks.py and the assembly.py of sensors, evidence, identity and
ota, all that names adapters.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import structlog

from edge.agent import Cameras, drain, status, wait_until_done
from edge.assembly import TrackIds, pipeline_of
from edge.camera_settings import CameraSettings
from edge.capture.clock import WallClock
from edge.desired import Desired
from edge.device_state import agent_version, device_state, tell_settings, tell_slots
from edge.evidence.assembly import CamerasEvidence
from edge.health import HealthProbe
from edge.heartbeat import Heartbeat
from edge.identity.assembly import renewing
from edge.misfits import Manifests
from edge.networks import Networks
from edge.ota.assembly import Origin, Updates
from edge.ota.updater import Updater
from edge.pipeline import Pipeline
from edge.publish.clock import ClockState, clock_synced, unanchored
from edge.publish.forwarder import Forwarder
from edge.publish.outbox import Outbox
from edge.publish.uplink import OnPuback, Part, Uplink
from edge.reload import Reloader
from edge.sensors.assembly import Sensors
from edge.settings import EdgeSettings
from edge.status import StatusFile
from edge.watchdog import Watchdog
from protos.v1.device_state_pb2 import DeviceState
from wayside.malloc import giving_back
from wayside.net import host_port
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
    uplink: Uplink


@dataclass(frozen=True, slots=True)
class Changeable:
    """That an agent's cameras and rules may change while it runs.

    Attributes:
        file: that the settings are of.
        desired: what of them is the cloud's.
        on_ask: is given what has the file read again.
    """

    file: Path
    desired: Desired
    on_ask: Callable[[Callable[[], None]], None]


def run_agent(
    settings: EdgeSettings, stop: threading.Event, changeable: Changeable | None = None,
    origin: Origin | None = None,
) -> bool:  # fmt: skip
    """Run every camera until told to stop or nothing is left to do.

    Args:
        settings: what to run.
        stop: ends it.
        changeable: where cameras and rules may change meanwhile; None: they do not.
        origin: where models come from; None: the settings' own serve.

    Returns:
        True when no camera failed.

    Raises:
        AssetError, EngineError, ManifestError: the network cannot be used.
        OutboxError: the data folder cannot be used.
        MqttSettingsError: certificates or password cannot be read.
    """
    wall, track_ids = WallClock(), TrackIds()
    clock, sensing = _clock_of(wall), list[Sensors]()

    def make(camera: CameraSettings) -> Pipeline:
        sink = sensors.filled(camera.id, up.outbox.append)
        return pipeline_of(camera, networks, track_ids, sink, wall, watchdog, evidence.of(camera))

    cameras = Cameras(make, lambda error: up.heartbeat.note_error(error))
    reloader = _reloader(
        settings, changeable, cameras, lambda: networks.manifests, lambda: up.heartbeat.hurry()
    )
    updates = Updates(settings, origin) if origin else None

    def current() -> EdgeSettings:
        return reloader.settings if reloader else settings

    def content() -> DeviceState:
        return _content(cameras, networks, wall, updates, reloader, sensing)

    with (
        closing(Notifier()) as systemd,
        Watchdog(settings.infer.stuck_after_s, alive=systemd.alive) as watchdog,
    ):
        networks = updates.networks(watchdog) if updates else Networks(settings, watchdog)
        with (
            _updater(updates, networks, current, lambda: up, wall) as updater,
            sending(settings, content, clock, _parts(reloader, updater), wall.now_ns) as up,
            _sensors(settings, wall, up) as sensors,
            networks.at_work(),
            giving_back(every_s=1),
            CamerasEvidence(settings) as evidence,
        ):
            sensing.append(sensors)
            cameras.add(settings.cameras)
            parts = _parts(reloader, updater)
            with _watched(settings, networks, cameras, up, sensors, evidence, wall), frozen_heap():
                _work(settings, cameras, networks, up, sensors, evidence, systemd, parts, stop)
            _tell_end(cameras, up.outbox)
    return not cameras.failed


def _clock_of(wall: WallClock) -> Callable[[], ClockState]:
    return lambda: ClockState(clock_synced(), wall.anchor_id)


def run_drain(settings: EdgeSettings, stop: threading.Event) -> int:
    """Send what waits on disk until the cloud has all of it; no camera is read.

    Returns:
        Events that still wait: 0, unless it was told to stop.

    Raises:
        OutboxError: the data folder cannot be used.
        MqttSettingsError: certificates or password cannot be read.
    """
    with sending(settings, agent_version, unanchored) as up:
        drain(up.forwarder, stop)
        return up.outbox.depth().rows


@contextmanager
def sending(
    settings: EdgeSettings,
    content: Callable[[], DeviceState],
    clock: Callable[[], ClockState],
    parts: Sequence[Part] = (),
    now_ns: Callable[[], int] = time.time_ns,
) -> Iterator[Sending]:
    """Outbox, forwarder and heartbeat at work; at the end all that was appended is on disk.

    Args:
        settings: of the agent.
        content: what the heartbeat says of the agent.
        clock: what batches say of the clock.
        parts: who else shares the uplink.
    """
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
        for part in parts:
            uplink.attach(part)
        uplink.start()
        ends.callback(uplink.stop)
        forwarder.start()
        ends.callback(forwarder.stop)
        heartbeat.start()
        ends.callback(heartbeat.stop)
        ends.enter_context(renewing(settings.identity, uplink.reconnect, heartbeat.note_error))
        yield Sending(outbox, forwarder, heartbeat, uplink)


def _reloader(
    settings: EdgeSettings,
    changeable: Changeable | None,
    cameras: Cameras,
    manifests: Callable[[], Manifests],
    tell: Callable[[], None],
) -> Reloader | None:
    if changeable is None:
        return None
    reloader = Reloader(
        changeable.file, settings, changeable.desired, cameras.change, cameras.note_error,
        manifests, tell,
    )  # fmt: skip
    changeable.on_ask(reloader.ask)
    return reloader


@contextmanager
def _updater(
    updates: Updates | None, networks: Networks, current: Callable[[], EdgeSettings],
    sending: Callable[[], Sending], wall: WallClock,
) -> Iterator[Updater | None]:  # fmt: skip
    if updates is None:
        yield None
        return
    with updates.at_work(
        networks,
        current,
        lambda topic, payload, on_puback: sending().uplink.publish(topic, payload, on_puback),
        lambda: sending().outbox.boot,
        lambda error: sending().heartbeat.note_error(error),
        wall.now_ns,
    ) as updater:
        yield updater


def _parts(reloader: Reloader | None, updater: Updater | None) -> list[Reloader | Updater]:
    """Who listens to the cloud, in threads of their own."""
    return [part for part in (reloader, updater) if part is not None]


def _work(
    settings: EdgeSettings, cameras: Cameras, networks: Networks, up: Sending, sensors: Sensors,
    evidence: CamerasEvidence, systemd: Notifier, listening: Sequence[Reloader | Updater],
    stop: threading.Event,
) -> None:  # fmt: skip
    """All cameras, until they have ended or it was told to stop."""
    with networks.upgraded(), ExitStack() as parts:
        for part in listening:
            parts.enter_context(part)
        cameras.start()
        engines = ", ".join(network.engine for network in networks.stats)
        systemd.ready(f"{len(cameras.pipelines)} cameras, {engines}")
        wait_until_done(cameras, up.outbox, up.forwarder, settings.when_done, stop, sensors.stop)
        evidence.hurry()
    systemd.stopping()
    cameras.stop()
    sensors.stop()
    up.outbox.flush(_FLUSH_S)


def _sensors(settings: EdgeSettings, wall: WallClock, up: Sending) -> Sensors:
    return Sensors(settings.sensors, wall.now_ns, up.outbox.append, up.heartbeat.note_error)


@contextmanager
def _watched(
    settings: EdgeSettings, networks: Networks, cameras: Cameras, up: Sending, sensors: Sensors,
    evidence: CamerasEvidence, wall: WallClock,
) -> Iterator[None]:  # fmt: skip
    """While whoever watches is told of the agent."""
    with (
        _status_file(settings, networks, cameras, up, sensors, evidence),
        _telemetry(settings, networks, cameras, up, sensors, evidence, wall),
    ):
        yield


@contextmanager
def _status_file(
    settings: EdgeSettings,
    networks: Networks,
    cameras: Cameras,
    up: Sending,
    sensors: Sensors,
    evidence: CamerasEvidence,
) -> Iterator[None]:
    path = settings.status.file
    if path is None:
        yield
        return

    def tell() -> dict[str, object]:
        told = status(settings.device, networks.stats, cameras.pipelines, up.outbox, up.forwarder)
        ids = [camera["camera"] for camera in told["cameras"]]
        return {
            **told,
            "sensors": [asdict(one) for one in sensors.stats()],
            "evidence": asdict(evidence.stats(ids)),
        }

    with StatusFile(path, settings.status.interval_s, tell):
        yield


@contextmanager
def _telemetry(
    settings: EdgeSettings, networks: Networks, cameras: Cameras, up: Sending, sensors: Sensors,
    evidence: CamerasEvidence, wall: WallClock,
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
            cameras=[pipeline.stats for pipeline in cameras.pipelines],
            evidence=evidence.stats([pipeline.camera for pipeline in cameras.pipelines]),
            sensors=sensors.stats(),
            outbox=up.outbox.depth(),
            forwarder=up.forwarder.stats,
            health=health.read(),
            now_ns=wall.now_ns(),
            steps=networks.steps(),
            stages={one.camera: one.times.distributions() for one in cameras.pipelines},
            commits=up.outbox.commit_times(),
            latency=up.forwarder.latency(),
            batch_fill=up.forwarder.fill,
        )

    with TelemetryServer(where.host, where.port, look) as server:
        _log.info("telemetry", url=f"http://{host_port(where.host, server.port)}/metrics")
        yield


def _tell_end(cameras: Cameras, outbox: Outbox) -> None:
    depth = outbox.depth()
    log = _log.warning if cameras.failed else _log.info
    log(
        "agent ends", events_waiting=depth.rows + depth.staged, events_lost=depth.lost,
        failed_cameras=cameras.failed,
    )  # fmt: skip


def _content(
    cameras: Cameras, networks: Networks, wall: WallClock, updates: Updates | None,
    reloader: Reloader | None, sensing: Sequence[Sensors],
) -> DeviceState:  # fmt: skip
    """What the heartbeat says of the agent."""
    state = device_state(cameras.pipelines, networks.stats, wall)
    if updates is not None:
        tell_slots(state, updates.place)
    if reloader is not None:
        tell_settings(state, reloader)
    state.sensors.extend(report for sensors in sensing for report in sensors.reports())
    return state
