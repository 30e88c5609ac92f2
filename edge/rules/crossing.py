"""Who crossed which line in which direction; what all rules that watch lines stand on.

An object counts when it was clear of the line by `margin` on one side, is clear of it on
the other for `min_s` without a break, and its way between the two led through the segment itself,
net of ways back. Trembling on the line, walking around its end, or being lost before it and
found behind it therefore count as nothing, nothing, and once. What happens outside the schedule of
a rule is no crossing for it, neither then nor later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.geometry import Point, Segments
from edge.rules.kinds import LinedRule
from edge.rules.objects import Sight
from edge.rules.scope import Scope


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


class Crossings:
    """Who crosses the lines of R rules.

    Args:
        rules: in the order of the rows.
        lines: the two points of each line by its id.
        classes: of the model.
    """

    def __init__(
        self,
        rules: Sequence[LinedRule],
        lines: Mapping[str, Sequence[Point]],
        classes: Sequence[str],
    ) -> None:
        self._scope = Scope.of(rules, classes)
        self._segments = Segments.of([lines[rule.line] for rule in rules])
        self._count = len(rules)
        # True while somebody has gone through a segment, or has turned up behind it, and not
        # settled there yet.
        self._is_restless = False
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

    def inherit(self, before: "Crossings", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._state.inherit(before._state, lineage)
        self._is_restless = before._is_restless

    def step(self, sight: Sight) -> NDArray[np.int8] | None:
        """(R, S), who crossed with this frame: 1 from A to B, -1 from B to A; None where nobody."""
        if not self._count:
            return None
        scope, segments = self._scope, self._segments
        points = sight.anchors.take(scope.anchor, axis=1)
        turns = segments.turn(points)
        side = self._state.side.take(sight.columns, axis=1)
        # Most of the time everybody was, and is, on the side on which it was clear of the line.
        if not self._is_restless and np.count_nonzero(turns * side > 0.0) == turns.size:
            return None
        distance = turns[1] / segments.length
        is_clear = np.abs(distance) > scope.margin
        clear_side = (np.sign(distance) * is_clear).astype(np.int8)
        was_right, is_right = turns >= 0.0
        ways = None
        if np.count_nonzero(was_right != is_right):
            ways = segments.crossings(*points)
        is_across = is_clear & (clear_side != side)
        if ways is None and not self._is_restless and not np.count_nonzero(is_across):
            return None
        return self._turn(sight, clear_side, side, is_across, ways)

    def _turn(
        self,
        sight: Sight,
        clear_side: NDArray[np.int8],
        side: NDArray[np.int8],
        is_across: NDArray[np.bool_],
        ways: NDArray[np.int8] | None,
    ) -> NDArray[np.int8] | None:
        """As `step`, of a frame in which somebody is on a way to the other side.

        Args:
            sight: of the frame.
            clear_side: (R, S), the side that each is clear on, 0 where it is clear on none.
            side: (R, S), the one it was on.
            is_across: (R, S), it is clear on another one.
            ways: (R, S), the ways through the segments with this frame, None where there are none.
        """
        state, scope, columns = self._state, self._scope, sight.columns
        net = state.net.take(columns, axis=1)
        if ways is not None:
            net += ways
        is_first = side == 0
        is_pending = is_across & ~is_first
        if not scope.is_whole:
            is_pending &= scope.watches(sight)
        since_ns = np.where(
            state.is_pending.take(columns, axis=1),
            state.since_ns.take(columns, axis=1),
            sight.now_ns,
        )
        is_due = is_pending & (sight.now_ns - since_ns >= scope.min_ns)
        settled = np.where(is_due | is_first, clear_side, side)
        has_crossed = is_due & (net * clear_side > 0) & scope.schedules.is_on(sight.now_ns)
        state.side[:, columns] = settled
        state.net[:, columns] = np.where((clear_side != 0) & (clear_side == settled), 0, net)
        state.is_pending[:, columns] = is_pending & ~is_due
        state.since_ns[:, columns] = since_ns
        self._is_restless = bool(np.count_nonzero(state.is_pending) or np.count_nonzero(state.net))
        return has_crossed * clear_side if np.count_nonzero(has_crossed) else None

    def is_on(self, now_ns: int) -> NDArray[np.bool_]:
        """(R, 1), which rules look at the time of the frame."""
        return self._scope.schedules.is_on(now_ns)
