"""The tracker against roboflow's ByteTrack (package `trackers`), on the same boxes.

The scene is made: people-shaped objects that walk, turn at the picture's edge, come and go,
hide behind each other, are missed now and then, and have scores that jitter across both
trackers' thresholds. Both get the same thresholds and the same frame times, and the comparison
is refused where one of them follows fewer objects than the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker

from benchmarks.report import Row, interleaved, markdown
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from models.detections import Detections
from models.nms import nms

FPS = 30
WIDTH_PX, HEIGHT_PX = 1920.0, 1080.0
BOUND = 0.5
SIZES = ((50, 120, 15), (200, 60, 9))
"""Objects, frames and rounds of each scene."""

SETTINGS = TrackerSettings(
    high_confidence=0.6, new_confidence=0.7, low_confidence=0.0, confirm_s=1 / FPS, lost_s=1.0
)


@dataclass(frozen=True, slots=True)
class Work:
    """What a tracker made of a scene.

    Attributes:
        boxes: that got a track's id, over all frames.
        ids: different ids that were given.
    """

    boxes: int
    ids: int


def scene(objects: int, frames: int, seed: int = 7) -> list[Detections]:
    """Detections of moving objects, frame by frame."""
    rng = np.random.default_rng(seed)
    height = rng.uniform(60, 220, objects)
    size = np.stack((height * rng.uniform(0.35, 0.5, objects), height), axis=1)
    span = np.array((WIDTH_PX, HEIGHT_PX))
    centre = rng.uniform(0, 1, (objects, 2)) * span
    velocity = rng.normal(0, 0.6, (objects, 2)) * height[:, None] / FPS
    found = []
    for _ in range(frames):
        velocity += rng.normal(0, 0.03, (objects, 2)) * height[:, None] / FPS
        centre += velocity
        outside = (centre < 0) | (centre > span)
        velocity[outside] *= -1
        replaced = rng.uniform(size=objects) < 1 / (10 * FPS)
        centre[replaced] = rng.uniform(0, 1, (int(replaced.sum()), 2)) * span
        found.append(_detected(centre, size, rng))
    return found


def _detected(
    centre: NDArray[np.float64], size: NDArray[np.float64], rng: np.random.Generator
) -> Detections:
    """What a detector would say: noise on edges and scores, some missed, overlaps suppressed."""
    xyxy = np.concatenate((centre - size / 2, centre + size / 2), axis=1)
    xyxy += rng.normal(0, 0.02, xyxy.shape) * size[:, 1:]
    score = np.clip(rng.normal(0.8, 0.12, len(centre)), 0.15, 0.99).astype(np.float32)
    seen = rng.uniform(size=len(centre)) > 0.04
    boxes = xyxy[seen].astype(np.float32)
    detections = Detections(boxes, score[seen], np.zeros(len(boxes), np.int32))
    return detections[nms(detections.xyxy, detections.confidence, detections.class_id, 0.65)]


def run_ours(frames: list[Detections]) -> Work:
    """Our tracker over a scene."""
    tracker = Tracker(SETTINGS)
    boxes = 0
    for number, detections in enumerate(frames):
        captured_ns = (number + 1) * 1_000_000_000 // FPS
        boxes += len(tracker.update(detections, captured_ns=captured_ns, frame=number))
    return Work(boxes, tracker.next_id - 1)


def run_reference(frames: list[sv.Detections]) -> Work:
    """Roboflow's tracker over the same scene."""
    tracker = ByteTrackTracker(
        high_conf_det_threshold=SETTINGS.high_confidence,
        track_activation_threshold=SETTINGS.new_confidence,
        lost_track_buffer=FPS,
        frame_rate=float(FPS),
    )
    boxes, last_id = 0, -1
    for number, detections in enumerate(frames):
        ids = tracker.update(detections, timestamp=(number + 1) / FPS).tracker_id
        boxes += int((ids >= 0).sum())
        last_id = max(last_id, int(ids.max(initial=-1)))
    return Work(boxes, last_id + 1)


def compare(objects: int, frames: int, rounds: int) -> Row:
    """The row of one scene.

    Raises:
        RuntimeError: the two did not do the same work, so that times say nothing.
    """
    ours = scene(objects, frames)
    theirs = [sv.Detections(f.xyxy, confidence=f.confidence, class_id=f.class_id) for f in ours]
    _check_same_work(objects, run_ours(ours), run_reference(theirs))
    work: tuple[Callable[[], Work], Callable[[], Work]] = (
        lambda: run_ours(ours),
        lambda: run_reference(theirs),
    )
    name = f"tracker, {objects} boxes (roboflow ByteTrack)"
    return interleaved(name, *work, rounds=rounds, units=frames, bound=BOUND)


def _check_same_work(objects: int, ours: Work, reference: Work) -> None:
    if ours.boxes < 0.97 * reference.boxes or ours.ids > 1.2 * reference.ids:
        raise RuntimeError(f"{objects} objects: not the same work: {ours}, reference {reference}")


def measure() -> list[Row]:
    """Our tracker against the reference, at 50 and at 200 boxes."""
    return [compare(*size) for size in SIZES]


if __name__ == "__main__":
    print(markdown(measure()))
