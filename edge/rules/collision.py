"""What a vehicle will run into before long, by how fast it grows in the picture.

The time to collision needs neither distance nor speed: it is the apparent size of an object over
the growth of that size (Lee 1976, "A theory of visual control of braking based on
information about time-to-collision", Perception 5). At a steady closing speed the reciprocal of the
size falls in a straight line, and the collision is where that reaches zero; so the line is fitted,
by medians, and its zero is the answer. The size is the root of the box's area.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Lineage
from edge.rules.hit import Alarm, Hit
from edge.rules.kinds import CollisionRule
from edge.rules.objects import F64, Objects, Sight
from edge.rules.scene import Rows, Scene
from edge.rules.trail import Trail
from protos.v1.event_batch_pb2 import EventBatch


class CollisionWatch:
    """All collision-warning rules of a camera.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[CollisionRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._ttc_s = np.array([rule.ttc_s for rule in rules]).reshape(-1, 1)
        self._windows = sorted({rule.window_s for rule in rules})
        self._trails = tuple(Trail(1, window_s) for window_s in self._windows)
        self._trail_of = [self._windows.index(rule.window_s) for rule in rules]
        self._alarm = Alarm(
            rules, [rule.closing_s for rule in rules], [rule.rearm_s for rule in rules]
        )

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._alarm.grow(count)
        for trail in self._trails:
            trail.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._alarm.keep(columns)
        for trail in self._trails:
            trail.keep(columns)

    def inherit(self, before: "CollisionWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._alarm.inherit(before._alarm, lineage)
        known = dict(zip(before._windows, before._trails, strict=True))
        self._trails = tuple(
            known.get(window_s, trail)
            for window_s, trail in zip(self._windows, self._trails, strict=True)
        )

    def step(self, scene: Scene) -> list[Hit]:
        """What is told with this frame, with the time to collision in s."""
        if not self._rules:
            return []
        sight, is_inside = scene.sight, self._rows.is_inside(scene.sight)
        in_corridor = np.count_nonzero(is_inside, axis=0).nonzero()[0]
        ttc_s = self._times_to_collision(sight, scene.objects, in_corridor)[self._trail_of]
        holds = (ttc_s < self._ttc_s) & self._rows.looks_at(sight)
        is_over = (ttc_s >= self._ttc_s) | ~is_inside
        return [
            Hit(
                EventBatch.COLLISION_WARNING,
                self._rules[row],
                int(sight.columns[seen]),
                value=float(ttc_s[row, seen]),
            )
            for row, seen in self._alarm.step(sight.columns, sight.now_ns, holds, is_over)
        ]

    def _times_to_collision(self, sight: Sight, objects: Objects, wanted: NDArray[np.intp]) -> F64:
        """(T, S) s, of every trail; infinite where nothing grows, NaN where not known or wanted."""
        left, top, right, bottom = objects.ltrb.take(sight.columns, axis=1)
        # A box that is cut off by an edge of the picture does not show its size.
        is_whole = (left > 0.0) & (top > 0.0) & (right < 1.0) & (bottom < 1.0)
        area = np.where(is_whole, (right - left) * (bottom - top), np.nan)
        shrunk = 1.0 / np.sqrt(np.maximum(area, 1e-12))
        times = np.full((len(self._trails), len(sight.columns)), np.nan)
        for trail, times_s in zip(self._trails, times, strict=True):
            trail.see(sight.now_ns, sight.columns, shrunk[None])
            if not len(wanted):
                continue
            slope, now = trail.median_lines(sight.now_ns, sight.columns[wanted])
            falls = slope < 0.0
            time_s = np.maximum(now, 0.0) / np.where(falls, -slope, 1.0)
            times_s[wanted] = np.where(falls | np.isnan(slope), time_s, np.inf)
        return times
