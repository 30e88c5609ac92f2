"""Detections and small scenes for the tracker's tests."""

from collections.abc import Iterable, Sequence

import numpy as np

from edge.track.port import Tracks
from edge.track.tracker import Tracker
from models.detections import Detections

Box = tuple[float, float, float, float]
START_NS = 1_700_000_000_000_000_000


def detections(
    boxes: Sequence[Box],
    confidence: Sequence[float] | float = 0.9,
    class_id: Sequence[int] | int = 0,
) -> Detections:
    """Detections of xyxy boxes; a single confidence or class is that of all."""
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.broadcast_to(np.array(confidence, np.float32), (count,)).copy(),
        np.broadcast_to(np.array(class_id, np.int32), (count,)).copy(),
    )


def at(x: float, y: float = 100.0, width: float = 40.0, height: float = 100.0) -> Box:
    """A box with its left top at (x, y)."""
    return (x, y, x + width, y + height)


def run(tracker: Tracker, frames: Iterable[Detections], fps: float) -> list[Tracks]:
    """What the tracker says to frames at a steady rate."""
    return [
        tracker.update(found, captured_ns=START_NS + round(number * 1e9 / fps), frame=number)
        for number, found in enumerate(frames)
    ]


def ids(results: Iterable[Tracks]) -> set[int]:
    """Every id that was given."""
    return {name for tracks in results for name in tracks.track_id.tolist()}
