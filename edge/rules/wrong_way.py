"""Who moves through zones in the wrong direction.

An object's way is cut into legs. A leg begins where the object entered, and anew wherever it is
further along the right way than where its leg began, or has come `min_distance` in a direction
that is not wrong. It is told once it is a leg of `min_distance` in the wrong direction, and
anew only after it has come as far back the right way, or has left the zone. Whatever
trembles within `min_distance` therefore goes nowhere, at any frame rate.

Directions are as seen in the picture; distances are shares of its height.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.fields import ANCHORS
from edge.rules.hit import Cooldown, Hit
from edge.rules.kinds import WrongWayRule
from edge.rules.latch import nanoseconds
from edge.rules.objects import F64, Sight
from edge.rules.scene import Rows, Scene
from protos.v1.event_batch_pb2 import EventBatch


@dataclass(slots=True)
class _Leg(Columns):
    """Where (2, R, N), in shares of the picture, and when (R, N) each leg begins.

    `is_told` (R, N): it is wrong, and that was said.
    """

    start: F64
    start_ns: NDArray[np.int64]
    is_told: NDArray[np.bool_]


class WrongWayWatch:
    """All wrong-way rules of a camera.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[WrongWayRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._anchor = np.array([ANCHORS.index(rule.anchor) for rule in rules], np.intp)
        ends = np.array([rule.right_way for rule in rules], np.float64).reshape(-1, 2, 2)
        self._right_way = ends[:, 1] - ends[:, 0]
        tolerance = np.array([rule.tolerance_deg for rule in rules], np.float64).reshape(-1, 1)
        self._cosine = np.cos(np.radians(tolerance))
        self._min_distance = np.array([rule.min_distance for rule in rules]).reshape(-1, 1)
        self._moving_ns = nanoseconds([rule.moving_s for rule in rules])
        shape = (len(rules), 0)
        self._leg = _Leg(
            np.empty((2, *shape)), np.empty(shape, np.int64), np.empty(shape, np.bool_)
        )
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._leg.grow(count)
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._leg.keep(columns)
        self._cooldown.keep(columns)

    def inherit(self, before: "WrongWayWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._leg.inherit(before._leg, lineage)
        self._cooldown.inherit(before._cooldown, lineage)

    def step(self, scene: Scene) -> list[Hit]:
        """Who is told to be on the wrong way with this frame."""
        if not self._rules:
            return []
        sight, leg, columns = scene.sight, self._leg, scene.sight.columns
        here = sight.after[self._anchor].transpose(2, 0, 1)
        start, start_ns = leg.start.take(columns, axis=2), leg.start_ns.take(columns, axis=1)
        was_told = leg.is_told.take(columns, axis=1)
        # In shares, and only their difference as the picture is now: its shape may change.
        way = (here - start) * np.array((sight.aspect, 1.0)).reshape(2, 1, 1)
        ahead, distance = self._progress(sight, way)
        is_far = distance >= self._min_distance
        is_wrong = is_far & (-ahead >= self._cosine * distance)
        is_due = (
            is_wrong
            & ~was_told
            & (sight.now_ns - start_ns >= self._moving_ns)
            & self._rows.looks_at(sight)
        )
        if np.count_nonzero(is_due):
            # Within a cooldown the way goes on, and is told where it still leads wrong after it.
            is_due &= ~self._cooldown.cools(columns, sight.now_ns)
        is_back = was_told & (ahead >= self._min_distance)
        begins = np.where(was_told, (ahead <= 0.0) | is_back, (ahead >= 0.0) | (is_far & ~is_wrong))
        begins |= is_due
        is_told = (was_told | is_due) & ~is_back
        if scene.moves is not None:
            enters = scene.moves.rose[self._rows.rows]
            begins, is_told, is_due = begins | enters, is_told & ~enters, is_due & ~enters
        leg.start[:, :, columns] = np.where(begins, here, start)
        leg.start_ns[:, columns] = np.where(begins, sight.now_ns, start_ns)
        leg.is_told[:, columns] = is_told
        return self._hits(is_due, sight, ahead, distance) if np.count_nonzero(is_due) else []

    def _progress(self, sight: Sight, way: F64) -> tuple[F64, F64]:
        """How far ways (2, R, S) lead along the right way, and how far in all; (R, S) each."""
        along = self._right_way * (sight.aspect, 1.0)
        along /= np.hypot(along[:, :1], along[:, 1:])
        ahead = way[0] * along[:, :1] + way[1] * along[:, 1:]
        return ahead, np.hypot(way[0], way[1])

    def _hits(
        self, is_due: NDArray[np.bool_], sight: Sight, ahead: F64, distance: F64
    ) -> list[Hit]:
        """The value is the angle to the right way, in degrees."""
        told = self._cooldown.admit(is_due, sight.columns, sight.now_ns)
        return [
            Hit(
                EventBatch.WRONG_WAY,
                self._rules[row],
                int(sight.columns[seen]),
                value=math.degrees(math.acos(max(ahead[row, seen] / distance[row, seen], -1.0))),
            )
            for row, seen in np.argwhere(told).tolist()
        ]
