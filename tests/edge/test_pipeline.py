import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from edge.capture.clock import WallClock
from edge.capture.motion import MotionGate
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource, MotionSettings
from edge.capture.sources import Camera, Wait
from edge.errors import CaptureError, OutboxError
from edge.evidence.port import Name
from edge.infer.port import Looker, Model
from edge.infer.scheduler import Scheduler
from edge.infer.settings import EQUAL_SHARE, ShareSettings
from edge.meter import PipelineStats
from edge.pipeline import Pipeline, Stages
from edge.rules.engine import CameraRules
from edge.rules.port import Draft, Event
from edge.rules.settings import CameraRulesSettings
from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from edge.watchdog import Watchdog
from models import zoo
from models.detections import Detections, Image
from models.detector import Detector
from models.errors import AssetError, EngineError
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_source import START_NS, FakeSource
from tests.support.media import MjpegCamera, number_of, picture, write_video
from tests.support.processes import wait_until
from tests.support.tiny_detector import tiny_manifest

FILE = CameraSource(source="fake.mp4")
WATCHDOG = Watchdog(60)


@dataclass
class FakeDetector:
    """One box in each picture, at the picture's number; `look` may wait, or fail."""

    look: Callable[[int], object] = lambda number: None

    def find_all(self, images: Sequence[Image]) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> Detections:
        number = number_of(image)
        self.look(number)
        box = np.array([[number, 0, number + 1, 1]], np.float32)
        return Detections(box, np.ones(1, np.float32), np.zeros(1, np.int32))


@dataclass
class FakeTracker:
    """Every box is a track whose id is the number of its frame."""

    calls: list[tuple[int, int]] = field(default_factory=list)
    found: list[list[int]] = field(default_factory=list)
    followed: list[TrackerSettings] = field(default_factory=list)

    def follow(self, settings: TrackerSettings) -> None:
        self.followed.append(settings)

    def update(self, detections: Detections, *, captured_ns: int, frame: int) -> Tracks:
        self.calls.append((frame, captured_ns))
        self.found.append(detections.class_id.tolist())
        return Tracks(
            captured_ns, frame, np.array([frame], np.int64), detections.xyxy,
            detections.confidence, detections.class_id, np.array([captured_ns], np.int64), (),
        )  # fmt: skip


@dataclass
class FakeRules:
    """One event a frame, one where they are exchanged, one at the end."""

    sizes: set[tuple[int, int]] = field(default_factory=set)
    followed: list[tuple[tuple[str, ...], str, str, int]] = field(default_factory=list)

    def step(self, tracks: Tracks, width_px: int, height_px: int) -> list[Draft]:
        self.sizes.add((width_px, height_px))
        return [Draft(Lane.STATE, Event(kind=EventBatch.OBJECT_UPDATED, frame=tracks.frame))]

    def change(self, settings: CameraRulesSettings) -> list[Draft]:
        return [Draft(Lane.ALARM, Event(kind=EventBatch.ZONE_EXITED))]

    def follow(
        self, classes: Sequence[str], model: str, model_version: str, since_ns: int
    ) -> list[Draft]:
        self.followed.append((tuple(classes), model, model_version, since_ns))
        return []

    def finish(self) -> list[Draft]:
        return [Draft(Lane.STATE, Event(kind=EventBatch.OBJECT_ENDED))]


@dataclass
class FakeEvidence:
    """Makes frame n the picture of n + 1, and each draft's detail the picture that it came with."""

    wants_pictures: bool
    is_open: bool = False
    looked: list[tuple[int, int | None]] = field(default_factory=list)

    def __enter__(self) -> "FakeEvidence":
        self.is_open = True
        return self

    def __exit__(self, *exception: object) -> None:
        self.is_open = False

    def passed(self, frame: Frame) -> Frame:
        assert self.is_open
        return replace(frame, image=picture(frame.number + 1))

    def look(self, image: Image | None, tracks: Tracks, drafts: Sequence[Draft]) -> list[Draft]:
        self.looked.append((tracks.frame, None if image is None else number_of(image)))
        return [replace(draft, name=Name()) for draft in drafts]

    def beside(self, drafts: Sequence[Draft]) -> list[Draft]:
        return [replace(draft, name=Name()) for draft in drafts]

    def finish(self, drafts: Sequence[Draft]) -> list[Draft]:
        assert self.is_open
        return [replace(draft, name=Name()) for draft in drafts]


@dataclass
class Sink:
    """Keeps what it is given."""

    drafts: list[Draft] = field(default_factory=list)

    def __call__(self, drafts: Sequence[Draft]) -> None:
        self.drafts.extend(drafts)

    def frames(self, kind: EventBatch.Kind) -> list[int]:
        return [draft.event.frame for draft in self.drafts if draft.event.kind == kind]

    @property
    def states(self) -> list[str]:
        events = [draft.event for draft in self.drafts]
        return [e.camera_status.state for e in events if e.kind == EventBatch.CAMERA_STATE]


class Line:
    """A pipeline with a scheduler of its own, at work while it runs."""

    def __init__(self, made: Pipeline, scheduler: Scheduler[Detections]) -> None:
        self._made = made
        self._scheduler = scheduler
        self.stop = made.stop
        self.change_rules = made.change_rules

    def run(self) -> None:
        with self._scheduler:
            self._made.run()

    @property
    def stats(self) -> PipelineStats:
        return self._made.stats


def pipeline(
    source: Callable[[Wait], Source],
    sink: Callable[[Sequence[Draft]], None],
    *,
    detector: FakeDetector | None = None,
    tracker: FakeTracker | None = None,
    rules: FakeRules | None = None,
    settings: CameraSource = FILE,
    workers: int = 2,
    wall: WallClock | None = None,
    share: ShareSettings = EQUAL_SHARE,
    gate: MotionGate | None = None,
    evidence: FakeEvidence | None = None,
    model: Model | None = None,
    networks: Scheduler[Detections] | None = None,
) -> Line:
    scheduler = networks or Scheduler(detector or FakeDetector(), workers, WATCHDOG)
    stages = Stages(
        source,
        scheduler,
        tracker or FakeTracker(),
        rules or FakeRules(),
        sink,
        evidence=evidence,
        model=model,
    )
    made = Pipeline(
        "cam-fake", settings, stages, wall=wall or WallClock(), watchdog=WATCHDOG, share=share,
        gate=gate, keep_pictures=evidence is not None and evidence.wants_pictures,
    )  # fmt: skip
    return Line(made, scheduler)


def test_every_frame_of_a_file_passes_every_stage_in_order() -> None:
    source, tracker, rules, sink = FakeSource(24), FakeTracker(), FakeRules(), Sink()
    line = pipeline(lambda wait: source, sink, tracker=tracker, rules=rules)
    line.run()
    assert tracker.calls == [(n, START_NS + n * 100_000_000) for n in range(24)]
    assert rules.sizes == {(64, 48)}
    assert sink.frames(EventBatch.OBJECT_UPDATED) == list(range(24))
    assert sink.drafts[-1].event.kind == EventBatch.OBJECT_ENDED
    assert sink.states == ["live", "ended"]
    assert source.closed


@pytest.mark.parametrize("wants_pictures", [True, False])
@pytest.mark.parametrize("lossless", [True, False])
def test_evidence_sees_a_frame_first_and_its_drafts_last(
    wants_pictures: bool, lossless: bool
) -> None:
    """What the network sees is what evidence made of the frame."""
    seen: list[int] = []
    source, sink = FakeSource(9, lossless=lossless), Sink()
    evidence = FakeEvidence(wants_pictures)
    line = pipeline(
        lambda wait: source, sink, detector=FakeDetector(seen.append), evidence=evidence,
        workers=1,
    )  # fmt: skip
    line.run()
    numbers = sink.frames(EventBatch.OBJECT_UPDATED)
    assert numbers
    assert seen == [number + 1 for number in numbers]
    assert evidence.looked == [(one, one + 1 if wants_pictures else None) for one in numbers]
    told = [draft for draft in sink.drafts if draft.event.kind != EventBatch.CAMERA_STATE]
    assert all(draft.name is not None for draft in told)
    assert not evidence.is_open


def test_what_rules_that_are_exchanged_had_left_to_say_has_evidence() -> None:
    sink = Sink()
    line = pipeline(lambda wait: FakeSource(9), sink, evidence=FakeEvidence(True))
    line.change_rules(CameraRulesSettings())
    line.run()
    (exited,) = [one for one in sink.drafts if one.event.kind == EventBatch.ZONE_EXITED]
    assert exited.name is not None


def test_what_it_tells_about_itself() -> None:
    line = pipeline(lambda wait: FakeSource(24), Sink())
    before = line.stats
    assert (before.state, before.frames_captured, before.fps, before.latency_ms) == (
        "connecting", 0, 0.0, 0.0,
    )  # fmt: skip
    line.run()
    stats = line.stats
    assert (stats.camera, stats.state, stats.live_tracks) == ("cam-fake", "ended", 1)
    assert (stats.frames_captured, stats.frames_inferred) == (24, 24)
    assert stats.dropped == {"newer": 0, "too_old": 0}
    assert stats.events == 24 + 1 + 2
    assert stats.fps > 0
    assert stats.latency_ms > 0


def test_frames_beyond_the_most_that_are_wanted_are_left_out_and_counted() -> None:
    """By the frames' time, 10 a second, however fast a file is read."""
    tracker = FakeTracker()
    line = pipeline(
        lambda wait: FakeSource(24), Sink(), tracker=tracker, share=ShareSettings(max_fps=5)
    )
    line.run()
    assert [frame for frame, _ in tracker.calls] == list(range(0, 24, 2))
    assert line.stats.dropped == {"newer": 0, "too_old": 0, "rate": 12}
    assert (line.stats.frames_captured, line.stats.frames_inferred) == (24, 12)


def test_frames_in_which_nothing_moves_are_left_out_but_for_a_look_at_who_is_there() -> None:
    """At 10 fps: all of the first 3 s, and then one in 0.8 s."""
    tracker = FakeTracker()
    gate = MotionGate(MotionSettings(), lambda image: np.full((54, 96), 90, np.uint8))
    line = pipeline(lambda wait: FakeSource(60), Sink(), tracker=tracker, gate=gate)
    line.run()
    assert [frame for frame, _ in tracker.calls] == [*range(31), 38, 46, 54]
    assert line.stats.dropped == {"newer": 0, "too_old": 0, "still": 26}
    assert (line.stats.frames_captured, line.stats.frames_inferred) == (60, 34)


def test_a_failing_engine_ends_the_run() -> None:
    def look(number: int) -> None:
        if number == 5:
            raise EngineError("out of memory")

    source, sink = FakeSource(1000), Sink()
    with pytest.raises(EngineError, match="out of memory"):
        pipeline(lambda wait: source, sink, detector=FakeDetector(look)).run()
    assert sink.frames(EventBatch.OBJECT_UPDATED) == [0, 1, 2, 3, 4]
    assert source.closed


@pytest.mark.parametrize("kind", [EventBatch.OBJECT_UPDATED, EventBatch.CAMERA_STATE])
def test_a_failing_sink_ends_the_run(kind: EventBatch.Kind) -> None:
    def sink(drafts: Sequence[Draft]) -> None:
        if drafts[0].event.kind == kind:
            raise OutboxError("damaged")

    source = FakeSource(1000)
    with pytest.raises(OutboxError, match="damaged"):
        pipeline(lambda wait: source, sink).run()
    assert source.closed


def test_a_file_that_is_no_video_ends_the_run_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no video")
    wall, sink = WallClock(), Sink()
    settings = CameraSource(source=str(path))
    camera = Camera("cam-fake", settings, wall)
    with pytest.raises(CaptureError, match=r"film\.mp4"):
        pipeline(camera.open, sink, settings=settings, wall=wall).run()
    assert sink.states == ["failed"]


def test_the_work_that_may_hang_is_watched() -> None:
    unwatched: list[str] = []

    def look(number: int) -> None:
        if WATCHDOG.stuck(float("inf")) is None:
            unwatched.append("inference")

    def sink(drafts: Sequence[Draft]) -> None:
        if WATCHDOG.stuck(float("inf")) is None:
            unwatched.append("outbox")

    pipeline(lambda wait: FakeSource(3), sink, detector=FakeDetector(look), workers=1).run()
    assert unwatched == []
    assert WATCHDOG.stuck(float("inf")) is None


class Endless(FakeSource):
    """A camera that never ends; `read` waits for the test."""

    def __init__(self, wall: WallClock) -> None:
        super().__init__(1, lossless=False)
        self._wall = wall
        self.released = threading.Semaphore(0)
        self.read_frames = 0

    def read(self) -> Frame | None:
        self.released.acquire()
        number, self.read_frames = self.read_frames, self.read_frames + 1
        return Frame("cam-fake", number, self._wall.now_ns(), self._image(number))


def test_a_slow_detector_costs_old_frames_and_they_are_counted() -> None:
    wall, sink, go_on = WallClock(), Sink(), threading.Semaphore(0)
    source = Endless(wall)
    detector = FakeDetector(lambda number: go_on.acquire())
    settings = CameraSource(source="rtsp://camera/1", max_frame_age_ms=60_000)
    line = pipeline(
        lambda wait: source, sink, detector=detector, settings=settings, workers=1, wall=wall
    )
    running = threading.Thread(target=line.run)
    running.start()
    source.released.release()
    wait_until(lambda: line.stats.frames_captured == 1, "the first frame")
    wait_until(lambda: WATCHDOG.stuck(float("inf")) == "inference", "its inference")
    for _ in range(9):
        source.released.release()
    wait_until(lambda: line.stats.dropped["newer"] == 8, "the drops")
    for _ in range(100):
        go_on.release()
    wait_until(lambda: line.stats.frames_inferred == 2, "the newest frame")
    line.stop()
    source.released.release()
    running.join(10)
    assert sink.frames(EventBatch.OBJECT_UPDATED)[:2] == [0, 9]
    assert sink.drafts[-1].event.kind == EventBatch.OBJECT_ENDED


def test_a_camera_that_is_away_does_not_end_the_run() -> None:
    remote, wall, sink = MjpegCamera(), WallClock(), Sink()
    settings = CameraSource(source=remote.url, open_timeout_ms=500, reconnect_max_s=0.2)
    camera = Camera("cam-fake", settings, wall)
    line = pipeline(camera.open, sink, settings=settings, wall=wall)
    running = threading.Thread(target=line.run)
    running.start()
    wait_until(lambda: sink.states == ["connecting"], "the report of its absence")
    remote.switch_on()
    wait_until(lambda: line.stats.frames_inferred > 3, "frames")
    remote.switch_off()
    wait_until(lambda: line.stats.state == "reconnecting", "the report of its loss")
    line.stop()
    running.join(10)
    assert not running.is_alive()
    assert sink.states == ["connecting", "live", "reconnecting"]


def test_a_generated_file_loses_nothing(tmp_path: Path) -> None:
    wall, tracker = WallClock(), FakeTracker()
    settings = CameraSource(source=str(write_video(tmp_path / "a.mp4", 60)))
    camera = Camera("cam-fake", settings, wall)
    pipeline(camera.open, Sink(), tracker=tracker, settings=settings, wall=wall).run()
    assert [frame for frame, _ in tracker.calls] == list(range(60))
    assert np.allclose(np.diff([ns for _, ns in tracker.calls]), 1e8, atol=1000)


def test_people_on_a_real_video_become_events() -> None:
    try:
        video, network = zoo.video("cctv-people"), zoo.network("fastestdet")
    except AssetError as error:
        pytest.skip(str(error))
    wall, sink = WallClock(), Sink()
    settings = CameraSource(source=str(video))
    camera = Camera("cam-door", settings, wall)
    detector = Detector.load(*network)
    manifest = detector.manifest
    rules = CameraRules(
        "cam-door", manifest.classes, manifest.name, manifest.version, CameraRulesSettings()
    )
    scheduler = Scheduler(detector, 2, WATCHDOG)
    stages = Stages(camera.open, scheduler, Tracker(TrackerSettings()), rules, sink)
    line = Line(Pipeline("cam-door", settings, stages, wall=wall, watchdog=WATCHDOG), scheduler)

    def stop_after_some_frames() -> None:
        wait_until(lambda: line.stats.frames_inferred > 150, "frames", 60)
        line.stop()

    stopper = threading.Thread(target=stop_after_some_frames)
    stopper.start()
    line.run()
    stopper.join()
    detector.close()
    events = [draft.event for draft in sink.drafts if draft.event.HasField("object")]
    started = [e for e in events if e.kind == EventBatch.OBJECT_STARTED]
    ended = [e for e in events if e.kind == EventBatch.OBJECT_ENDED]
    assert {event.object.class_name for event in started} >= {"person"}
    assert {e.object.track_id for e in started} == {e.object.track_id for e in ended}
    first_ns = min(draft.event.captured_ns for draft in sink.drafts)
    for event in events:
        assert event.captured_ns == pytest.approx(first_ns + event.frame * 1e8, abs=1e6)


@dataclass
class OneObject:
    """Finds an object of one class in every picture; told of frame 9."""

    class_id: int
    at_nine: Callable[[], None] = lambda: None

    def find_all(self, images: Sequence[Image]) -> list[Detections]:
        if any(number_of(image) == 9 for image in images):
            self.at_nine()
        one = np.array([[0, 0, 8, 8]], np.float32)
        score, class_id = np.array([0.9], np.float32), np.array([self.class_id], np.int32)
        return [Detections(one, score, class_id) for _ in images]


@pytest.mark.parametrize("classes", [("person", "car"), ("car", "person"), ("dog", "person")])
def test_another_model_looks_from_one_frame_on_and_classes_keep_their_ids(
    classes: tuple[str, ...],
) -> None:
    tracker, rules, sink = FakeTracker(), FakeRules(), Sink()
    first = Model(tiny_manifest(version="1", classes=("person", "car")))
    settings = TrackerSettings()
    second = Model(tiny_manifest(version="2", classes=classes), settings)
    other = Looker(OneObject(classes.index("person")), second)

    def exchange() -> None:
        """The frame that is looked at ends with the first, the next one goes to the second."""
        threads.submit(networks.exchange, other)
        wait_until(lambda: networks.model is second, "the exchange")

    networks = Scheduler(Looker(OneObject(0, exchange), first), 1, WATCHDOG)
    line = pipeline(
        lambda wait: FakeSource(24), sink, tracker=tracker, rules=rules, workers=1, model=first,
        networks=networks,
    )  # fmt: skip
    with ThreadPoolExecutor(1) as threads:
        line.run()
    assert [frame for frame, _ in tracker.calls] == list(range(24)), "no frame is lost"
    assert tracker.found == [[0]] * 24, "a person is 0 for this camera, whatever a model says"
    assert tracker.followed == [settings]
    names = ("person", "car", "dog") if "dog" in classes else ("person", "car")
    assert rules.followed == [(names, "tiny", "2", START_NS + 10 * 100_000_000)]
