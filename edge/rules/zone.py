"""Who enters and who leaves zones. With a cooldown, a visit that was not told has no end either."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.hit import Cooldown, Hit
from edge.rules.kinds import ZoneRule
from edge.rules.latch import NS_PER_S
from edge.rules.scene import Rows, Scene
from protos.v1.event_batch_pb2 import EventBatch


@dataclass(slots=True)
class _Told(Columns):
    """(R, N), of whose visit the beginning was told."""

    visit: NDArray[np.bool_]


class ZoneWatch:
    """All zone rules of a camera.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[ZoneRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._told = _Told(np.empty((len(rules), 0), np.bool_))
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._told.grow(count)
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._told.keep(columns)
        self._cooldown.keep(columns)

    def inherit(self, before: "ZoneWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._told.inherit(before._told, lineage)
        self._cooldown.inherit(before._cooldown, lineage)

    def step(self, scene: Scene) -> list[Hit]:
        """Who entered or left with this frame."""
        if not self._rules or scene.moves is None:
            return []
        moves, rows, columns = scene.moves, self._rows.rows, scene.sight.columns
        was_told = self._told.visit.take(columns, axis=1)
        enters = self._cooldown.admit(moves.rose[rows], columns, scene.sight.now_ns)
        leaves = moves.fell[rows] & was_told
        self._told.visit[:, columns] = (was_told & ~leaves) | enters
        stay_ns = moves.since_ns[rows] - moves.set_ns[rows]
        return [
            self._left(row, int(columns[position]), int(stay_ns[row, position]))
            if leaves[row, position]
            else Hit(EventBatch.ZONE_ENTERED, self._rules[row], int(columns[position]))
            for row, position in np.argwhere(enters | leaves).tolist()
        ]

    def end(self, columns: NDArray[np.intp], last_seen_ns: NDArray[np.int64]) -> list[Hit]:
        """Who was inside a zone until the end: the objects in `columns` will not be seen again.

        Args:
            columns: (E,) of objects that have ended.
            last_seen_ns: (E,) of each.
        """
        if not self._rules:
            return []
        stays = self._rows.presence.stays
        stay_ns = stays.held_ns(columns, last_seen_ns)[self._rows.rows]
        leaves = stays.is_set[self._rows.rows, columns] & self._told.visit[:, columns]
        return [
            self._left(row, int(columns[position]), int(stay_ns[row, position]))
            for row, position in np.argwhere(leaves).tolist()
        ]

    def _left(self, row: int, column: int, stay_ns: int) -> Hit:
        dwell_s = stay_ns / NS_PER_S
        return Hit(EventBatch.ZONE_EXITED, self._rules[row], column, dwell_s=dwell_s)
