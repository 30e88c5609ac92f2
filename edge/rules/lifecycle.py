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
    """What was last told of N objects: when, and what then was `shown` of them as in `Objects`."""

    at_ns: NDArray[np.int64]
    shown: F64
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
        none = Objects.none()
        self._told = _Told(none.last_seen_ns, none.shown, none.stationary)

    def follow(self, settings: ObjectSettings) -> None:
        """Judge by these settings from now on; what was told is remembered."""
        self._update_ns = round(settings.update_s * NS_PER_S)
        # By how much each row of what is shown may differ; of the scores the last one counts.
        limits = [settings.min_move] * 4 + [settings.min_confidence_change, np.inf, np.inf]
        self._limits = np.array(limits).reshape(-1, 1)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._told.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._told.keep(columns)

    def step(self, sight: Sight, objects: Objects) -> list[int]:
        """Columns of the objects that are to be told with this frame, new ones aside."""
        told, columns = self._told, sight.columns
        if len(sight.new):
            self._note(sight.new, sight.now_ns, objects)
        may = told.at_ns.take(columns) <= sight.now_ns - self._update_ns
        has_turned = told.stationary.take(columns) != sight.stationary
        may |= has_turned
        if not np.count_nonzero(may):
            return []
        due = columns.compress(may)
        differs = objects.shown.take(due, axis=1)
        differs -= told.shown.take(due, axis=1)
        has_changed = np.logical_or.reduce(np.abs(differs) >= self._limits, axis=0)
        has_changed |= has_turned.compress(may)
        changed = due.compress(has_changed)
        if len(changed):
            self._note(changed, sight.now_ns, objects)
        updated: list[int] = changed.tolist()
        return updated

    def _note(self, columns: NDArray[np.intp], now_ns: int, objects: Objects) -> None:
        """These objects are told now, as they are."""
        told = self._told
        told.at_ns[columns] = now_ns
        told.shown[:, columns] = objects.shown.take(columns, axis=1)
        told.stationary[columns] = objects.stationary.take(columns)
