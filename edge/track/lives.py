"""What is remembered of each track: who it is, when it was seen, how surely, and where it stays.

A track's memory has one size however long it lives: its scores are counted in hundredths, from
which follows their median, and of its places only the one is kept that it has not left yet.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.nms import area

Mask = NDArray[np.bool_]
F32 = NDArray[np.float32]
Rows = NDArray[np.intp]

TENTATIVE = 0
"""Stands for the id of a track that has none yet."""
SCORE_BINS = 100


@dataclass(slots=True)
class Lives:
    """The lives of N tracks; row i of every array belongs to track i.

    Attributes:
        track_id: (N,) int64, TENTATIVE or the id.
        class_id: (N,) int32.
        first_seen_ns: (N,) int64.
        last_seen_ns: (N,) int64.
        was_seen: (N,) confirmed tracks that the last frame showed.
        place: (N, 4) float32, xyxy in px, the box around which each track has stayed.
        place_since_ns: (N,) int64, since when.
        scores: (N, 100) uint32, how often each was seen with a score of so many hundredths.
    """

    track_id: NDArray[np.int64]
    class_id: NDArray[np.int32]
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]
    was_seen: Mask
    place: F32
    place_since_ns: NDArray[np.int64]
    scores: NDArray[np.uint32]

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
            was_seen=np.zeros(count, np.bool_),
            place=seen.xyxy,
            place_since_ns=now.copy(),
            scores=np.zeros((count, SCORE_BINS), np.uint32),
        )
        lives._count(np.arange(count), seen.confidence)
        return lives

    def __len__(self) -> int:
        return len(self.track_id)

    @property
    def is_confirmed(self) -> Mask:
        """(N,) tracks that have an id."""
        confirmed: Mask = self.track_id != TENTATIVE
        return confirmed

    def see(self, rows: Rows, confidence: F32, now_ns: int) -> None:
        """These tracks are seen now, with these scores in [0, 1]."""
        self.last_seen_ns[rows] = now_ns
        self._count(rows, confidence)

    def stay(self, rows: Rows, xyxy: F32, now_ns: int, min_iou: float) -> None:
        """Note where these tracks are, (K, 4): who has left the place begins at a new one."""
        place = self.place[rows]
        shared = np.minimum(place[:, 2:], xyxy[:, 2:]) - np.maximum(place[:, :2], xyxy[:, :2])
        np.maximum(shared, 0, out=shared)
        overlap = shared[:, 0] * shared[:, 1]
        has_left = overlap < min_iou * (area(place) + area(xyxy) - overlap)
        left = rows[has_left]
        self.place[left] = xyxy[has_left]
        self.place_since_ns[left] = now_ns

    def median_confidence(self, rows: Rows) -> F32:
        """(K,) medians over all frames that showed these tracks, to a hundredth."""
        sums = np.cumsum(self.scores[rows], axis=1, dtype=np.int64)
        middle = (2 * sums >= sums[:, -1:]).argmax(axis=1)
        medians: F32 = ((middle + 0.5) / SCORE_BINS).astype(np.float32)
        return medians

    def keep(self, rows: Mask) -> "Lives":
        """The lives of some of the tracks."""
        return Lives(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: "Lives") -> "Lives":
        """These lives, then the other ones."""
        return Lives(
            *(
                np.concatenate((getattr(self, field.name), getattr(other, field.name)))
                for field in fields(self)
            )
        )

    def _count(self, rows: Rows, confidence: F32) -> None:
        bins = np.minimum((confidence * SCORE_BINS).astype(np.intp), SCORE_BINS - 1)
        self.scores[rows, bins] += 1
