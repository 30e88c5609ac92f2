"""All rules of a camera, kind by kind.

Rules that watch zones are rows of one presence, those that watch lines rows of one table of
crossings: each kind has its successive rows, so that all zones and all lines are looked at once.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.rules.collision import CollisionWatch
from edge.rules.counts import LineCountsWatch, Tally, ZoneCountsWatch
from edge.rules.crossing import Crossings
from edge.rules.dwell import DwellWatch
from edge.rules.hit import Hit
from edge.rules.kinds import (
    AnyRule,
    CollisionRule,
    DwellRule,
    LineCountsRule,
    LinedRule,
    LineRule,
    OccupancyRule,
    ProximityRule,
    SpeedRule,
    WrongWayRule,
    ZoneCountsRule,
    ZonedRule,
    ZoneRule,
)
from edge.rules.latch import Flips
from edge.rules.line import LineWatch
from edge.rules.objects import Sight
from edge.rules.occupancy import OccupancyWatch
from edge.rules.presence import Presence
from edge.rules.proximity import ProximityWatch
from edge.rules.scene import Rows, Scene, Ways
from edge.rules.settings import CameraRulesSettings
from edge.rules.speed import SpeedWatch
from edge.rules.wrong_way import WrongWayWatch
from edge.rules.zone import ZoneWatch

R = TypeVar("R", bound=AnyRule)
Group = TypeVar("Group", bound=AnyRule)


class Watches:
    """What watches a camera's objects for its rules.

    Args:
        settings: zones, lines and rules.
        classes: of the model.
    """

    def __init__(self, settings: CameraRulesSettings, classes: Sequence[str]) -> None:
        zoned = _in_rows([rule for rule in settings.rules if isinstance(rule, ZonedRule)])
        lined = _in_rows([rule for rule in settings.rules if isinstance(rule, LinedRule)])
        self._presence = Presence(zoned, {zone.id: zone.points for zone in settings.zones}, classes)
        self._crossings = Crossings(
            lined, {line.id: line.points for line in settings.lines}, classes
        )

        def rows(kind: type[AnyRule]) -> Rows:
            return Rows(self._presence, _rows(zoned, kind))

        def ways(kind: type[AnyRule]) -> Ways:
            return Ways(self._crossings, _rows(lined, kind))

        self._zones = ZoneWatch(_of(zoned, ZoneRule), rows(ZoneRule))
        self._occupancy = OccupancyWatch(_of(zoned, OccupancyRule), rows(OccupancyRule))
        self._counts = (
            LineCountsWatch(_of(lined, LineCountsRule), ways(LineCountsRule), len(classes)),
            ZoneCountsWatch(_of(zoned, ZoneCountsRule), rows(ZoneCountsRule), len(classes)),
        )
        self._tellers = (
            self._zones,
            LineWatch(_of(lined, LineRule), ways(LineRule)),
            DwellWatch(_of(zoned, DwellRule), rows(DwellRule)),
            WrongWayWatch(_of(zoned, WrongWayRule), rows(WrongWayRule)),
            SpeedWatch(_of(zoned, SpeedRule), rows(SpeedRule)),
            ProximityWatch(_of(zoned, ProximityRule), rows(ProximityRule)),
            CollisionWatch(_of(zoned, CollisionRule), rows(CollisionRule)),
        )
        self._parts = (self._presence, self._crossings, *self._tellers, *self._counts)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        for part in self._parts:
            part.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        for part in self._parts:
            part.keep(columns)

    def begin(self, now_ns: int, frame: int) -> list[Tally]:
        """The intervals that a frame ends; before anything else of it."""
        return [tally for counts in self._counts for tally in counts.begin(now_ns, frame)]

    def look(self, sight: Sight) -> tuple[Flips | None, NDArray[np.int8] | None]:
        """Who enters and leaves all zones with a frame, and who crosses all lines."""
        return self._presence.step(sight), self._crossings.step(sight)

    def step(self, scene: Scene) -> list[Hit]:
        """What the rules say of the objects of a frame."""
        for counts in self._counts:
            counts.step(scene)
        return [hit for teller in self._tellers for hit in teller.step(scene)]

    def numbers(self, now_ns: int) -> list[Hit]:
        """What the rules say of the numbers of objects; after all else of a frame."""
        return self._occupancy.step(now_ns)

    def no_numbers(self) -> list[Hit]:
        """What the rules say of the numbers of objects when nobody looks any more."""
        return self._occupancy.finish()

    def end(self, columns: NDArray[np.intp], last_seen_ns: NDArray[np.int64]) -> list[Hit]:
        """What the rules say of objects that have ended; before they are forgotten.

        Args:
            columns: (E,) of them.
            last_seen_ns: (E,) of each.
        """
        return self._zones.end(columns, last_seen_ns)

    def finish(self) -> list[Tally]:
        """What was counted until the source's end."""
        return [tally for counts in self._counts for tally in counts.finish()]


def _in_rows(rules: Sequence[Group]) -> tuple[Group, ...]:
    """Rules one kind after the other, and each kind's in the order of the file."""
    return tuple(sorted(rules, key=lambda rule: rule.kind))


def _of(rules: Sequence[AnyRule], kind: type[R]) -> tuple[R, ...]:
    return tuple(rule for rule in rules if isinstance(rule, kind))


def _rows(rules: Sequence[AnyRule], kind: type[AnyRule]) -> slice:
    places = [place for place, rule in enumerate(rules) if isinstance(rule, kind)]
    return slice(places[0], places[-1] + 1) if places else slice(0, 0)
