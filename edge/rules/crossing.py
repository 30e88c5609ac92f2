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
    """What is known of N objects on R lines.

    Attributes:
        known: (3, R, N). Its side: -1 left (A), 1 right (B), 0 not known yet; the net of its ways
            through the segment since it was last clear on its side; 1 while it is pending.
        since_ns: (R, N), from which frame on; counts while it is pending.
    """

    known: NDArray[np.int32]
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
        shape = (len(rules), 0)
        self._state = _State(np.empty((3, *shape), np.int32), np.empty(shape, np.int64))

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._state.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._state.keep(columns)

    def inherit(self, before: "Crossings", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._state.inherit(before._state, lineage)

    def step(self, sight: Sight) -> NDArray[np.int8] | None:
        """(R, S), who crossed with this frame: 1 from A to B, -1 from B to A; None where nobody."""
        if not self._count:
            return None
        scope, segments = self._scope, self._segments
        points = sight.anchors.take(scope.anchor, axis=1)
        turns = segments.turn(points)
        known = self._state.known.take(sight.columns, axis=2)
        # True where somebody has gone through a segment, or has turned up behind it, and has not
        # settled there yet.
        is_restless = bool(np.count_nonzero(known[1:]))
        side = known[0]
        if not is_restless and np.count_nonzero(turns * side > 0.0) == turns.size:
            return None  # everybody was, and is, on the side on which it was clear of the line
        distance = turns[1] / segments.length
        is_clear = np.abs(distance) > scope.margin
        clear_side = (np.sign(distance) * is_clear).astype(np.int8)
        was_right, is_right = turns >= 0.0
        if np.count_nonzero(was_right != is_right):
            known[1] += segments.crossings(*points)
            is_restless = True
        is_across = is_clear & (clear_side != side)
        if not is_restless and not np.count_nonzero(is_across):
            return None
        return self._turn(sight, clear_side, is_across, known)

    def _turn(
        self,
        sight: Sight,
        clear_side: NDArray[np.int8],
        is_across: NDArray[np.bool_],
        known: NDArray[np.int32],
    ) -> NDArray[np.int8] | None:
        """As `step`, of a frame in which somebody is on a way to the other side.

        Args:
            sight: of the frame.
            clear_side: (R, S), the side that each is clear on, 0 where it is clear on none.
            is_across: (R, S), that is another one than it was on.
            known: (3, R, S), the state, with the ways through the segments in this frame.
        """
        scope, columns = self._scope, sight.columns
        side, net, pending = known
        settles = side == 0
        is_pending = is_across & ~settles
        if not scope.is_whole:
            is_pending &= scope.watches(sight)
        crossed = None
        if np.count_nonzero(is_pending):
            is_due = is_pending & self._has_lasted(sight, pending != 0)
            if np.count_nonzero(is_due):
                has_crossed = is_due & (net * clear_side > 0) & self.is_on(sight.now_ns)
                crossed = has_crossed * clear_side if np.count_nonzero(has_crossed) else None
                settles |= is_due
                is_pending &= ~is_due
        np.copyto(side, clear_side, where=settles)
        np.copyto(net, 0, where=(clear_side != 0) & (clear_side == side))
        pending[:] = is_pending
        self._state.known[:, :, columns] = known
        return crossed

    def _has_lasted(self, sight: Sight, was_pending: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(R, S), who is across for long enough, if it is across; notes since when it is."""
        since_ns = self._state.since_ns.take(sight.columns, axis=1)
        np.copyto(since_ns, sight.now_ns, where=~was_pending)
        self._state.since_ns[:, sight.columns] = since_ns
        has_lasted: NDArray[np.bool_] = sight.now_ns - since_ns >= self._scope.min_ns
        return has_lasted

    def is_on(self, now_ns: int) -> NDArray[np.bool_]:
        """(R, 1), which rules look at the time of the frame."""
        return self._scope.schedules.is_on(now_ns)
