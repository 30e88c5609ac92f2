"""One camera from frame to events: capture -> slot -> infer -> track -> rules -> sink.

    camera ──Reader──> slot ──Scheduler──> detections ──Tracker──> tracks ──Rules──> drafts ──> sink

Where networks for areas look at the same frames, each has a slot of its own, see `AreaLine`.
The reader is a thread, the scheduler's workers are shared by all cameras; tracking, rules and the
sink run in the thread that calls `run`, in the order of the frames. Everything between is bounded.
Evidence, where a camera has any, sees a frame first (masks) and what the rules say of it last
(pictures, clips).
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.area_line import AreaLine, AreaStages
from edge.capture.attempt import Open
from edge.capture.clock import WallClock
from edge.capture.motion import MotionGate
from edge.capture.port import Frame
from edge.capture.reader import Reader
from edge.capture.settings import CameraSource
from edge.capture.slot import Fork, FrameQueue, LatestFrameSlot, Slot
from edge.capture.thinning import Thinning
from edge.histogram import StageTimes
from edge.infer.burst import Inferred
from edge.infer.port import Model
from edge.infer.scheduler import Scheduler
from edge.infer.settings import EQUAL_SHARE, ShareSettings
from edge.meter import Meter, PipelineStats
from edge.rules.names import ClassTable
from edge.rules.port import Draft
from edge.rules.settings import CameraRulesSettings
from edge.track.port import Tracks
from edge.track.settings import TrackerSettings
from edge.watchdog import Watchdog
from models.detections import Detections, Image

LOSSLESS_BURST = 8
"""Frames of a file that are tracked together, see Feed."""

Sink = Callable[[Sequence[Draft]], None]
"""Takes events over, as the outbox does; several threads call it."""


class Tracker(Protocol):
    """Gives detections of successive frames an identity."""

    def update(self, detections: Detections, *, captured_ns: int, frame: int) -> Tracks:
        """The tracks of a frame."""

    def follow(self, settings: TrackerSettings) -> None:
        """Track by other settings from the next frame on."""


class Rules(Protocol):
    """What happens with tracks."""

    def step(self, tracks: Tracks, width_px: int, height_px: int) -> list[Draft]:
        """What a frame's tracks mean, in a picture of this size."""

    def change(self, settings: CameraRulesSettings) -> list[Draft]:
        """Watch by other settings from now on; what the ones until now had left to say."""

    def follow(
        self, classes: Sequence[str], model: str, model_version: str, since_ns: int
    ) -> list[Draft]:
        """Another model looks from a frame on; what the rules until now had left to say."""

    def finish(self) -> list[Draft]:
        """What is left to say when no further frame comes."""


class Evidence(Protocol):
    """What is hidden of a camera, and what is kept of it beside its events, while in context."""

    def __enter__(self) -> object:
        """Begin."""

    def __exit__(self, *exception: object) -> None:
        """The source has ended: nothing more comes."""

    @property
    def wants_pictures(self) -> bool:
        """True where `look` needs the frame itself."""

    def passed(self, frame: Frame) -> Frame:
        """A frame that was read, as everybody else may see it."""

    def look(self, image: Image | None, tracks: Tracks, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts of a frame, with the pictures that belong to them."""

    def beside(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Drafts of networks for areas, from any thread; they have no pictures."""

    def finish(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts of the source's end, or of rules' end, with the pictures that they have."""


@dataclass(frozen=True, slots=True)
class Stages:
    """What a frame passes, in this order.

    Attributes:
        open_source: of the camera.
        detector: finds objects.
        tracker: makes them tracks.
        rules: about tracks.
        sink: takes events over.
        areas: networks that look beside the detector.
        evidence: what is hidden and kept; None: nothing is.
        model: of the detector, for which tracker and rules were made; None where it knows none.
    """

    open_source: Open
    detector: Scheduler[Detections]
    tracker: Tracker
    rules: Rules
    sink: Sink
    areas: tuple[AreaStages, ...] = ()
    evidence: Evidence | None = None
    model: Model | None = None


class Pipeline:
    """One camera.

    Attributes:
        camera: its id.
        times: how long its stages take.

    Args:
        camera: id of the camera.
        source: pace, ages and waits.
        stages: what a frame passes; its scheduler is at work while `run` is.
        share: of the detector.
        wall: the device's clock.
        watchdog: ends the process when the sink is stuck.
        gate: says which frames are worth the detector's time; None: all.
        keep_pictures: what is inferred carries its picture until its events are handed over.
    """

    def __init__(
        self,
        camera: str,
        source: CameraSource,
        stages: Stages,
        *,
        wall: WallClock,
        watchdog: Watchdog,
        share: ShareSettings = EQUAL_SHARE,
        gate: MotionGate | None = None,
        keep_pictures: bool = False,
    ) -> None:
        self.camera = camera
        self._stages = stages
        self._share = share
        self._keeps_pictures = keep_pictures
        self._watchdog = watchdog
        self._gate = gate
        self._burst = LOSSLESS_BURST if source.lossless else 1
        self._slot = _slot(source, wall, share, gate)
        slots = [_slot(source, wall, areas.share) for areas in stages.areas]
        self._areas = [
            AreaLine(camera, areas, slot, self._burst, self._beside, self.stop)
            for areas, slot in zip(stages.areas, slots, strict=True)
        ]
        self._meter = Meter()
        self.times = StageTimes()
        self._new_rules: SimpleQueue[CameraRulesSettings] = SimpleQueue()
        self._model = stages.model
        self._classes = ClassTable(stages.model.manifest.classes if stages.model else ())
        self._class_ids: NDArray[np.int32] | None = None
        self._events = 0
        self._counting = threading.Lock()
        self._reader = Reader(
            camera,
            stages.open_source,
            Fork([self._slot, *slots]) if slots else self._slot,
            self._report,
            wall.now_ns,
            source.limits,
            source.soundness(),
            times=self.times,
            passed=stages.evidence.passed if stages.evidence else None,
        )

    def run(self) -> None:
        """Take frames until the source ends or `stop` is called.

        Raises:
            CaptureError: a file cannot be read; streams are tried again instead.
            EngineError: the network failed.
            OutboxError: of the sink.
        """
        with self._stages.evidence or nullcontext():
            self._work(self._stages.evidence)

    def _work(self, evidence: Evidence | None) -> None:
        feed = self._stages.detector.feed(
            self._slot, burst=self._burst, min_fps=self._share.min_fps,
            keep_pictures=self._keeps_pictures,
        )  # fmt: skip
        with ExitStack() as lines, self._reader, feed:
            for line in self._areas:
                lines.enter_context(line)
            for inferred in feed:
                self._change_rules(evidence)
                if inferred.model is not None and inferred.model is not self._model:
                    self._follow(inferred.model, inferred.captured_ns, evidence)
                self._sink(self._judged(inferred, evidence))
        drafts = self._stages.rules.finish()
        self._sink(evidence.finish(drafts) if evidence else drafts)
        self._reader.check()
        for line in self._areas:
            line.check()

    def stop(self) -> None:
        """Ask `run` to end; frames that were read are still worked off."""
        self._reader.stop()

    def change_rules(self, settings: CameraRulesSettings) -> None:
        """Have other rules watch from the next frame on; tracks and frames go on."""
        self._new_rules.put(settings)

    @property
    def stats(self) -> PipelineStats:
        """The camera's figures now."""
        source, slot = self._reader.view, self._slot.dropped
        dropped = {**{str(cause): count for cause, count in slot.items()}, **source.dropped}
        return PipelineStats(
            camera=self.camera,
            state=source.state,
            total_frames=self._reader.total_frames,
            frames_captured=self._reader.frames,
            frames_inferred=self._meter.frames,
            dropped=dropped,
            fps=self._meter.fps,
            latency_ms=self._meter.latency_ms,
            live_tracks=self._meter.live_tracks,
            events=self._events,
            source=source,
            areas=[line.stats for line in self._areas],
        )

    def _judged(self, inferred: Inferred[Detections], evidence: Evidence | None) -> list[Draft]:
        """What a frame's detections mean, once they are tracks, with what belongs to it."""
        begun_ns = time.monotonic_ns()
        found = inferred.found
        if self._class_ids is not None:
            found = replace(found, class_id=self._class_ids.take(found.class_id))
        tracks = self._stages.tracker.update(
            found, captured_ns=inferred.captured_ns, frame=inferred.number
        )
        tracked_ns = time.monotonic_ns()
        self._meter.tracked(inferred.read_ns, len(tracks))
        if self._gate is not None:
            living = len(tracks) + len(tracks.lost)
            self._gate.tell(tracks.captured_ns, living, tracks.tentative)
        drafts = self._stages.rules.step(tracks, inferred.width_px, inferred.height_px)
        times = self.times
        times.wait.record(inferred.taken_ns - inferred.read_ns)
        times.network.record(inferred.inferred_ns - inferred.taken_ns)
        times.track.record(tracked_ns - begun_ns)
        times.rules.record(time.monotonic_ns() - tracked_ns)
        return evidence.look(inferred.picture, tracks, drafts) if evidence else drafts

    def _follow(self, model: Model, since_ns: int, evidence: Evidence | None) -> None:
        """Another model looks at the frames from here on; tracks and objects live on."""
        self._model, manifest = model, model.manifest
        self._class_ids = self._classes.join(manifest.classes)
        if model.tracker is not None:
            self._stages.tracker.follow(model.tracker)
        drafts = self._stages.rules.follow(
            self._classes.names, manifest.name, manifest.version, since_ns
        )
        self._sink(evidence.finish(drafts) if evidence else drafts)

    def _change_rules(self, evidence: Evidence | None) -> None:
        while not self._new_rules.empty():
            drafts = self._stages.rules.change(self._new_rules.get())
            self._sink(evidence.finish(drafts) if evidence else drafts)

    def _report(self, draft: Draft) -> None:
        self._sink([draft])

    def _beside(self, drafts: Sequence[Draft]) -> None:
        evidence = self._stages.evidence
        self._sink(evidence.beside(drafts) if evidence else drafts)

    def _sink(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        with self._watchdog.working("outbox"):
            self._stages.sink(drafts)
        with self._counting:
            self._events += len(drafts)


def _slot(
    source: CameraSource, wall: WallClock, share: ShareSettings, gate: MotionGate | None = None
) -> Slot:
    thinning = None if share.max_fps is None else Thinning(share.max_fps)
    if source.lossless:
        return FrameQueue(source.queue_frames, thinning, gate)
    return LatestFrameSlot(source.max_frame_age_ms, wall.now_ns, thinning, gate)
