"""Who crosses lines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Lineage
from edge.rules.hit import Cooldown, Direction, Hit
from edge.rules.kinds import LineRule
from edge.rules.scene import Scene, Ways
from protos.v1.event_batch_pb2 import EventBatch


class LineWatch:
    """All line rules of a camera.

    Args:
        rules: in the order of their rows.
        ways: their rows among the crossings.
    """

    def __init__(self, rules: Sequence[LineRule], ways: Ways) -> None:
        self._rules = tuple(rules)
        self._ways = ways
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._cooldown.keep(columns)

    def inherit(self, before: "LineWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._cooldown.inherit(before._cooldown, lineage)

    def step(self, scene: Scene) -> list[Hit]:
        """Who crossed with this frame."""
        if not self._rules or scene.crossings is None:
            return []
        ways, columns = scene.crossings[self._ways.rows], scene.sight.columns
        told = self._cooldown.admit(ways != 0, columns, scene.sight.now_ns)
        return [
            Hit(
                EventBatch.LINE_CROSSED,
                self._rules[row],
                int(columns[position]),
                direction=direction_of(int(ways[row, position])),
            )
            for row, position in np.argwhere(told).tolist()
        ]


def direction_of(way: int) -> Direction:
    """The wire's word for a way across a line: 1 is from A to B, -1 from B to A."""
    return EventBatch.A_TO_B if way > 0 else EventBatch.B_TO_A
