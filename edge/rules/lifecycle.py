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
    """What was last told of N objects: when (N,), which box (4, N), how sure (N,)."""

    at_ns: NDArray[np.int64]
    ltrb: F64
    confidence: F64


class LifeWatch:
    """Tells a living object's changes: once in `update_s` at most, and only changes.

    A change is an edge of the box that moved by `min_move` of the picture, or a confidence that
    differs by `min_confidence_change`, each since the object was last told. Measured
    from there, and not from frame to frame, a slow drift is told as well and a tremble is not.
    """

    def __init__(self, settings: ObjectSettings) -> None:
        self.follow(settings)
        self._told = _Told(np.empty(0, np.int64), np.empty((4, 0)), np.empty(0))

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
        columns, told = sight.columns, self._told
        moved = np.abs(objects.ltrb.take(columns, axis=1) - told.ltrb.take(columns, axis=1)).max(
            axis=0
        )
        surer = np.abs(objects.confidence[columns] - told.confidence[columns])
        has_changed = (moved >= self._settings.min_move) | (
            surer >= self._settings.min_confidence_change
        )
        is_due = has_changed & (sight.now_ns - told.at_ns[columns] >= self._update_ns)
        is_told = is_due | sight.is_new
        if not np.count_nonzero(is_told):
            return []
        now_told = columns[is_told]
        told.at_ns[now_told] = sight.now_ns
        told.ltrb[:, now_told] = objects.ltrb[:, now_told]
        told.confidence[now_told] = objects.confidence[now_told]
        updated: list[int] = columns[is_due & ~sight.is_new].tolist()
        return updated
