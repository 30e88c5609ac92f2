"""IDF1 by motmetrics and HOTA by TrackEval, of what a tracker said against what was there."""

from collections.abc import Sequence
from dataclasses import dataclass

import motmetrics
import numpy as np
import trackeval
from numpy.typing import NDArray

from benchmarks.rivals import Said
from models.nms import iou
from tests.support.street_detector import Shot

MIN_IOU = 0.5
"""Below that, IDF1 takes a box for another object's."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How well identities were kept, each in 0 to 100.

    Attributes:
        idf1: Ristani et al., "Performance Measures and a Data Set for Multi-Target,
            Multi-Camera Tracking", 2016.
        hota: Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object
            Tracking", IJCV 2021, mean over its thresholds.
    """

    idf1: float
    hota: float


def scores(shots: Sequence[Shot], said: Sequence[Said]) -> Scores:
    """Both scores of a recording."""
    overlaps = [iou(shot.xyxy, frame.xyxy) for shot, frame in zip(shots, said, strict=True)]
    return Scores(_idf1(shots, said, overlaps), _hota(shots, said, overlaps))


def _idf1(
    shots: Sequence[Shot], said: Sequence[Said], overlaps: Sequence[NDArray[np.float32]]
) -> float:
    matches = motmetrics.MOTAccumulator(auto_id=True)
    for shot, frame, overlap in zip(shots, said, overlaps, strict=True):
        distance = np.where(overlap >= MIN_IOU, 1 - overlap.astype(np.float64), np.nan)
        matches.update(shot.person, frame.track_id, distance)
    table = motmetrics.metrics.create().compute(matches, metrics=["idf1"])
    return 100 * float(table["idf1"].iloc[0])


def _hota(
    shots: Sequence[Shot], said: Sequence[Said], overlaps: Sequence[NDArray[np.float32]]
) -> float:
    people, ids_of_people = _numbered([shot.person for shot in shots])
    tracks, ids_of_tracks = _numbered([frame.track_id for frame in said])
    result = trackeval.metrics.HOTA().eval_sequence(
        {
            "num_timesteps": len(shots),
            "gt_ids": ids_of_people,
            "tracker_ids": ids_of_tracks,
            "similarity_scores": [overlap.astype(np.float64) for overlap in overlaps],
            "num_gt_ids": people,
            "num_tracker_ids": tracks,
            "num_gt_dets": sum(map(len, ids_of_people)),
            "num_tracker_dets": sum(map(len, ids_of_tracks)),
        }
    )
    return 100 * float(np.mean(result["HOTA"]))


def _numbered(
    frames: Sequence[NDArray[np.int64] | NDArray[np.intp]],
) -> tuple[int, list[NDArray[np.intp]]]:
    """How many different ids there are, and the frames with ids from 0 on."""
    names, numbers = np.unique(np.concatenate(frames), return_inverse=True)
    return len(names), np.split(numbers, np.cumsum([len(frame) for frame in frames])[:-1])
