"""Who is in which zone since when.

An object has entered when its anchor was inside for `min_s` without a break, and has left when it
was further than `margin` outside for `min_s` without a break. Its dwell runs from the first
of the frames that let it in to the first of those that let it out, so neither wait adds to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns
from edge.rules.geometry import Point, Polygons
from edge.rules.objects import Sight
from edge.rules.scope import NS_PER_S, Scope
from edge.rules.settings import ZoneRule


@dataclass(frozen=True, slots=True)
class ZoneHit:
    """An object entered or left the zone of a rule.

    Attributes:
        rule: whose zone.
        column: of the object.
        has_entered: False where it left.
        dwell_s: how long it was inside; 0 when it enters.
    """

    rule: ZoneRule
    column: int
    has_entered: bool
    dwell_s: float


@dataclass(slots=True)
class _State(Columns):
    """(R, N) each; `since_ns` counts while `is_pending`, `entered_ns` while `is_inside`."""

    is_inside: NDArray[np.bool_]
    entered_ns: NDArray[np.int64]
    is_pending: NDArray[np.bool_]
    since_ns: NDArray[np.int64]


class ZoneWatch:
    """All zone rules of a camera.

    Args:
        rules: in their order.
        outlines: corners of each zone by its id.
        classes: of the model.
    """

    def __init__(
        self,
        rules: Sequence[ZoneRule],
        outlines: Mapping[str, Sequence[Point]],
        classes: Sequence[str],
    ) -> None:
        self._rules = tuple(rules)
        self._scope = Scope.of(rules, classes)
        self._polygons = Polygons.of([outlines[rule.zone] for rule in rules])
        shape = (len(rules), 0)
        self._state = _State(
            np.empty(shape, np.bool_),
            np.empty(shape, np.int64),
            np.empty(shape, np.bool_),
            np.empty(shape, np.int64),
        )

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._state.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._state.keep(columns)

    def step(self, sight: Sight) -> list[ZoneHit]:
        """Who entered or left with this frame."""
        if not self._rules:
            return []
        state, columns = self._state, sight.columns
        distance = self._polygons.signed_distance(sight.after[self._scope.anchor])
        was_inside = state.is_inside.take(columns, axis=1)
        enters = ~was_inside & (distance >= 0.0) & self._scope.watches(sight)
        leaves = was_inside & (distance < -self._scope.margin)
        is_pending = enters | leaves
        since_ns = np.where(
            state.is_pending.take(columns, axis=1),
            state.since_ns.take(columns, axis=1),
            sight.now_ns,
        )
        is_due = is_pending & (sight.now_ns - since_ns >= self._scope.min_ns)
        hits: list[ZoneHit] = []
        if np.count_nonzero(is_due):
            hits = self._hits(np.argwhere(is_due), columns, since_ns)
            state.is_inside[:, columns] = was_inside ^ is_due
            state.entered_ns[:, columns] = np.where(
                is_due & enters, since_ns, state.entered_ns.take(columns, axis=1)
            )
        state.is_pending[:, columns] = is_pending & ~is_due
        state.since_ns[:, columns] = since_ns
        return hits

    def end(self, columns: NDArray[np.intp], last_seen_ns: NDArray[np.int64]) -> list[ZoneHit]:
        """Who was inside a zone until the end: the objects in `columns` will not be seen again.

        Args:
            columns: (E,) of objects that have ended.
            last_seen_ns: (E,) of each.
        """
        state, gone = self._state, np.s_[:, columns]
        until_ns = np.where(state.is_pending[gone], state.since_ns[gone], last_seen_ns)
        return self._hits(np.argwhere(state.is_inside[gone]), columns, until_ns)

    def _hits(
        self,
        due: NDArray[np.intp],
        columns: NDArray[np.intp],
        since_ns: NDArray[np.int64],
    ) -> list[ZoneHit]:
        """Hits of (rule, position in columns) that changed sides at `since_ns`."""
        hits = []
        for row, position in due.tolist():
            column = int(columns[position])
            was_inside = bool(self._state.is_inside[row, column])
            inside_ns = since_ns[row, position] - self._state.entered_ns[row, column]
            dwell_s = float(inside_ns) / NS_PER_S if was_inside else 0.0
            hits.append(ZoneHit(self._rules[row], column, not was_inside, dwell_s))
        return hits
