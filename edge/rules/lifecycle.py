"""When an object has changed enough to be told again."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns
from edge.rules.latch import NS_PER_S
from edge.rules.objects import F64, Objects, Sight
from edge.rules.settings import ObjectSettings


@dataclass(slots=True)
class _Told(Columns):
    """What was last told of N objects: when, which box (4, N), how sure, whether it stays."""

    at_ns: NDArray[np.int64]
    ltrb: F64
    confidence: F64
    stationary: NDArray[np.bool_]


class LifeWatch:
    """Tells a living object's changes: once in `update_s` at most, and only changes.

    A change is an edge of the box that moved by `min_move` of the picture, or a confidence that
    differs by `min_confidence_change`, each since the object was last told. Measured
    from there, and not from frame to frame, a slow drift is told as well and a tremble is not.
    Who comes to rest, or moves on, is told at once: it takes a while to come to rest, so this
    cannot be often.
    """

    def __init__(self, settings: ObjectSettings) -> None:
        self.follow(settings)
        self._told = _Told(
            np.empty(0, np.int64), np.empty((4, 0)), np.empty(0), np.empty(0, np.bool_)
        )

    def follow(self, settings: ObjectSettings) -> None:
        """Judge by these settings from now on; what was told is remembered."""
        self._settings = settings
        self._update_ns = round(settings.update_s * NS_PER_S)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._told.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._told.keep(columns)

    def step(self, sight: Sight, objects: Objects) -> list[int]:
        """Columns of the objects that are to be told with this frame, new ones aside."""
        told = self._told
        may = sight.now_ns - told.at_ns.take(sight.columns) >= self._update_ns
        may |= sight.is_new
        may |= told.stationary.take(sight.columns) != sight.stationary
        if not np.count_nonzero(may):
            return []
        columns, is_new = sight.columns[may], sight.is_new[may]
        is_told = self._has_changed(columns, objects) | is_new
        now_told = columns[is_told]
        told.at_ns[now_told] = sight.now_ns
        told.ltrb[:, now_told] = objects.ltrb[:, now_told]
        told.confidence[now_told] = objects.confidence[now_told]
        told.stationary[now_told] = objects.stationary[now_told]
        updated: list[int] = columns[is_told & ~is_new].tolist()
        return updated

    def _has_changed(self, columns: NDArray[np.intp], objects: Objects) -> NDArray[np.bool_]:
        """(K,), which objects are no longer as they were told."""
        told, settings = self._told, self._settings
        moved = objects.ltrb.take(columns, axis=1) - told.ltrb.take(columns, axis=1)
        surer = objects.confidence.take(columns) - told.confidence.take(columns)
        has_changed: NDArray[np.bool_] = np.abs(moved).max(axis=0) >= settings.min_move
        has_changed |= np.abs(surer) >= settings.min_confidence_change
        has_changed |= objects.stationary.take(columns) != told.stationary.take(columns)
        return has_changed
