"""Cameras beside each other, and when the agent may end."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.agent import Cameras, drain, status, wait_until_done
from edge.capture.clock import WallClock
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Wait
from edge.errors import CaptureError
from edge.infer.scheduler import Scheduler
from edge.meter import NetworkStats
from edge.pipeline import Pipeline, Stages
from edge.publish.forwarder import Forwarder
from edge.publish.outbox import Outbox
from edge.publish.rows import SeqRange
from edge.publish.settings import ForwarderSettings, OutboxSettings
from edge.publish.uplink import Uplink
from edge.rules.engine import CameraRules
from edge.rules.settings import CameraRulesSettings
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from edge.watchdog import Watchdog
from models.detections import Detections, Image
from protos.ids import Lane
from tests.support.drafts import drafts
from tests.support.fake_source import FakeSource
from tests.support.processes import wait_until
from wayside.mqtt.settings import MqttSettings
from wayside.process import EXIT_CRASH_ONLY


class Blind:
    """A detector that sees nothing."""

    def find_all(self, images: Sequence[Image]) -> list[Detections]:
        return [Detections.empty() for _ in images]


class Endless(FakeSource):
    """A source that has no end."""

    def __init__(self) -> None:
        super().__init__(10**9, lossless=False)

    def read(self) -> Frame | None:
        threading.Event().wait(0.002)
        return super().read()


Blindfold = Scheduler[Detections]
"""The network of all cameras, which sees nothing."""


@pytest.fixture(name="blind")
def blindfold() -> Iterator[Blindfold]:
    with Scheduler(Blind(), 1, Watchdog(60)) as scheduler:
        yield scheduler


def pipeline(blind: Blindfold, camera: str, source: Callable[[], Source]) -> Pipeline:
    def open_source(wait: Wait) -> Source:
        return source()

    stages = Stages(
        open_source,
        blind,
        Tracker(TrackerSettings()),
        CameraRules(camera, ("person",), "blind", "1", CameraRulesSettings()),
        lambda events: None,
    )
    settings = CameraSource(source=f"{camera}.mp4")
    return Pipeline(camera, settings, stages, wall=WallClock(), watchdog=Watchdog(60))


def missing() -> Source:
    raise CaptureError("door.mp4: there is no such file; check `source`")


@dataclass
class Desk:
    """An outbox and its forwarder, which nothing connects."""

    outbox: Outbox
    forwarder: Forwarder
    stop: threading.Event = field(default_factory=threading.Event)

    def receipt(self) -> None:
        self.outbox.delete([SeqRange(self.outbox.boot, Lane.STATE, 1, 3)])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    outbox = Outbox.open(tmp_path, OutboxSettings(), "gate-1")
    uplink = Uplink(MqttSettings(port=1), "gate-1")
    yield Desk(outbox, Forwarder(outbox, uplink, ForwarderSettings(), "gate-1"))
    outbox.close()


def ended(blind: Blindfold) -> Cameras:
    """Cameras whose sources have ended."""
    cameras = Cameras([pipeline(blind, "yard", lambda: FakeSource(3))], lambda error: None)
    cameras.start()
    wait_until(lambda: not cameras.running, "the end of the source")
    return cameras


def test_a_camera_that_fails_leaves_the_others_alone_and_is_told(blind: Blindfold) -> None:
    errors: list[str] = []
    yard = pipeline(blind, "yard", Endless)
    cameras = Cameras([pipeline(blind, "door", missing), yard], errors.append)
    with capture_logs() as logs:
        cameras.start()
        wait_until(lambda: cameras.failed, "the camera fails")
        seen = yard.stats.frames_inferred
        wait_until(lambda: yard.stats.frames_inferred > seen + 20, "the other one goes on")
        assert cameras.running
        cameras.stop()
    assert not cameras.running
    assert cameras.failed == ["door"]
    assert errors == ["camera door: door.mp4: there is no such file; check `source`"]
    (told,) = [log for log in logs if log["event"] == "camera failed"]
    assert told["camera_id"] == "door"
    assert told["error"] == "door.mp4: there is no such file; check `source`"


def test_a_broken_engine_ends_the_process_with_every_stack() -> None:
    program = (
        "import threading\n"
        "from edge.agent import Cameras\n"
        "from models.errors import EngineError\n"
        "class Broken:\n"
        "    camera = 'yard'\n"
        "    def run(self):\n"
        "        raise EngineError('the device is lost')\n"
        "cameras = Cameras([Broken()], print)\n"
        "cameras.start()\n"
        "threading.Event().wait()\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == EXIT_CRASH_ONLY
    assert "the device is lost" in ended.stdout + ended.stderr
    assert "Current thread" in ended.stderr


def test_drain_waits_until_the_cloud_has_everything(desk: Desk, blind: Blindfold) -> None:
    desk.outbox.append(drafts(3))
    waiting = threading.Thread(
        target=wait_until_done, args=(ended(blind), desk.outbox, desk.forwarder, "drain", desk.stop)
    )
    waiting.start()
    assert desk.outbox.flush(10)
    waiting.join(0.3)
    assert waiting.is_alive()
    desk.receipt()
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize("when_done", ["drain", "exit"])
def test_who_drains_first_ends_what_else_makes_events(
    desk: Desk, blind: Blindfold, when_done: str
) -> None:
    desk.stop.set()
    ends: list[bool] = []
    wait_until_done(
        ended(blind), desk.outbox, desk.forwarder, when_done, desk.stop, lambda: ends.append(True)
    )
    assert ends == ([True] if when_done == "drain" else [])


def test_exit_leaves_on_disk_what_the_cloud_does_not_have(desk: Desk, blind: Blindfold) -> None:
    desk.outbox.append(drafts(3))
    assert desk.outbox.flush(10)
    with capture_logs() as logs:
        wait_until_done(ended(blind), desk.outbox, desk.forwarder, "exit", desk.stop)
    assert desk.outbox.depth().rows == 3
    (said,) = [log for log in logs if log["event"] == "all sources have ended"]
    assert (said["then"], said["events_waiting"]) == ("exit", 3)


@pytest.mark.parametrize("when_done", ["stay", "drain"])
def test_who_stays_or_drains_ends_when_told(desk: Desk, blind: Blindfold, when_done: str) -> None:
    desk.outbox.append(drafts(3))
    waiting = threading.Thread(
        target=wait_until_done,
        args=(ended(blind), desk.outbox, desk.forwarder, when_done, desk.stop),
    )
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    desk.stop.set()
    waiting.join(10)
    assert not waiting.is_alive()


@pytest.mark.parametrize("when_done", ["stay", "drain", "exit"])
def test_cameras_at_work_end_when_told(desk: Desk, blind: Blindfold, when_done: str) -> None:
    desk.outbox.append(drafts(3))
    yard = pipeline(blind, "yard", Endless)
    cameras = Cameras([yard], lambda error: None)
    cameras.start()
    wait_until(lambda: yard.stats.frames_inferred, "the camera is at work")
    desk.stop.set()
    wait_until_done(cameras, desk.outbox, desk.forwarder, when_done, desk.stop)
    assert cameras.running, "who waits does not stop them"
    cameras.stop()
    assert not cameras.running


def test_a_drain_of_nothing_is_done_at_once(desk: Desk) -> None:
    drain(desk.forwarder, desk.stop)
    assert not desk.stop.is_set(), "it ended by itself"


def test_status_tells_how_cameras_and_events_are(desk: Desk, blind: Blindfold) -> None:
    desk.outbox.append(drafts(3))
    assert desk.outbox.flush(10)
    cameras = ended(blind)

    network = NetworkStats(None, "tiny", "1", "fake/CPU", blind.stats)
    told = status("gate-1", [network], cameras.pipelines, desk.outbox, desk.forwarder)

    assert told["device"] == "gate-1"
    (model,) = told["models"]
    assert (model["name"], model["version"], model["engine"]) == ("tiny", "1", "fake/CPU")
    assert model["scheduler"]["frames"] == 3
    (camera,) = told["cameras"]
    assert (camera["camera"], camera["state"], camera["frames_inferred"]) == ("yard", "ended", 3)
    assert told["outbox"]["rows"] == 3
    assert told["forwarder"]["connected"] is False
