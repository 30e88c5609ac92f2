"""Which detection belongs to which track: the stages of ByteTrack.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022:
boxes of high confidence go to known tracks first; what is left of the tracks may take a box of
low confidence, which is an object behind something more often than nothing.

Two boxes are as similar as they overlap, both grown by a margin, as in C-BIoU (Yang et al., "Hard
to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by Buffering the
Matching Space", WACV 2023). Its margins are fixed shares of the box; ours follow the Kalman
filter's doubt, so they are wide at 5 frames a second or after an occlusion, and narrow at 25.
That is multiplied by the overlap of their heights, as in Hybrid-SORT (Yang et al., AAAI 2024):
who stands nearer to the camera is taller and lower, so people who cross are told apart.

Similarities are kept as a list of the pairs that are possible at all, about one a track,
instead of as matrices with a cell for every pair.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.track.assignment import solve
from edge.track.settings import TrackerSettings
from models.detections import Detections

F32 = NDArray[np.float32]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Where N tracks are expected in a frame.

    Attributes:
        xyxy: (N, 4) float32 in px.
        margin_px: (N,) by how much boxes grow before they are compared.
        reach_px: (N,) how far off a track's centre can be at most.
        class_id: (N,) int32.
        is_confirmed: (N,) tracks that count.
        was_seen: (N,) confirmed tracks that were seen in the frame before.
    """

    xyxy: F32
    margin_px: F32
    reach_px: F32
    class_id: NDArray[np.int32]
    is_confirmed: Mask
    was_seen: Mask

    def __len__(self) -> int:
        return len(self.xyxy)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """K pairs of a track and a detection that could belong together.

    Attributes:
        track: (K,) row of the track.
        detection: (K,) row of the detection.
        overlap: (K,) float32 in [0, 1], of the expected and the detected box, both grown.
    """

    track: Index
    detection: Index
    overlap: F32

    @classmethod
    def possible(cls, expected: Expected, detections: Detections) -> "Pairs":
        """Every pair of one class whose grown boxes meet, and that no jump is needed for."""
        margin = 2 * expected.margin_px[:, None]
        wide = _shared(expected.xyxy, detections.xyxy, 0)
        high = _shared(expected.xyxy, detections.xyxy, 1)
        track, detection = ((wide > -margin) & (high > -margin)).nonzero()
        boxes, seen = expected.xyxy[track], detections.xyxy[detection]
        off = (seen[:, :2] + seen[:, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2
        off *= off
        near = off[:, 0] + off[:, 1] <= expected.reach_px[track] ** 2
        near &= expected.class_id[track] == detections.class_id[detection]
        track, detection = track[near], detection[near]
        overlap = _overlap(
            boxes[near], seen[near], wide[track, detection], high[track, detection],
            2 * expected.margin_px[track],
        )  # fmt: skip
        return cls(track, detection, overlap)


def _shared(a: F32, b: F32, axis: int) -> F32:
    """(N, M): how far boxes share one axis, 0 for x, 1 for y; below 0 the gap between them."""
    length: F32 = np.minimum(a[:, axis + 2, None], b[:, axis + 2])
    length -= np.maximum(a[:, axis, None], b[:, axis])
    return length


def _overlap(boxes: F32, seen: F32, wide: F32, high: F32, margin: F32) -> F32:
    """(K,): overlap (IoU) times overlap of the heights, of boxes (K, 4) that grow by a margin."""
    wide, high = wide + margin, high + margin
    shared = wide * high
    union = _area(boxes, margin) + _area(seen, margin) - shared
    height = np.maximum(boxes[:, 3], seen[:, 3]) - np.minimum(boxes[:, 1], seen[:, 1]) + margin
    overlap: F32 = (shared / union) * (high / height)
    return overlap


def _area(xyxy: F32, margin: F32) -> F32:
    product: F32 = (xyxy[:, 2] - xyxy[:, 0] + margin) * (xyxy[:, 3] - xyxy[:, 1] + margin)
    return product


def associate(expected: Expected, detections: Detections, settings: TrackerSettings) -> Index:
    """The detection of each track.

    Args:
        expected: N tracks.
        detections: of this frame.
        settings: thresholds.

    Returns:
        (N,) row of the detection, -1 where a track was not seen. No detection stands twice.
    """
    found = np.full(len(expected), -1, np.intp)
    if not len(expected) or not len(detections):
        return found
    pairs = Pairs.possible(expected, detections)
    confidence = detections.confidence[pairs.detection]
    similarity = pairs.overlap * confidence
    is_high = confidence >= settings.high_confidence
    is_low = (confidence >= settings.low_confidence) & ~is_high
    is_similar = is_high & (similarity >= settings.min_similarity)
    is_alike = is_low & (pairs.overlap >= settings.min_low_iou)
    is_confirmed = expected.is_confirmed[pairs.track]
    stages = (
        (is_similar & is_confirmed, similarity),
        (is_alike & expected.was_seen[pairs.track], pairs.overlap),
        (is_similar & ~is_confirmed, similarity),
    )
    taken = np.zeros(len(detections), np.bool_)
    for allowed, score in stages:
        if not np.count_nonzero(allowed):
            continue
        free = (allowed & (found[pairs.track] < 0) & ~taken[pairs.detection]).nonzero()[0]
        chosen = free[assign(pairs.track[free], pairs.detection[free], score[free])]
        found[pairs.track[chosen]] = pairs.detection[chosen]
        taken[pairs.detection[chosen]] = True
    return found


def assign(rows: Index, columns: Index, score: NDArray[np.float32]) -> Index:
    """The pairs that together score highest, no row and no column twice.

    A pair that nobody competes with belongs to every optimum; only the others are left to
    the assignment solver, which keeps its matrix small.

    Args:
        rows: (K,) row of each pair.
        columns: (K,) column of each pair; no pair stands twice.
        score: (K,) above 0.

    Returns:
        Positions of the chosen pairs.
    """
    if not len(rows):
        return np.empty(0, np.intp)
    is_alone = (np.bincount(rows)[rows] == 1) & (np.bincount(columns)[columns] == 1)
    if np.count_nonzero(is_alone) == len(is_alone):
        return np.arange(len(rows))
    contested = (~is_alone).nonzero()[0]
    names, row = np.unique(rows[contested], return_inverse=True)
    others, column = np.unique(columns[contested], return_inverse=True)
    gain = np.zeros((len(names), len(others)))
    gain[row, column] = score[contested]
    pair = np.full(gain.shape, -1, np.intp)
    pair[row, column] = contested
    chosen = pair[solve(gain, maximize=True)]
    return np.concatenate((is_alone.nonzero()[0], chosen[chosen >= 0]))
