"""Who is in which zone since when; what all rules that watch zones stand on.

An object has entered when its anchor was inside for `min_s` without a break, and has left when it
was further than `margin` outside for `min_s` without a break. Its stay runs from the first
of the frames that let it in to the first of those that let it out, so neither wait adds to it.

A rule lets nobody in outside its schedule. Who is inside when the schedule begins enters then; who
is inside when it ends is seen to the end of the stay.

For a rule that excludes the stationary, who comes to rest leaves then, and enters when it moves on.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Lineage
from edge.rules.fields import ANCHORS
from edge.rules.geometry import Point, Polygons
from edge.rules.kinds import ZonedRule
from edge.rules.latch import Flips, Latch
from edge.rules.objects import Sight
from edge.rules.scope import Scope

T = TypeVar("T", bound=np.generic)
EVERYWHERE: Sequence[Point] = ((-1.0, -1.0), (2.0, -1.0), (2.0, 2.0), (-1.0, 2.0))
"""Outline of the zone of a rule that watches the whole picture."""


class Presence:
    """Who is in the zones of R rules.

    Attributes:
        stays: the latch of being inside, (R, N).

    Args:
        rules: in the order of the rows.
        outlines: corners of each zone by its id.
        classes: of the model.
    """

    def __init__(
        self,
        rules: Sequence[ZonedRule],
        outlines: Mapping[str, Sequence[Point]],
        classes: Sequence[str],
    ) -> None:
        self._scope = Scope.of(rules, classes)
        # What several rules ask of one zone is answered once.
        asked = [(rule.zone, ANCHORS.index(rule.anchor)) for rule in rules]
        shapes = list(dict.fromkeys(asked))
        self._polygons = Polygons.of([outlines[zone] if zone else EVERYWHERE for zone, _ in shapes])
        self._anchor = np.array([anchor for _, anchor in shapes], np.intp)
        self._shape_of = np.array([shapes.index(one) for one in asked], np.intp)
        self._are_shared = len(shapes) < len(asked)
        self._count = len(rules)
        self.stays = Latch.of(len(rules))

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self.stays.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self.stays.keep(columns)

    def inherit(self, before: "Presence", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self.stays.inherit(before.stays, lineage)

    def step(self, sight: Sight) -> Flips | None:
        """Who entered (rose) or left (fell) with this frame; None where nobody did."""
        if not self._count:
            return None
        scope = self._scope
        located = self._polygons.locate(sight.after.take(self._anchor, axis=0))
        inside = self._by_rule(located.contained())
        was_inside = self.stays.is_set.take(sight.columns, axis=1)
        if scope.excludes is None and not np.count_nonzero(inside != was_inside):
            self.stays.hold(sight.columns)
            return None
        enters = inside & scope.schedules.is_on(sight.now_ns)
        if not scope.is_whole:
            enters &= scope.watches(sight)
        # How far away somebody is matters of those alone who were inside and are no more.
        leaves = was_inside & ~inside
        if np.count_nonzero(leaves):
            leaves &= self._by_rule(located.distance()) > scope.margin
        if scope.excludes is not None:
            rests = scope.excludes & sight.stationary
            enters &= ~rests
            leaves |= rests
        return self.stays.step(
            sight.columns, sight.now_ns, was_inside, enters, leaves, scope.min_ns
        )

    def _by_rule(self, by_shape: NDArray[T]) -> NDArray[T]:
        """(R, S) for what is known of each shape."""
        return by_shape.take(self._shape_of, axis=0) if self._are_shared else by_shape

    def is_on(self, now_ns: int) -> NDArray[np.bool_]:
        """(R, 1), which rules look at the time of the frame."""
        return self._scope.schedules.is_on(now_ns)
