"""The living objects of a camera as arrays: where each was last seen, and for how long."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns
from edge.track.port import Tracks

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What one frame shows of the living objects; S of them are seen.

    Attributes:
        now_ns: captured time of the frame.
        columns: (S,) which of the objects.
        is_new: (S,) seen for the first time.
        class_id: (S,) of each.
        best_confidence: (S,) highest so far of each.
        before: (2, S, 2), its anchors when it was last seen; of a new one, as now. The first
            axis is that of `fields.ANCHORS`, the last (x, y), in shares of the picture.
        after: (2, S, 2), its anchors now.
        aspect: width over height of the picture in pixels.
        stationary: (S,) has kept its place for a while.
    """

    now_ns: int
    columns: NDArray[np.intp]
    is_new: NDArray[np.bool_]
    class_id: NDArray[np.int32]
    best_confidence: F64
    before: F64
    after: F64
    aspect: float
    stationary: NDArray[np.bool_]


@dataclass(slots=True)
class Objects(Columns):
    """N objects that were started and have not ended; one column each.

    Attributes:
        track_id: (N,) int64.
        class_id: (N,) int32.
        first_seen_ns: (N,) int64.
        last_seen_ns: (N,) int64.
        last_frame: (N,) int64, number of the frame in which it was last seen.
        confidence: (N,) float64, when last seen.
        best_confidence: (N,) float64, highest so far.
        median_confidence: (N,) float64, over every frame that showed it.
        stationary: (N,) had kept its place for a while when it was last seen.
        ltrb: (4, N) float64, left, top, right, bottom in shares of the picture, within it.
        speed_mps: (N,) float64, m/s on the ground when last known, 0 where it never was.
    """

    track_id: NDArray[np.int64]
    class_id: NDArray[np.int32]
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]
    last_frame: NDArray[np.int64]
    confidence: F64
    best_confidence: F64
    median_confidence: F64
    stationary: NDArray[np.bool_]
    ltrb: F64
    speed_mps: F64

    @classmethod
    def none(cls) -> "Objects":
        """No objects yet."""
        return cls(
            np.empty(0, np.int64),
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty(0),
            np.empty(0),
            np.empty(0),
            np.empty(0, np.bool_),
            np.empty((4, 0)),
            np.empty(0),
        )

    def __len__(self) -> int:
        return len(self.track_id)

    def columns_of(self, track_ids: tuple[int, ...]) -> NDArray[np.intp]:
        """Columns of those of the ids that live, in the order of the columns."""
        return np.isin(self.track_id, track_ids).nonzero()[0] if track_ids else _NO_COLUMNS

    def see(self, tracks: Tracks, width_px: int, height_px: int) -> Sight:
        """Take in one frame's tracks; those that are not known yet become new columns.

        Args:
            tracks: of the frame.
            width_px: of the frame.
            height_px: of the frame.
        """
        columns, is_new = self._columns(tracks.track_id)
        ltrb = tracks.xyxy.T / _size(width_px, height_px)
        np.maximum(ltrb, 0.0, out=ltrb)
        np.minimum(ltrb, 1.0, out=ltrb)
        if np.count_nonzero(is_new):
            added = columns[is_new]
            self.track_id[added] = tracks.track_id[is_new]
            self.class_id[added] = tracks.class_id[is_new]
            self.first_seen_ns[added] = tracks.first_seen_ns[is_new]
            self.ltrb[:, added] = ltrb[:, is_new]
        before = _anchors(self.ltrb.take(columns, axis=1))
        self.ltrb[:, columns] = ltrb
        self.last_seen_ns[columns] = tracks.captured_ns
        self.last_frame[columns] = tracks.frame
        self.confidence[columns] = tracks.confidence
        self.median_confidence[columns] = tracks.median_confidence
        self.stationary[columns] = tracks.stationary
        best = np.maximum(self.best_confidence[columns], tracks.confidence)
        self.best_confidence[columns] = best
        return Sight(
            now_ns=tracks.captured_ns,
            columns=columns,
            is_new=is_new,
            class_id=self.class_id[columns],
            best_confidence=best,
            before=before,
            after=_anchors(ltrb),
            aspect=width_px / height_px,
            stationary=tracks.stationary,
        )

    def _columns(self, track_id: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Column of each track, and which of them are new."""
        place = {name: column for column, name in enumerate(self.track_id.tolist())}
        known = len(place)
        columns = np.array(
            [place.setdefault(name, len(place)) for name in track_id.tolist()], np.intp
        )
        if len(place) > known:
            self.grow(len(place) - known)
        return columns, columns >= known


@lru_cache(maxsize=8)
def _size(width_px: int, height_px: int) -> F64:
    """(4, 1), what the edges of a box are shares of; nobody writes into it."""
    return np.array(((width_px,), (height_px,), (width_px,), (height_px,)), np.float64)


_NO_COLUMNS: NDArray[np.intp] = np.empty(0, np.intp)


def _anchors(ltrb: F64) -> F64:
    """(2, S, 2), the bottom centres and the centres of boxes (4, S)."""
    left, top, right, bottom = ltrb
    anchors = np.empty((2, ltrb.shape[1], 2))
    anchors[:, :, 0] = (left + right) / 2
    anchors[0, :, 1] = bottom
    anchors[1, :, 1] = (top + bottom) / 2
    return anchors
