"""What is remembered of each track: who it is, when it was seen, how surely, and where it stays.

A track's memory has one size however long it lives: its scores are counted in hundredths, from
which follows their median, and of its places only the one is kept that it has not left yet.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections

Mask = NDArray[np.bool_]
F32 = NDArray[np.float32]
Rows = NDArray[np.intp]

NS_PER_S = 1_000_000_000
TENTATIVE = 0
"""Stands for the id of a track that has none yet."""
SCORE_BINS = 100
_ZERO = np.float32(0)


class Lives:
    """The lives of N tracks; the last axis of every array, but `scores`, counts the tracks.

    Args:
        scores: see below.
        numbers: (4, N) int64, the rows of track_id, first_seen_ns, last_seen_ns, place_since_ns.
        place: (5, N) float32, the rows of place and place_area.
        class_id: see below, as what follows.

    Attributes:
        numbers: as above; the attributes that it holds are parts of it.
        track_id: (N,) int64, TENTATIVE or the id.
        first_seen_ns: (N,) int64.
        last_seen_ns: (N,) int64.
        place_since_ns: (N,) int64, since when each has been where it stays.
        place: (4, N) float32, ltrb in px, the box around which each track has stayed.
        place_area: (N,) float32, its area in px^2.
        class_id: (N,) int32.
        is_confirmed: (N,) tracks that have an id.
        was_seen: (N,) confirmed tracks that the last frame showed.
        scores: (N, 100) int32, how often each was seen with a score of at most so many
            hundredths, less how often with one of more.
        tentative: how many tracks have no id.
    """

    __slots__ = (
        "_high", "_low", "_place", "class_id", "first_seen_ns", "is_confirmed", "last_seen_ns",
        "numbers", "place", "place_area", "place_since_ns", "scores", "tentative", "track_id",
        "was_seen",
    )  # fmt: skip

    def __init__(
        self,
        scores: NDArray[np.int32],
        numbers: NDArray[np.int64],
        place: F32,
        class_id: NDArray[np.int32],
        is_confirmed: Mask,
        was_seen: Mask,
    ) -> None:
        self.numbers, self._place = numbers, place
        self.track_id, self.first_seen_ns, self.last_seen_ns, self.place_since_ns = numbers
        self.place, self.place_area = place[:4], place[4]
        self._low, self._high = place[:2], place[2:4]
        self.class_id, self.scores = class_id, scores
        self.is_confirmed, self.was_seen = is_confirmed, was_seen
        self.tentative = len(class_id) - int(np.count_nonzero(is_confirmed))

    @classmethod
    def start(cls, seen: Detections, now_ns: int) -> "Lives":
        """Tentative tracks, one for each detection."""
        count, ltrb = len(seen), seen.xyxy.T
        numbers = np.empty((4, count), np.int64)
        numbers[0], numbers[1:] = TENTATIVE, now_ns
        place = np.empty((5, count), np.float32)
        place[:4], place[4] = ltrb, _area(ltrb)
        nobody = np.zeros(count, np.bool_)
        scores = np.zeros((count, SCORE_BINS), np.int32)
        lives = cls(scores, numbers, place, seen.class_id, nobody, nobody.copy())
        lives.see(~nobody, seen.confidence, now_ns)
        return lives

    def __len__(self) -> int:
        return len(self.class_id)

    def see(self, is_seen: Mask, confidence: F32, now_ns: int) -> None:
        """Some tracks are seen now.

        Args:
            is_seen: (N,) which.
            confidence: (N,) their scores in [0, 1], anything for the others.
            now_ns: time of the frame.
        """
        np.copyto(self.last_seen_ns, now_ns, where=is_seen)
        bins = (confidence * SCORE_BINS).astype(np.intp)
        self.scores += _COUNTED.take(np.where(is_seen, bins, _UNSEEN), axis=0)

    def confirm(self, due: Rows, first_id: int) -> None:
        """These tentative tracks, (K,), count from now on; they get ids from the first one on."""
        self.track_id[due] = np.arange(first_id, first_id + len(due))
        self.is_confirmed[due] = True
        self.tentative -= len(due)

    def stay(self, is_seen: Mask, ltrb: F32, now_ns: int, min_iou: float) -> None:
        """Note where tracks are: who has left the place begins at a new one.

        Args:
            is_seen: (N,) which of them are seen.
            ltrb: (4, N) float32 px, where all of them are.
            now_ns: time of the frame.
            min_iou: who overlaps the place by less has left it.
        """
        shared = np.minimum(self._high, ltrb[2:])
        shared -= np.maximum(self._low, ltrb[:2])
        np.maximum(shared, _ZERO, out=shared)
        overlap = shared[0] * shared[1]
        area = _area(ltrb)
        union = self.place_area + area
        union -= overlap
        union *= min_iou
        has_left = overlap < union
        has_left &= is_seen
        if np.count_nonzero(has_left):
            np.copyto(self.place, ltrb, where=has_left)
            np.copyto(self.place_area, area, where=has_left)
            np.copyto(self.place_since_ns, now_ns, where=has_left)

    def has_stayed(self, seconds: float) -> Mask:
        """(N,) who had kept its place for so long when it was last seen."""
        stayed_ns = self.last_seen_ns - self.place_since_ns
        has_stayed: Mask = stayed_ns >= seconds * NS_PER_S
        return has_stayed

    def median_confidence(self, rows: Rows) -> F32:
        """(K,) medians over all frames that showed these tracks, to a hundredth."""
        medians: F32 = _MIDDLES.take((self.scores >= 0).argmax(axis=1).take(rows))
        return medians

    def keep(self, kept: Mask) -> "Lives":
        """The lives of some of the tracks."""
        scores = self.scores.compress(kept, axis=0)
        return Lives(scores, *(part.compress(kept, axis=-1) for part in self._parts()))

    def joined(self, other: "Lives") -> "Lives":
        """These lives, then the other ones."""
        scores = np.concatenate((self.scores, other.scores))
        pairs = zip(self._parts(), other._parts(), strict=True)
        return Lives(scores, *(np.concatenate(pair, axis=-1) for pair in pairs))

    def _parts(self) -> tuple[NDArray[Any], ...]:
        """What has the tracks as its last axis, in the order of the arguments."""
        return self.numbers, self._place, self.class_id, self.is_confirmed, self.was_seen


_UNSEEN = SCORE_BINS + 1
_COUNTED = np.where(np.arange(SCORE_BINS) >= np.arange(_UNSEEN)[:, None], 1, -1).astype(np.int32)
_COUNTED[SCORE_BINS] = _COUNTED[SCORE_BINS - 1]
_COUNTED = np.concatenate((_COUNTED, np.zeros((1, SCORE_BINS), np.int32)))
"""What one sighting adds to `scores`, by its hundredths; a score of 1 is the last of them."""
_MIDDLES: F32 = ((np.arange(SCORE_BINS) + 0.5) / SCORE_BINS).astype(np.float32)
"""The score that stands for each hundredth."""


def _area(ltrb: F32) -> F32:
    """(N,) areas of boxes (4, N); a box with its edges the wrong way round has none."""
    sides = ltrb[2:] - ltrb[:2]
    np.maximum(sides, _ZERO, out=sides)
    product: F32 = sides[0] * sides[1]
    return product
