"""Which two objects are too near each other, on the ground.

A pair is told once it was nearer than `metres` for `near_s` without a break, and anew once the
two were apart for `rearm_s` without a break. While one of them is not seen, or not known where it
stands, nothing of that changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.hit import Cooldown, Hit
from edge.rules.kinds import ProximityRule
from edge.rules.latch import nanoseconds
from edge.rules.objects import F64
from edge.rules.scene import Rows, Scene
from protos.v1.event_batch_pb2 import EventBatch

Indices = NDArray[np.intp]


@dataclass(slots=True)
class _Pairs(Columns):
    """P pairs that are near, or were and are told; (P,) each, in the order of their keys.

    Attributes:
        row: of the rule.
        first: column of the one object.
        second: column of the other, the higher one.
        since_ns: from which frame on it is near, or, told, from which on it is apart.
        is_near: in the last frame that showed both.
        is_told: it was told, and not apart for long enough since.
    """

    row: Indices
    first: Indices
    second: Indices
    since_ns: NDArray[np.int64]
    is_near: NDArray[np.bool_]
    is_told: NDArray[np.bool_]

    @classmethod
    def near(cls, row: Indices, first: Indices, second: Indices, now_ns: int) -> "_Pairs":
        """Pairs that have become near now."""
        count = len(row)
        return cls(
            row,
            first,
            second,
            np.full(count, now_ns, np.int64),
            np.ones(count, np.bool_),
            np.zeros(count, np.bool_),
        )

    def keys(self, objects: int) -> NDArray[np.int64]:
        """(P,), a number for each pair, in the order of rule, first and second object."""
        return (self.row * objects + self.first) * objects + self.second

    def joined(self, others: "_Pairs", objects: int) -> "_Pairs":
        """These and the others in one, in order."""
        order = np.argsort(np.concatenate((self.keys(objects), others.keys(objects))))
        return _Pairs(
            *(
                np.concatenate((getattr(self, field.name), getattr(others, field.name)))[order]
                for field in fields(self)
            )
        )


class ProximityWatch:
    """All proximity rules of a camera.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[ProximityRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._metres2 = np.square([rule.metres for rule in rules]).reshape(-1, 1, 1)
        self._near_ns = nanoseconds([rule.near_s for rule in rules])[:, 0]
        self._rearm_ns = nanoseconds([rule.rearm_s for rule in rules])[:, 0]
        nobody = np.empty(0, np.intp)
        self._pairs = _Pairs.near(nobody, nobody, nobody, 0)
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False, and their pairs."""
        self._cooldown.keep(columns)
        pairs = self._pairs
        pairs.keep(columns[pairs.first] & columns[pairs.second])
        place = np.cumsum(columns) - 1
        pairs.first, pairs.second = place[pairs.first], place[pairs.second]

    def inherit(self, before: "ProximityWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._cooldown.inherit(before._cooldown, lineage)
        row_of = np.full(len(before._rules), -1, np.intp)
        row_of[lineage.old] = lineage.new
        pairs = replace(before._pairs, row=row_of[before._pairs.row])
        pairs.keep(pairs.row >= 0)
        self._pairs = self._pairs.joined(pairs, self._cooldown.objects)

    def step(self, scene: Scene) -> list[Hit]:
        """Which pairs are told with this frame, with their distance in m."""
        if not self._rules or scene.places is None:
            return []
        near = self._near(scene, scene.places)
        if not len(near.row) and not len(self._pairs.row):
            return []
        objects, now_ns = len(scene.objects), scene.sight.now_ns
        near_keys = near.keys(objects)
        if not self._goes_on(near_keys, objects):
            self._follow(near, scene, scene.places)
        pairs = self._pairs
        is_due = ~pairs.is_told & _among(pairs.keys(objects), near_keys)
        is_due &= now_ns - pairs.since_ns >= self._near_ns[pairs.row]
        if not np.count_nonzero(is_due):
            return []
        return self._hits(is_due.nonzero()[0], scene, scene.places)

    def _near(self, scene: Scene, places: F64) -> _Pairs:
        """The pairs that this frame shows near each other, where a rule looks."""
        sight = scene.sight
        is_there = self._rows.looks_at(sight) & np.isfinite(places[:, 0])
        # In the order of the columns, so that the lower one of a pair comes first.
        order = np.argsort(sight.columns)
        order = order[np.count_nonzero(is_there, axis=0)[order] > 0]
        is_there, places, columns = is_there[:, order], places[order], sight.columns[order]
        x, y = places.T
        distance2 = np.square(x[:, None] - x) + np.square(y[:, None] - y)
        is_near = (distance2 < self._metres2) & is_there[:, :, None] & is_there[:, None]
        row, first, second = is_near.nonzero()
        once = first < second
        return _Pairs.near(row[once], columns[first[once]], columns[second[once]], sight.now_ns)

    def _goes_on(self, near_keys: NDArray[np.int64], objects: int) -> bool:
        """True where the same pairs are near as in the frame before, and no others are known."""
        pairs = self._pairs
        if len(pairs.row) != len(near_keys) or np.count_nonzero(pairs.is_near) < len(near_keys):
            return False
        return bool(np.array_equal(pairs.keys(objects), near_keys))

    def _follow(self, near: _Pairs, scene: Scene, places: F64) -> None:
        """Take into the pairs what a frame shows of them."""
        pairs, objects, now_ns = self._pairs, len(scene.objects), scene.sight.now_ns
        is_known = np.zeros(objects, np.bool_)
        is_known[scene.sight.columns] = np.isfinite(places[:, 0])
        keys, near_keys = pairs.keys(objects), near.keys(objects)
        is_near = _among(keys, near_keys)
        is_shown = is_known[pairs.first] & is_known[pairs.second]
        has_turned = is_shown & (is_near != pairs.is_near)
        pairs.since_ns[has_turned] = now_ns
        pairs.is_near = np.where(is_shown, is_near, pairs.is_near)
        is_over = ~pairs.is_told | (now_ns - pairs.since_ns >= self._rearm_ns[pairs.row])
        pairs.keep(pairs.is_near | ~is_over)
        near.keep(~_among(near_keys, keys))
        if len(near.row):
            self._pairs = pairs.joined(near, objects)

    def _hits(self, due: Indices, scene: Scene, places: F64) -> list[Hit]:
        sight, pairs = scene.sight, self._pairs
        place = {int(column): at for column, at in zip(sight.columns, places, strict=True)}
        hits = []
        for at in due.tolist():
            row, first, second = int(pairs.row[at]), int(pairs.first[at]), int(pairs.second[at])
            # Who is near still when a cooldown is over is told then.
            if self._may_tell(row, first, second, sight.now_ns):
                pairs.is_told[at] = True
                metres = float(np.hypot(*(place[first] - place[second])))
                hits.append(
                    Hit(
                        EventBatch.PROXIMITY,
                        self._rules[row],
                        first,
                        value=metres,
                        other=second,
                    )
                )
        return hits

    def _may_tell(self, row: int, first: int, second: int, now_ns: int) -> bool:
        """False while a cooldown keeps quiet about one of them."""
        columns = np.array([first, second], np.intp)
        if np.count_nonzero(self._cooldown.cools(columns, now_ns)[row]):
            return False
        is_due = np.zeros((len(self._rules), 2), np.bool_)
        is_due[row] = True
        self._cooldown.admit(is_due, columns, now_ns)
        return True


def _among(keys: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(P,), which keys stand among the others, both in order."""
    if not len(others):
        return np.zeros(len(keys), np.bool_)
    place = np.minimum(np.searchsorted(others, keys), len(others) - 1)
    is_among: NDArray[np.bool_] = others[place] == keys
    return is_among
