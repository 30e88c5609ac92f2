"""What is remembered of each track: who it is, when it was seen, how surely, and where it stays.

A track's memory has one size however long it lives: its scores are counted in hundredths, from
which follows their median, and of its places only the one is kept that it has not left yet.
"""

from dataclasses import dataclass, fields

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


@dataclass(slots=True)
class Lives:
    """The lives of N tracks; the last axis of every array, but `scores`, counts the tracks.

    Attributes:
        track_id: (N,) int64, TENTATIVE or the id.
        class_id: (N,) int32.
        first_seen_ns: (N,) int64.
        last_seen_ns: (N,) int64.
        is_confirmed: (N,) tracks that have an id.
        was_seen: (N,) confirmed tracks that the last frame showed.
        place: (4, N) float32, ltrb in px, the box around which each track has stayed.
        place_since_ns: (N,) int64, since when.
        place_area: (N,) float32, its area in px^2.
        scores: (N, 100) int32, how often each was seen with a score of at most so many
            hundredths, less how often with one of more.
    """

    track_id: NDArray[np.int64]
    class_id: NDArray[np.int32]
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]
    is_confirmed: Mask
    was_seen: Mask
    place: F32
    place_since_ns: NDArray[np.int64]
    place_area: F32
    scores: NDArray[np.int32]

    @classmethod
    def start(cls, seen: Detections, now_ns: int) -> "Lives":
        """Tentative tracks, one for each detection."""
        count = len(seen)
        now = np.full(count, now_ns, np.int64)
        lives = cls(
            track_id=np.full(count, TENTATIVE, np.int64),
            class_id=seen.class_id,
            first_seen_ns=now,
            last_seen_ns=now.copy(),
            is_confirmed=np.zeros(count, np.bool_),
            was_seen=np.zeros(count, np.bool_),
            place=np.ascontiguousarray(seen.xyxy.T),
            place_since_ns=now.copy(),
            place_area=_area(seen.xyxy.T),
            scores=np.zeros((count, SCORE_BINS), np.int32),
        )
        lives.see(np.ones(count, np.bool_), seen.confidence, now_ns)
        return lives

    def __len__(self) -> int:
        return len(self.track_id)

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

    def stay(self, is_seen: Mask, ltrb: F32, now_ns: int, min_iou: float) -> None:
        """Note where tracks are: who has left the place begins at a new one.

        Args:
            is_seen: (N,) which of them are seen.
            ltrb: (4, N) float32 px, where all of them are.
            now_ns: time of the frame.
            min_iou: who overlaps the place by less has left it.
        """
        place = self.place
        shared = np.minimum(place[2:], ltrb[2:])
        shared -= np.maximum(place[:2], ltrb[:2])
        np.maximum(shared, _ZERO, out=shared)
        overlap = shared[0] * shared[1]
        area = _area(ltrb)
        union = self.place_area + area
        union -= overlap
        union *= min_iou
        has_left = overlap < union
        has_left &= is_seen
        if np.count_nonzero(has_left):
            np.copyto(place, ltrb, where=has_left)
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
        parts = {name: getattr(self, name)[..., kept] for name in _BY_TRACK}
        return Lives(**parts, scores=self.scores[kept])

    def joined(self, other: "Lives") -> "Lives":
        """These lives, then the other ones."""
        parts = {
            name: np.concatenate((getattr(self, name), getattr(other, name)), axis=-1)
            for name in _BY_TRACK
        }
        return Lives(**parts, scores=np.concatenate((self.scores, other.scores)))


_BY_TRACK = tuple(field.name for field in fields(Lives) if field.name != "scores")
_UNSEEN = SCORE_BINS + 1
_COUNTED = np.where(np.arange(SCORE_BINS) >= np.arange(_UNSEEN)[:, None], 1, -1).astype(np.int8)
_COUNTED[SCORE_BINS] = _COUNTED[SCORE_BINS - 1]
_COUNTED = np.concatenate((_COUNTED, np.zeros((1, SCORE_BINS), np.int8)))
"""What one sighting adds to `scores`, by its hundredths; a score of 1 is the last of them."""
_MIDDLES: F32 = ((np.arange(SCORE_BINS) + 0.5) / SCORE_BINS).astype(np.float32)
"""The score that stands for each hundredth."""


def _area(ltrb: F32) -> F32:
    """(N,) areas of boxes (4, N); a box with its edges the wrong way round has none."""
    sides = ltrb[2:] - ltrb[:2]
    np.maximum(sides, _ZERO, out=sides)
    product: F32 = sides[0] * sides[1]
    return product
