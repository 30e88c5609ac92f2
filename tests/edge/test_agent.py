"""Cameras beside each other, and when the agent may end."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.agent import Cameras, drain, status, wait_until_done
from edge.camera_settings import CameraSettings
from edge.capture.clock import WallClock
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Wait
from edge.changes import Changes
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
from edge.rules.port import Draft
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


def pipeline(
    blind: Blindfold,
    camera: str,
    source: Callable[[], Source],
    rules: type[CameraRules] = CameraRules,
    sink: Callable[[Sequence[Draft]], None] = lambda events: None,
) -> Pipeline:
    def open_source(wait: Wait) -> Source:
        return source()

    stages = Stages(
        open_source,
        blind,
        Tracker(TrackerSettings()),
        rules(camera, ("person",), "blind", "1", CameraRulesSettings()),
        sink,
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


def at_work(
    *pipelines: Pipeline, note_error: Callable[[str], None] = lambda error: None
) -> Cameras:
    """Cameras that were begun, with these pipelines."""
    waiting = list(pipelines)
    cameras = Cameras(lambda settings: waiting.pop(0), note_error)
    cameras.add([settings(pipeline.camera) for pipeline in pipelines])
    cameras.start()
    return cameras


def settings(camera: str, **more: Any) -> CameraSettings:
    return CameraSettings.model_validate({"id": camera, "source": f"{camera}.mp4", **more})


def ended(blind: Blindfold) -> Cameras:
    """Cameras whose sources have ended."""
    cameras = at_work(pipeline(blind, "yard", lambda: FakeSource(3)))
    wait_until(lambda: not cameras.running, "the end of the source")
    return cameras


def test_a_camera_that_fails_leaves_the_others_alone_and_is_told(blind: Blindfold) -> None:
    errors: list[str] = []
    yard = pipeline(blind, "yard", Endless)
    with capture_logs() as logs:
        cameras = at_work(pipeline(blind, "door", missing), yard, note_error=errors.append)
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
        "cameras = Cameras(lambda settings: Broken(), print)\n"
        "cameras.add([None])\n"
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
    cameras = at_work(yard)
    wait_until(lambda: yard.stats.frames_inferred, "the camera is at work")
    desk.stop.set()
    wait_until_done(cameras, desk.outbox, desk.forwarder, when_done, desk.stop)
    assert cameras.running, "who waits does not stop them"
    cameras.stop()
    assert not cameras.running


def test_cameras_come_and_go_and_begin_anew_while_another_goes_on(blind: Blindfold) -> None:
    made: list[str] = []

    def make(camera: CameraSettings) -> Pipeline:
        made.append(camera.id)
        return pipeline(blind, camera.id, Endless)

    cameras = Cameras(make, lambda error: None)
    cameras.add([settings("yard"), settings("door"), settings("roof")])
    cameras.start()
    yard = cameras.pipelines[0]
    cameras.change(
        Changes(removed=("door",), added=(settings("gate"),), replaced=(settings("roof"),))
    )
    assert made == ["yard", "door", "roof", "roof", "gate"]
    assert [found.camera for found in cameras.pipelines] == ["yard", "roof", "gate"]
    assert cameras.pipelines[0] is yard
    for found in cameras.pipelines:
        wait_until(lambda found=found: found.stats.frames_inferred > 3, f"{found.camera} at work")  # type: ignore[misc]
    cameras.stop()
    assert not cameras.running


def test_the_only_camera_begins_anew_and_the_agent_stays(blind: Blindfold) -> None:
    is_made = threading.Event()
    may_begin = threading.Event()
    first = pipeline(blind, "yard", Endless)

    def make(camera: CameraSettings) -> Pipeline:
        if not is_made.is_set():
            is_made.set()
            return first
        assert may_begin.wait(20)
        return pipeline(blind, "yard", Endless)

    cameras = Cameras(make, lambda error: None)
    cameras.add([settings("yard")])
    cameras.start()
    change = threading.Thread(target=cameras.change, args=[Changes(replaced=(settings("yard"),))])
    change.start()
    wait_until(lambda: not cameras.pipelines, "the old one has ended")
    assert cameras.running
    may_begin.set()
    change.join()
    assert cameras.running
    cameras.stop()


def test_cameras_that_take_long_to_end_are_awaited_together(blind: Blindfold) -> None:
    together = threading.Barrier(2)

    class Slow(Endless):
        def close(self) -> None:
            super().close()
            together.wait(10)  # breaks, where the other is asked to end only after this one has

    cameras = at_work(*(pipeline(blind, camera, Slow) for camera in ("yard", "door")))
    for found in cameras.pipelines:
        wait_until(lambda found=found: found.stats.frames_inferred > 0, f"{found.camera} at work")  # type: ignore[misc]
    cameras.change(Changes(removed=("yard", "door")))
    assert not together.broken
    assert cameras.pipelines == ()


def test_a_camera_that_failed_is_forgotten_with_its_settings(blind: Blindfold) -> None:
    waiting = [pipeline(blind, "door", missing), pipeline(blind, "door", Endless)]
    cameras = Cameras(lambda camera: waiting.pop(0), lambda error: None)
    cameras.add([settings("door")])
    cameras.start()
    wait_until(lambda: cameras.failed, "the camera fails")
    cameras.change(Changes(replaced=(settings("door"),)))
    assert cameras.failed == []
    cameras.change(Changes(removed=("door",)))
    assert cameras.pipelines == ()
    assert not cameras.running


def test_rules_are_exchanged_between_frames(blind: Blindfold) -> None:
    told: list[CameraRulesSettings] = []
    left = drafts(1)

    class Rules(CameraRules):
        def change(self, settings: CameraRulesSettings) -> list[Draft]:
            told.append(settings)
            return left

    events: list[Draft] = []
    yard = pipeline(blind, "yard", Endless, Rules, events.extend)
    cameras = at_work(yard)
    new = settings("yard", zones=[{"id": "gate", "points": [[0, 0], [1, 0], [1, 1]]}])
    cameras.change(Changes(ruled=(new,)))
    wait_until(lambda: len(told) == 1, "the rules")
    seen = yard.stats.frames_inferred
    wait_until(lambda: yard.stats.frames_inferred > seen, "the frames go on")
    cameras.stop()
    assert told == [new]
    assert left[0] in events


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
