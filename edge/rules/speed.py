"""Who is too fast."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Lineage
from edge.rules.hit import Alarm, Hit
from edge.rules.kinds import SpeedRule
from edge.rules.scene import Rows, Scene
from protos.v1.event_batch_pb2 import EventBatch


class SpeedWatch:
    """All speed rules of a camera. A speed that is not known changes nothing.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[SpeedRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._limit = np.array([rule.limit_mps for rule in rules]).reshape(-1, 1)
        self._alarm = Alarm(
            rules, [rule.over_s for rule in rules], [rule.rearm_s for rule in rules]
        )

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._alarm.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._alarm.keep(columns)

    def inherit(self, before: "SpeedWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._alarm.inherit(before._alarm, lineage)

    def step(self, scene: Scene) -> list[Hit]:
        """Who is told with this frame, with the speed in m/s."""
        if not self._rules or scene.speeds_mps is None:
            return []
        sight, speeds = scene.sight, scene.speeds_mps
        holds = (speeds > self._limit) & self._rows.looks_at(sight)
        is_over = (speeds <= self._limit) | ~self._rows.is_inside(sight)
        return [
            Hit(
                EventBatch.SPEED,
                self._rules[row],
                int(sight.columns[seen]),
                value=float(speeds[seen]),
            )
            for row, seen in self._alarm.step(sight.columns, sight.now_ns, holds, is_over)
        ]
