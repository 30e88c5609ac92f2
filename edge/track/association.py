"""Which detection belongs to which track: the stages of ByteTrack.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022:
boxes of high confidence go to known tracks first; what is left of the tracks may take a box of
low confidence, which is an object behind something more often than nothing.

Similarities are kept as a list of the pairs that are possible at all, about one a track,
instead of as matrices with a cell for every pair.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from edge.track.settings import TrackerSettings
from models.detections import Detections
from models.nms import iou

Index = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """K pairs of a track and a detection that could belong together.

    Attributes:
        track: (K,) row of the track.
        detection: (K,) row of the detection.
        iou: (K,) float32, overlap of the predicted and the detected box.
        similarity: (K,) float32, iou times the detection's confidence.
    """

    track: Index
    detection: Index
    iou: NDArray[np.float32]
    similarity: NDArray[np.float32]

    @classmethod
    def possible(
        cls,
        predicted: NDArray[np.float32],
        class_id: NDArray[np.int32],
        detections: Detections,
        min_iou: float,
    ) -> "Pairs":
        """Every pair of one class that overlaps by `min_iou` or more.

        Args:
            predicted: (N, 4) boxes of the tracks, xyxy in px.
            class_id: (N,) of the tracks.
            detections: M of them.
            min_iou: in (0, 1].
        """
        overlap = iou(predicted, detections.xyxy)
        track, detection = (overlap >= min_iou).nonzero()
        same = class_id[track] == detections.class_id[detection]
        track, detection = track[same], detection[same]
        shared = overlap[track, detection]
        return cls(track, detection, shared, shared * detections.confidence[detection])


def associate(
    predicted: NDArray[np.float32],
    class_id: NDArray[np.int32],
    confirmed: Mask,
    tracked: Mask,
    detections: Detections,
    settings: TrackerSettings,
) -> Index:
    """The detection of each track.

    Args:
        predicted: (N, 4) float32, where the tracks are expected, xyxy in px.
        class_id: (N,) of the tracks.
        confirmed: (N,) tracks that count.
        tracked: (N,) confirmed tracks that were seen in the frame before.
        detections: of this frame.
        settings: thresholds.

    Returns:
        (N,) row of the detection, -1 where a track was not seen. No detection stands twice.
    """
    found = np.full(len(predicted), -1, np.intp)
    if not len(predicted) or not len(detections):
        return found
    min_iou = min(settings.min_similarity, settings.min_low_iou)
    pairs = Pairs.possible(predicted, class_id, detections, min_iou)
    is_high = (detections.confidence >= settings.high_confidence)[pairs.detection]
    is_low = (detections.confidence >= settings.low_confidence)[pairs.detection] & ~is_high
    is_similar = is_high & (pairs.similarity >= settings.min_similarity)
    is_confirmed = confirmed[pairs.track]
    stages = (
        (is_similar & is_confirmed, pairs.similarity),
        (is_low & tracked[pairs.track] & (pairs.iou >= settings.min_low_iou), pairs.iou),
        (is_similar & ~is_confirmed, pairs.similarity),
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
    chosen = pair[linear_sum_assignment(gain, maximize=True)]
    return np.concatenate((is_alone.nonzero()[0], chosen[chosen >= 0]))
