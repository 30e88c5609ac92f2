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
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.track.assignment import solve
from edge.track.settings import TrackerSettings
from models.detections import Detections

F32 = NDArray[np.float32]
Index = NDArray[np.intp]
Mask = NDArray[np.bool_]
_HALF = np.float32(0.5)
_KNOWN, _UNSURE, _TENTATIVE, _TAKEN = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
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

    def __len__(self) -> int:
        return len(self.margin_px)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """K pairs of a track and a detection that could belong together.

    Attributes:
        track: (K,) which track.
        detection: (K,) which detection.
        overlap: (K,) float32 in [0, 1], of the expected and the detected box, both grown.
    """

    track: Index
    detection: Index
    overlap: F32

    @classmethod
    def possible(cls, expected: Expected, ltrb: F32, class_id: NDArray[np.int32]) -> "Pairs":
        """Every pair of one class whose grown boxes meet, and that no jump is needed for.

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
        near = _is_near(here, there, expected.reach_px.take(track))
        near &= expected.class_id.take(track) == class_id.take(detection)
        if np.count_nonzero(near) < len(near):
            meet, track, detection = meet[near], track[near], detection[near]
            here, there = here[:, near], there[:, near]
        both = shared.reshape(2, -1).take(meet, axis=1)
        return cls(track, detection, _overlap(here, there, both, grown.take(track)))


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
    overlap: F32 = shared[0] * shared[1]
    union = _area(boxes, margin)
    union += _area(seen, margin)
    union -= overlap
    height = np.maximum(boxes[3], seen[3])
    height -= np.minimum(boxes[1], seen[1])
    height += margin
    overlap /= union
    overlap *= shared[1] / height
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
    found = np.full(len(expected), -1, np.intp)
    if not len(expected) or not len(detections):
        return found
    pairs = Pairs.possible(expected, ltrb, detections.class_id)
    may = _Stages.of(expected, pairs, detections.confidence, settings)
    rivals = np.bincount(pairs.track, may.match, len(expected)).take(pairs.track)
    rivals += np.bincount(pairs.detection, may.match, len(detections)).take(pairs.detection)
    # A pair that competes with none is what its stage would choose: most of a frame is settled.
    is_alone = may.match & (rivals <= 2)
    found[pairs.track[is_alone]] = pairs.detection[is_alone]
    contested = (may.match & ~is_alone).nonzero()[0]
    if len(contested):
        _settle(found, pairs, may, contested)
    return found


@dataclass(slots=True)
class _Stages:
    """In which stage each of K pairs may match, and how good it is there.

    Attributes:
        match: (K,) pairs that may match at all; each does so in one stage.
        stage: (K,) 0 for known tracks and confident boxes, 1 for known tracks and the rest,
            2 for tentative tracks; counts where `match`.
        score: (K,) float32.
    """

    match: Mask
    stage: NDArray[np.int64]
    score: F32

    @classmethod
    def of(
        cls, expected: Expected, pairs: Pairs, confidence: F32, settings: TrackerSettings
    ) -> "_Stages":
        """The stages of pairs; `confidence` (M,) is of the detections."""
        sure = confidence.take(pairs.detection)
        score = pairs.overlap * sure
        is_low = sure < settings.high_confidence
        match = score >= settings.min_similarity
        stage = np.where(expected.is_confirmed.take(pairs.track), _KNOWN, _TENTATIVE)
        if np.count_nonzero(is_low):
            may = (sure >= settings.low_confidence) & (pairs.overlap >= settings.min_low_iou)
            may &= expected.was_seen.take(pairs.track)
            np.copyto(match, may, where=is_low)
            np.copyto(score, pairs.overlap, where=is_low)
            np.copyto(stage, _UNSURE, where=is_low)
        return cls(match, stage, score)


def _settle(found: Index, pairs: Pairs, may: _Stages, contested: Index) -> None:
    """Give the contested pairs to each other in `found`, stage by stage."""
    # A handful of pairs, for which plain Python is quicker than arrays.
    track, detection = pairs.track[contested].tolist(), pairs.detection[contested].tolist()
    stages, scores = may.stage[contested].tolist(), may.score[contested].tolist()
    for stage in (_KNOWN, _UNSURE, _TENTATIVE):
        free = [at for at, its_stage in enumerate(stages) if its_stage == stage]
        if not free:
            continue
        chosen = assign(
            [track[at] for at in free], [detection[at] for at in free], [scores[at] for at in free]
        )
        tracks, detections = set(), set()
        for at in (free[place] for place in chosen):
            found[track[at]] = detection[at]
            tracks.add(track[at])
            detections.add(detection[at])
        stages = [
            _TAKEN if track[at] in tracks or detection[at] in detections else its_stage
            for at, its_stage in enumerate(stages)
        ]


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
