"""Networks for areas beside the one for objects, on the same frames."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from edge.area_line import AreaStages
from edge.capture.clock import WallClock
from edge.capture.settings import CameraSource
from edge.errors import OutboxError
from edge.infer.scheduler import Scheduler
from edge.infer.settings import EQUAL_SHARE, ShareSettings
from edge.pipeline import Pipeline, Stages
from edge.rules.port import Draft, Event
from edge.watchdog import Watchdog
from models.areas import Areas
from models.detections import Detections, Image
from models.errors import EngineError
from models.preprocess import Geometry
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.edge.test_pipeline import Endless, FakeDetector, FakeRules, FakeTracker, Sink
from tests.support.fake_source import START_NS, FakeSource
from tests.support.media import number_of

WATCHDOG = Watchdog(60)
FILE = CameraSource(source="fake.mp4")
LIVE = CameraSource(source="rtsp://camera/1", max_frame_age_ms=60_000)


@dataclass
class FakeSegmenter:
    """One map of one place: the picture's number; `look` may wait, or fail."""

    look: Callable[[int], object] = lambda number: None
    writable: set[bool] = field(default_factory=set)

    def find_all(self, images: Sequence[Image]) -> list[Areas]:
        found = []
        for image in images:
            number = number_of(image)
            self.look(number)
            self.writable.add(image.flags.writeable)
            one = np.full((1, 1), number, np.uint8)
            found.append(Areas((one,), Geometry(1, 1, 1, 1, 1.0, 1.0)))
        return found


@dataclass
class FakeAreaRules:
    """One event a frame; keeps what it was given."""

    calls: list[tuple[int, int, int]] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)

    def follow(self, classes: Sequence[str], model: str, model_version: str) -> None:
        self.followed.append(model_version)

    def step(self, areas: Areas, captured_ns: int, frame: int) -> list[Draft]:
        self.calls.append((int(areas.maps[0][0, 0]), captured_ns, frame))
        return [Draft(Lane.STATS, Event(kind=EventBatch.SEGMENTATION, frame=frame))]


@contextmanager
def line(
    source: FakeSource,
    rules: FakeAreaRules,
    sink: Callable[[Sequence[Draft]], None],
    *,
    segmenter: FakeSegmenter | None = None,
    detector: FakeDetector | None = None,
    settings: CameraSource = FILE,
    share: ShareSettings = EQUAL_SHARE,
    wall: WallClock | None = None,
) -> Iterator[Pipeline]:
    detections: Scheduler[Detections] = Scheduler(detector or FakeDetector(), 1, WATCHDOG)
    found: Scheduler[Areas] = Scheduler(segmenter or FakeSegmenter(), 1, WATCHDOG)
    with detections, found:
        areas = AreaStages("lanes", found, rules, share)
        stages = Stages(lambda wait: source, detections, FakeTracker(), FakeRules(), sink, (areas,))
        yield Pipeline("cam-fake", settings, stages, wall=wall or WallClock(), watchdog=WATCHDOG)


def test_both_networks_see_every_frame_of_a_file_and_nobody_may_write_on_it() -> None:
    rules, sink, segmenter = FakeAreaRules(), Sink(), FakeSegmenter()
    with line(FakeSource(24), rules, sink, segmenter=segmenter) as both:
        both.run()
    assert rules.calls == [(n, START_NS + n * 100_000_000, n) for n in range(24)]
    assert sink.frames(EventBatch.OBJECT_UPDATED) == list(range(24))
    assert sink.frames(EventBatch.SEGMENTATION) == list(range(24))
    assert segmenter.writable == {False}
    (areas,) = both.stats.areas
    assert (areas.model, areas.frames_inferred) == ("lanes", 24)
    assert areas.dropped == {"newer": 0, "too_old": 0}
    assert areas.latency_ms > 0


def test_each_has_its_own_rate() -> None:
    rules, sink = FakeAreaRules(), Sink()
    with line(FakeSource(40), rules, sink, share=ShareSettings(max_fps=5)) as both:
        both.run()
    assert [frame for _, _, frame in rules.calls] == list(range(0, 40, 2))
    assert both.stats.areas[0].dropped["rate"] == 20
    assert both.stats.frames_inferred == 40
    assert "rate" not in both.stats.dropped


def test_a_network_that_is_stuck_costs_the_other_no_frame() -> None:
    """Of a live camera; a file waits for the slower one."""
    let_go, seen, wall = threading.Event(), threading.Event(), WallClock()
    source, rules = Endless(wall), FakeAreaRules()

    def wait(number: int) -> None:
        assert let_go.wait(20)

    def ask_for_more(number: int) -> None:
        if number < 23:
            source.released.release()
        else:
            seen.set()

    with line(
        source, rules, Sink(), segmenter=FakeSegmenter(wait), detector=FakeDetector(ask_for_more),
        settings=LIVE, wall=wall,
    ) as both:  # fmt: skip
        running = threading.Thread(target=both.run)
        running.start()
        source.released.release()
        assert seen.wait(20)
        let_go.set()
        both.stop()
        source.released.release()
        running.join(20)
        assert not running.is_alive()
    assert both.stats.frames_inferred == 24
    (areas,) = both.stats.areas
    assert areas.frames_inferred + areas.dropped["newer"] == 24
    assert areas.dropped["newer"] >= 20


def test_a_network_for_areas_that_fails_ends_the_run() -> None:
    def fail(number: int) -> None:
        if number == 5:
            raise EngineError("out of memory")

    source, sink = FakeSource(1000), Sink()
    with (
        line(source, FakeAreaRules(), sink, segmenter=FakeSegmenter(fail)) as both,
        pytest.raises(EngineError, match="out of memory"),
    ):
        both.run()
    assert source.closed


def test_a_detector_that_fails_ends_the_areas_too() -> None:
    def fail(number: int) -> None:
        if number == 5:
            raise EngineError("out of memory")

    source, rules = FakeSource(1000), FakeAreaRules()
    with (
        line(source, rules, Sink(), detector=FakeDetector(fail)) as both,
        pytest.raises(EngineError, match="out of memory"),
    ):
        both.run()
    assert source.closed
    assert not [thread for thread in threading.enumerate() if "areas-" in thread.name]


def test_a_sink_that_fails_on_areas_ends_the_run() -> None:
    def sink(drafts: Sequence[Draft]) -> None:
        if drafts[0].event.kind == EventBatch.SEGMENTATION:
            raise OutboxError("damaged")

    source = FakeSource(1000)
    with line(source, FakeAreaRules(), sink) as both, pytest.raises(OutboxError, match="damaged"):
        both.run()
    assert source.closed


def test_stopping_loses_no_frame_that_a_file_has_given() -> None:
    rules, sink = FakeAreaRules(), Sink()
    reached = threading.Event()
    detector = FakeDetector(lambda number: reached.set() if number == 20 else None)
    with line(FakeSource(10_000), rules, sink, detector=detector) as both:
        running = threading.Thread(target=both.run)
        running.start()
        assert reached.wait(20)
        both.stop()
        running.join(20)
        assert not running.is_alive()
    frames = both.stats.frames_inferred
    assert sink.frames(EventBatch.OBJECT_UPDATED) == list(range(frames))
    assert [frame for _, _, frame in rules.calls] == list(range(len(rules.calls)))
    assert abs(len(rules.calls) - frames) <= 1
