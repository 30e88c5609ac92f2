"""Who stays in zones for long."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.hit import Cooldown, Hit
from edge.rules.kinds import DwellRule
from edge.rules.latch import NS_PER_S, nanoseconds
from edge.rules.scene import Rows, Scene
from protos.v1.event_batch_pb2 import EventBatch

_NEVER = np.iinfo(np.int64).max


@dataclass(slots=True)
class _Next(Columns):
    """(R, N), when a stay is to be told next; counts while the object is inside."""

    at_ns: NDArray[np.int64]


class DwellWatch:
    """All dwell rules of a camera: a stay is told after `after_s`, and every `repeat_s` from then.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[DwellRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._after_ns = nanoseconds([rule.after_s for rule in rules])
        self._repeat_ns = nanoseconds([rule.repeat_s or 0.0 for rule in rules])
        self._next = _Next(np.empty((len(rules), 0), np.int64))
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._next.grow(count)
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._next.keep(columns)
        self._cooldown.keep(columns)

    def inherit(self, before: "DwellWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._next.inherit(before._next, lineage)
        self._cooldown.inherit(before._cooldown, lineage)

    def step(self, scene: Scene) -> list[Hit]:
        """Whose stay is told with this frame."""
        if not self._rules:
            return []
        sight, rows = scene.sight, self._rows
        next_ns = self._next.at_ns.take(sight.columns, axis=1)
        if scene.moves is not None:
            begun_ns = scene.moves.since_ns[rows.rows]
            next_ns = np.where(scene.moves.rose[rows.rows], begun_ns + self._after_ns, next_ns)
            self._next.at_ns[:, sight.columns] = next_ns
        # What is due within the cooldown stays due: who is still there is told when it is over.
        is_due = (sight.now_ns >= next_ns) & rows.looks_at(sight)
        if not np.count_nonzero(is_due):
            return []
        told = self._cooldown.admit(is_due, sight.columns, sight.now_ns)
        self._next.at_ns[:, sight.columns] = np.where(
            told, self._after(next_ns, sight.now_ns), next_ns
        )
        stay_ns = sight.now_ns - rows.since_ns(sight)
        return [
            Hit(
                EventBatch.DWELL,
                self._rules[row],
                int(sight.columns[position]),
                dwell_s=int(stay_ns[row, position]) / NS_PER_S,
            )
            for row, position in np.argwhere(told).tolist()
        ]

    def _after(self, next_ns: NDArray[np.int64], now_ns: int) -> NDArray[np.int64]:
        """The next time after now in the rhythm that goes through `next_ns`."""
        repeat_ns = np.maximum(self._repeat_ns, 1)
        beats = (now_ns - next_ns) // repeat_ns + 1
        return np.where(self._repeat_ns > 0, next_ns + beats * repeat_ns, _NEVER)
