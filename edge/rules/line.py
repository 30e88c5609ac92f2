"""Who crossed which line in which direction.

An object counts when it was clear of the line by `margin` on one side, is clear of it on
the other for `min_s` without a break, and its way between the two led through the segment itself,
net of ways back. Trembling on the line, walking around its end, or being lost before it and
found behind it therefore count as nothing, nothing, and once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns
from edge.rules.geometry import Point, Segments
from edge.rules.objects import Sight
from edge.rules.scope import Scope
from edge.rules.settings import LineRule


@dataclass(frozen=True, slots=True)
class LineHit:
    """An object crossed the line of a rule.

    Attributes:
        rule: whose line.
        column: of the object.
        is_a_to_b: from the left of the line, seen from its first to its last point, to its right.
    """

    rule: LineRule
    column: int
    is_a_to_b: bool


@dataclass(slots=True)
class _State(Columns):
    """(R, N) each; sides are -1 left (A), 1 right (B), 0 not known yet.

    `net` sums the ways through the segment since the object was last clear on its side;
    `since_ns` counts while `is_pending`.
    """

    side: NDArray[np.int8]
    net: NDArray[np.int32]
    is_pending: NDArray[np.bool_]
    since_ns: NDArray[np.int64]


class LineWatch:
    """All line rules of a camera.

    Args:
        rules: in their order.
        lines: the two points of each line by its id.
        classes: of the model.
    """

    def __init__(
        self,
        rules: Sequence[LineRule],
        lines: Mapping[str, Sequence[Point]],
        classes: Sequence[str],
    ) -> None:
        self._rules = tuple(rules)
        self._scope = Scope.of(rules, classes)
        self._segments = Segments.of([lines[rule.line] for rule in rules])
        shape = (len(rules), 0)
        self._state = _State(
            np.empty(shape, np.int8),
            np.empty(shape, np.int32),
            np.empty(shape, np.bool_),
            np.empty(shape, np.int64),
        )

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._state.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._state.keep(columns)

    def step(self, sight: Sight) -> list[LineHit]:
        """Who crossed with this frame."""
        if not self._rules:
            return []
        state, columns = self._state, sight.columns
        before, after = sight.before[self._scope.anchor], sight.after[self._scope.anchor]
        distance = self._segments.signed_distance(after)
        is_clear = np.abs(distance) > self._scope.margin
        clear_side = (np.sign(distance) * is_clear).astype(np.int8)
        side = state.side.take(columns, axis=1)
        net = state.net.take(columns, axis=1) + self._segments.crossings(before, after)
        is_across = is_clear & (side != 0) & (clear_side != side) & self._scope.watches(sight)
        since_ns = np.where(
            state.is_pending.take(columns, axis=1),
            state.since_ns.take(columns, axis=1),
            sight.now_ns,
        )
        is_due = is_across & (sight.now_ns - since_ns >= self._scope.min_ns)
        settled = np.where(is_due | (side == 0), clear_side, side)
        has_crossed = is_due & (net * clear_side > 0)
        hits: list[LineHit] = []
        if np.count_nonzero(has_crossed):
            hits = self._hits(has_crossed, clear_side, columns)
        state.side[:, columns] = settled
        state.net[:, columns] = np.where(is_clear & (clear_side == settled), 0, net)
        state.is_pending[:, columns] = is_across & ~is_due
        state.since_ns[:, columns] = since_ns
        return hits

    def _hits(
        self,
        has_crossed: NDArray[np.bool_],
        clear_side: NDArray[np.int8],
        columns: NDArray[np.intp],
    ) -> list[LineHit]:
        return [
            LineHit(self._rules[row], int(columns[position]), bool(clear_side[row, position] > 0))
            for row, position in np.argwhere(has_crossed).tolist()
        ]
