"""The living objects of a camera as arrays: where each was last seen, and for how long."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns
from edge.track.port import Tracks

F64 = NDArray[np.float64]


class Sight(NamedTuple):
    """What one frame shows of the living objects; S of them are seen.

    Attributes:
        now_ns: captured time of the frame.
        columns: (S,) which of the objects.
        new: (W,) which of the objects are seen for the first time; they are among `columns`.
        class_id: (S,) of each.
        best_confidence: (S,) highest so far of each.
        anchors: (2, 2, S, 2), its anchors when it was last seen (of a new one: as now) and
            now. The second axis is that of `fields.ANCHORS`, the last (x, y), in shares of the
            picture.
        after: (2, S, 2), the ones of now.
        aspect: width over height of the picture in pixels.
        stationary: (S,) has kept its place for a while.
    """

    now_ns: int
    columns: NDArray[np.intp]
    new: NDArray[np.intp]
    class_id: NDArray[np.int32]
    best_confidence: F64
    anchors: F64
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
        shown: (7, N) float64, as it was last seen: the rows of `ltrb`, `confidence`,
            `median_confidence` and `best_confidence`.
        stationary: (N,) had kept its place for a while when it was last seen.
        speed_mps: (N,) float64, m/s on the ground when last known, 0 where it never was.
    """

    track_id: NDArray[np.int64]
    class_id: NDArray[np.int32]
    first_seen_ns: NDArray[np.int64]
    last_seen_ns: NDArray[np.int64]
    last_frame: NDArray[np.int64]
    shown: F64
    stationary: NDArray[np.bool_]
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
            np.empty((_SHOWN, 0)),
            np.empty(0, np.bool_),
            np.empty(0),
        )

    def __len__(self) -> int:
        return len(self.track_id)

    @property
    def ltrb(self) -> F64:
        """(4, N), left, top, right, bottom in shares of the picture, within it."""
        return self.shown[:_CONFIDENCE]

    def columns_of(self, track_ids: tuple[int, ...]) -> NDArray[np.intp]:
        """Columns of those of the ids that live, in the order of the columns."""
        if not track_ids:
            return _NO_COLUMNS
        names, wanted = enumerate(self.track_id.tolist()), set(track_ids)
        return np.array([column for column, name in names if name in wanted], np.intp)

    def see(self, tracks: Tracks, width_px: int, height_px: int) -> Sight:
        """Take in one frame's tracks; those that are not known yet become new columns.

        Args:
            tracks: of the frame.
            width_px: of the frame.
            height_px: of the frame.
        """
        known = len(self)
        columns = self._columns(tracks.track_id)
        then, now = seen = np.empty((2, _SHOWN, len(columns)))
        ltrb = now[:_CONFIDENCE]
        np.divide(tracks.xyxy.T, _size(width_px, height_px), ltrb)
        np.maximum(ltrb, 0.0, out=ltrb)
        np.minimum(ltrb, 1.0, out=ltrb)
        now[_CONFIDENCE], now[_MEDIAN] = tracks.confidence, tracks.median_confidence
        new = _NO_COLUMNS
        if len(self) > known:
            new = self._begin(tracks, columns >= known, columns, ltrb)
        self.shown.take(columns, 1, then, "clip")
        np.maximum(then[_BEST], tracks.confidence, out=now[_BEST])
        self.shown[:, columns] = now
        self.last_seen_ns[columns] = tracks.captured_ns
        self.last_frame[columns] = tracks.frame
        self.stationary[columns] = tracks.stationary
        anchors = _anchors(seen)
        return Sight(
            now_ns=tracks.captured_ns,
            columns=columns,
            new=new,
            class_id=self.class_id.take(columns),
            best_confidence=now[_BEST],
            anchors=anchors,
            after=anchors[1],
            aspect=width_px / height_px,
            stationary=tracks.stationary,
        )

    def _columns(self, track_id: NDArray[np.int64]) -> NDArray[np.intp]:
        """Column of each track; there are more of them where some are new."""
        names, known = track_id.tolist(), len(self)
        place = dict(zip(self.track_id.tolist(), range(known), strict=True))
        columns = list(map(place.get, names))
        if None in columns:
            columns = [place.setdefault(name, len(place)) for name in names]
            self.grow(len(place) - known)
        return np.array(columns, np.intp)

    def _begin(
        self, tracks: Tracks, is_new: NDArray[np.bool_], columns: NDArray[np.intp], ltrb: F64
    ) -> NDArray[np.intp]:
        """The columns of new objects, of which what stays and where they are is noted."""
        added = columns[is_new]
        self.track_id[added] = tracks.track_id[is_new]
        self.class_id[added] = tracks.class_id[is_new]
        self.first_seen_ns[added] = tracks.first_seen_ns[is_new]
        self.ltrb[:, added] = ltrb[:, is_new]
        return added


_SHOWN, _CONFIDENCE, _MEDIAN, _BEST = 7, 4, 5, 6
"""Rows of `Objects.shown`, after those of the box: how many, and which is which."""
_NO_COLUMNS: NDArray[np.intp] = np.empty(0, np.intp)


@lru_cache(maxsize=8)
def _size(width_px: int, height_px: int) -> F64:
    """(4, 1), what the edges of a box are shares of; nobody writes into it."""
    return np.array(((width_px,), (height_px,), (width_px,), (height_px,)), np.float64)


def _anchors(boxes: F64) -> F64:
    """(2, 2, S, 2), the bottom centres and the centres of boxes twice, (2, 4 or more, S) ltrb."""
    centres = boxes[:, :2] + boxes[:, 2:4]
    centres /= 2
    anchors = np.empty((2, 2, boxes.shape[2], 2))
    anchors[..., 0] = centres[:, :1]
    anchors[:, 0, :, 1] = boxes[:, 3]
    anchors[:, 1, :, 1] = centres[:, 1]
    return anchors
