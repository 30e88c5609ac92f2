"""Other people's trackers on our boxes, each as its authors mean it to be used.

Where a library's own defaults and the thresholds that ours has differ, both are tried, and the
better one is compared with: see `RIVALS`. All of them get our lost_s and the frame rate, and
those that take frame times get them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import norfair
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker, CBIoUTracker

from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from tests.support.street_detector import Shot

OURS = TrackerSettings()


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a tracker says of one frame: (N,) ids and (N, 4) float32 boxes, xyxy in px."""

    track_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]


Run = Callable[[Sequence[Shot], float], list[Said]]
"""A tracker over a recording at a frame rate."""


def ours(shots: Sequence[Shot], _: float = 0.0, settings: TrackerSettings = OURS) -> list[Said]:
    """Wayside's tracker."""
    tracker = Tracker(settings)
    said = []
    for frame, shot in enumerate(shots):
        tracks = tracker.update(shot.detections, captured_ns=shot.captured_ns, frame=frame)
        said.append(Said(tracks.track_id, tracks.xyxy))
    return said


def roboflow(
    kind: type[ByteTrackTracker] | type[CBIoUTracker],
    shots: Sequence[Shot],
    fps: float,
    **thresholds: float,
) -> list[Said]:
    """A tracker of roboflow's `trackers`; its buffer is counted in frames of 1/30 s."""
    tracker = kind(lost_track_buffer=round(30 * OURS.lost_s), frame_rate=fps, **thresholds)
    said = []
    for shot in shots:
        found = shot.detections
        boxes = sv.Detections(found.xyxy, confidence=found.confidence, class_id=found.class_id)
        seconds = (shot.captured_ns - shots[0].captured_ns) / 1e9
        tracked = tracker.update(boxes, timestamp=seconds)
        known = tracked.tracker_id >= 0
        said.append(Said(tracked.tracker_id[known].astype(np.int64), tracked.xyxy[known]))
    return said


def by_norfair(
    shots: Sequence[Shot], fps: float, *, threshold: float, at_least: float, delay_s: float
) -> list[Said]:
    """Norfair with IoU as its distance; told are the boxes that it has seen."""
    tracker = norfair.Tracker(
        distance_function="iou",
        distance_threshold=threshold,
        hit_counter_max=max(2, round(fps * OURS.lost_s)),
        initialization_delay=max(1, round(fps * delay_s)),
    )
    said = []
    for frame, shot in enumerate(shots):
        sure = shot.detections[shot.detections.confidence >= at_least]
        objects = tracker.update(
            [norfair.Detection(box.reshape(2, 2).astype(float), data=frame) for box in sure.xyxy]
        )
        seen = [each for each in objects if each.last_detection.data == frame]
        boxes = np.array([each.last_detection.points.reshape(4) for each in seen], np.float32)
        said.append(Said(np.array([each.id for each in seen], np.int64), boxes.reshape(-1, 4)))
    return said


def with_our_thresholds(kind: type[ByteTrackTracker] | type[CBIoUTracker]) -> Run:
    """A tracker of roboflow's with our thresholds of confidence."""

    def run(shots: Sequence[Shot], fps: float) -> list[Said]:
        return roboflow(
            kind, shots, fps,
            high_conf_det_threshold=OURS.high_confidence,
            track_activation_threshold=OURS.new_confidence,
        )  # fmt: skip

    return run


RIVALS: Mapping[str, tuple[Run, ...]] = {
    "ByteTrack": (
        partial(roboflow, ByteTrackTracker),
        with_our_thresholds(ByteTrackTracker),
    ),
    "C-BIoU": (partial(roboflow, CBIoUTracker), with_our_thresholds(CBIoUTracker)),
    "norfair": tuple(
        partial(by_norfair, threshold=threshold, at_least=at_least, delay_s=0.2)
        for threshold in (0.5, 0.8)
        for at_least in (0.3, OURS.high_confidence)
    ),
}
"""By name, the ways in which each is run."""
