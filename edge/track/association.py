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

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.track.assignment import solve
from edge.track.settings import TrackerSettings
from models.detections import Detections

F32 = NDArray[np.float32]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
_HALF, _ONE = np.float32(0.5), np.float32(1)
_KNOWN, _UNSURE, _TENTATIVE = range(3)


class Expected(NamedTuple):
    """Where N tracks are expected in a frame.

    Attributes:
        ltrb: (4, N) float32 in px.
        margin_px: (N,) float32, by how much boxes grow before they are compared.
        reach_px: (N,) float32, how far off a track's centre can be at most.
        class_id: (N,) int32.
        is_confirmed: (N,) tracks that count.
        was_seen: (N,) confirmed tracks that were seen in the frame before.
    """

    ltrb: F32
    margin_px: F32
    reach_px: F32
    class_id: NDArray[np.int32]
    is_confirmed: Mask
    was_seen: Mask


class Pairs(NamedTuple):
    """K pairs of a track and a detection whose grown boxes meet.

    Attributes:
        track: (K,) which track.
        detection: (K,) which detection.
        overlap: (K,) float32 in [0, 1], of the expected and the detected box, both grown; 0 where
            they are of two classes, or the track would have to jump.
    """

    track: Index
    detection: Index
    overlap: F32

    @classmethod
    def meeting(cls, expected: Expected, ltrb: F32, class_id: NDArray[np.int32]) -> "Pairs":
        """Every pair that could belong together, and some that could not.

        Args:
            expected: N tracks.
            ltrb: (4, M) float32 in px, what was detected.
            class_id: (M,) of it.
        """
        boxes, grown = expected.ltrb, 2 * expected.margin_px
        shared = np.minimum(boxes[2:, :, None], ltrb[2:, None])
        shared -= np.maximum(boxes[:2, :, None], ltrb[:2, None])
        shared += grown[:, None]
        meet = (np.minimum(shared[0], shared[1]) > 0).ravel().nonzero()[0]
        track: Index = meet // len(class_id)
        detection: Index = meet % len(class_id)
        here, there = boxes.take(track, axis=1), ltrb.take(detection, axis=1)
        both = shared.reshape(2, -1).take(meet, axis=1)
        may = _is_near(here, there, expected.reach_px.take(track))
        may &= expected.class_id.take(track) == class_id.take(detection)
        overlap = _overlap(here, there, both, grown.take(track))
        overlap *= may
        return cls(track, detection, overlap)


def _is_near(boxes: F32, seen: F32, reach: F32) -> Mask:
    """(K,), whose centres are not further apart than they can be; boxes (4, K), reach (K,)."""
    off = seen[:2] + seen[2:]
    off -= boxes[:2]
    off -= boxes[2:]
    off *= _HALF
    off *= off
    reach *= reach
    near: Mask = off[0] + off[1] <= reach
    return near


def _overlap(boxes: F32, seen: F32, shared: F32, margin: F32) -> F32:
    """(K,): overlap (IoU) times overlap of the heights, of boxes (4, K) that grow by a margin.

    Args:
        boxes: (4, K) in px.
        seen: (4, K) in px.
        shared: (2, K), how far both, grown, share width and height.
        margin: (K,) by which each box grows, both sides together.
    """
    wide, high = shared
    overlap: F32 = wide * high
    union = _area(boxes, margin)
    union += _area(seen, margin)
    union -= overlap
    height = np.maximum(boxes[3], seen[3])
    height -= np.minimum(boxes[1], seen[1])
    height += margin
    overlap /= union
    overlap *= high / height
    return overlap


def _area(ltrb: F32, margin: F32) -> F32:
    sides = ltrb[2:] - ltrb[:2]
    sides += margin
    product: F32 = sides[0] * sides[1]
    return product


def associate(
    expected: Expected, detections: Detections, ltrb: F32, settings: TrackerSettings
) -> Index:
    """The detection of each track.

    Args:
        expected: N tracks.
        detections: of this frame.
        ltrb: (4, M) float32, the same boxes, one row an edge.
        settings: thresholds.

    Returns:
        (N,) number of the detection, -1 where a track was not seen. No detection stands twice.
    """
    found = np.empty(len(expected.class_id), np.intp)
    found.fill(-1)
    if not len(found) or not len(detections):
        return found
    pairs = Pairs.meeting(expected, ltrb, detections.class_id)
    confidence = detections.confidence.take(pairs.detection)
    is_low = confidence < settings.high_confidence
    match = _match(expected, pairs, confidence, is_low, settings).nonzero()[0]
    track, detection = pairs.track.take(match), pairs.detection.take(match)
    rivals = np.bincount(track).take(track)
    rivals += np.bincount(detection).take(detection)
    # A pair that competes with none is what its stage would choose: most of a frame is settled.
    is_alone = rivals == 2
    found[track[is_alone]] = detection[is_alone]
    if np.count_nonzero(is_alone) < len(match):
        contested = match[~is_alone]
        low, track = is_low.take(contested), pairs.track.take(contested)
        known = np.where(expected.is_confirmed.take(track), _KNOWN, _TENTATIVE)
        score = pairs.overlap.take(contested)
        score *= np.where(low, _ONE, confidence.take(contested))
        detection = pairs.detection.take(contested)
        _settle(found, np.where(low, _UNSURE, known), track, detection, score)
    return found


def _match(
    expected: Expected, pairs: Pairs, confidence: F32, is_low: Mask, settings: TrackerSettings
) -> Mask:
    """(K,), which pairs may match; `confidence` and `is_low` are of their detections."""
    match: Mask = pairs.overlap * confidence >= settings.min_similarity
    if np.count_nonzero(is_low):
        may = (confidence >= settings.low_confidence) & (pairs.overlap >= settings.min_low_iou)
        may &= expected.was_seen.take(pairs.track)
        np.copyto(match, may, where=is_low)
    return match


def _settle(found: Index, stage: Index, track: Index, detection: Index, score: F32) -> None:
    """Give contested pairs, K of each, to each other in `found`, stage by stage."""
    # A handful of pairs, for which plain Python is quicker than arrays.
    pairs = [*zip(track.tolist(), detection.tolist(), score.tolist(), strict=True)]
    stages = stage.tolist()
    tracks, detections = set(), set()
    for now in sorted(set(stages)):
        free = [
            pair
            for pair, its_stage in zip(pairs, stages, strict=True)
            if its_stage == now and pair[0] not in tracks and pair[1] not in detections
        ]
        if not free:
            continue
        for at in assign(*zip(*free, strict=True)):
            row, column, _ = free[at]
            found[row] = column
            tracks.add(row)
            detections.add(column)


def assign(rows: Sequence[int], columns: Sequence[int], scores: Sequence[float]) -> list[int]:
    """The pairs that together score highest, no row and no column twice.

    A pair that nobody competes with belongs to every optimum; only the others are left to
    the assignment solver, which keeps its matrix small.

    Args:
        rows: K of the pairs.
        columns: K of them; no pair stands twice.
        scores: K, above 0.

    Returns:
        Places of the chosen pairs.
    """
    in_row, in_column = Counter(rows), Counter(columns)
    chosen: list[int] = []
    contested: list[int] = []
    for place, (row, column) in enumerate(zip(rows, columns, strict=True)):
        is_alone = in_row[row] == 1 and in_column[column] == 1
        (chosen if is_alone else contested).append(place)
    if not contested:
        return chosen
    row_of = _numbered(rows[place] for place in contested)
    column_of = _numbered(columns[place] for place in contested)
    gain = np.zeros((len(row_of), len(column_of)))
    pair: dict[tuple[int, int], int] = {}
    for place in contested:
        at = row_of[rows[place]], column_of[columns[place]]
        gain[at], pair[at] = scores[place], place
    best = zip(*(side.tolist() for side in solve(gain, maximize=True)), strict=True)
    return chosen + [pair[at] for at in best if at in pair]


def _numbered(names: Iterable[int]) -> dict[int, int]:
    """The places of different numbers in their order."""
    return {name: place for place, name in enumerate(sorted(set(names)))}
