"""The tracker's speed against roboflow's ByteTrack and C-BIoU and norfair, on the same boxes.

The scene is made: people-shaped objects that walk, turn at the picture's edge, come and go,
hide behind each other, are missed now and then, and have scores that jitter across the
trackers' thresholds. All get the same thresholds and the same frame times, and the comparison
is refused where ours follows fewer objects than another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import norfair
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker, CBIoUTracker

from benchmarks.report import Row, interleaved, markdown
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from models.detections import Detections
from models.nms import nms

FPS = 30
WIDTH_PX, HEIGHT_PX = 1920.0, 1080.0
SIZES = ((50, 120, 15, 0.5), (200, 60, 7, 0.25))
"""Objects, frames and rounds of each scene, and the bound."""

SETTINGS = TrackerSettings(
    high_confidence=0.6, new_confidence=0.7, sure_confidence=0.0, low_confidence=0.0,
    confirm_s=1 / FPS, lost_s=1.0,
)  # fmt: skip
"""Without doubt of what is unsure and stands still, which the others do not know."""


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


def run_roboflow(kind: Callable[..., ByteTrackTracker], frames: list[Detections]) -> Work:
    """One of roboflow's trackers over the same scene."""
    tracker = kind(
        high_conf_det_threshold=SETTINGS.high_confidence,
        track_activation_threshold=SETTINGS.new_confidence,
        lost_track_buffer=FPS,
        frame_rate=float(FPS),
    )
    boxes, last_id = 0, -1
    for number, found in enumerate(frames):
        seen = sv.Detections(found.xyxy, confidence=found.confidence, class_id=found.class_id)
        ids = tracker.update(seen, timestamp=(number + 1) / FPS).tracker_id
        boxes += int((ids >= 0).sum())
        last_id = max(last_id, int(ids.max(initial=-1)))
    return Work(boxes, last_id + 1)


def run_norfair(frames: list[Detections]) -> Work:
    """Norfair over the same scene; it knows one threshold only."""
    tracker = norfair.Tracker("iou", distance_threshold=0.8, hit_counter_max=FPS)
    boxes, ids = 0, set()
    for number, found in enumerate(frames):
        sure = found.xyxy[found.confidence >= SETTINGS.high_confidence].astype(float)
        seen = [norfair.Detection(box.reshape(2, 2), data=number) for box in sure]
        told = [each for each in tracker.update(seen) if each.last_detection.data == number]
        boxes += len(told)
        ids |= {each.id for each in told}
    return Work(boxes, len(ids))


REFERENCES: Mapping[str, Callable[[list[Detections]], Work]] = {
    "ByteTrack": partial(run_roboflow, ByteTrackTracker),
    "C-BIoU": partial(run_roboflow, CBIoUTracker),
    "norfair": run_norfair,
}


def compare(name: str, objects: int, frames: int, rounds: int, bound: float) -> Row:
    """The row of one scene and one reference.

    Raises:
        RuntimeError: the two did not do the same work, so that times say nothing.
    """
    boxes, reference = scene(objects, frames), REFERENCES[name]
    _check_same_work(f"{name}, {objects} objects", run_ours(boxes), reference(boxes))
    row = f"tracker, {objects} boxes ({name})"
    work = (lambda: run_ours(boxes), lambda: reference(boxes))
    return interleaved(row, *work, rounds=rounds, units=frames, bound=bound)


def _check_same_work(name: str, ours: Work, reference: Work) -> None:
    # C-BIoU tells its first frame's boxes at once, before any is confirmed: 3 in 100 more.
    if ours.boxes < 0.95 * reference.boxes or ours.ids > 1.2 * reference.ids:
        raise RuntimeError(f"{name}: not the same work: {ours}, reference {reference}")


def measure() -> list[Row]:
    """Our tracker against each reference, at 50 and at 200 boxes."""
    return [compare(name, *size) for size in SIZES for name in REFERENCES]


if __name__ == "__main__":
    print(markdown(measure()))
