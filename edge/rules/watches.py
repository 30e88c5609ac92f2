"""All rules of a camera, kind by kind.

Rules that watch zones are rows of one presence, those that watch lines rows of one table of
crossings: each kind has its successive rows, so that all zones and all lines are looked at once.
"""

from collections.abc import Sequence
from itertools import compress
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.rules.collision import CollisionWatch
from edge.rules.columns import Lineage
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
from edge.rules.shapes import Line, Zone
from edge.rules.speed import SpeedWatch
from edge.rules.wrong_way import WrongWayWatch
from edge.rules.zone import ZoneWatch

R = TypeVar("R", bound=AnyRule)
Group = TypeVar("Group", bound=AnyRule)


_KINDS: tuple[type[AnyRule], ...] = (
    ZoneRule, LineRule, DwellRule, WrongWayRule, SpeedRule, ProximityRule, CollisionRule,
    LineCountsRule, ZoneCountsRule, OccupancyRule,
)  # fmt: skip
"""In the order of a camera's watches."""


class _Watch(Protocol):
    """All rules of a kind."""

    def inherit(self, before: Any, lineage: Lineage) -> None:
        """Go on as these rules did in the one of the same kind before."""


class _Part(Protocol):
    """What remembers something of each object."""

    def grow(self, count: int) -> None:
        """There are `count` more objects."""

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""


class _Teller(_Watch, _Part, Protocol):
    """All rules of a kind that tells of objects at once."""

    def step(self, scene: Scene) -> list[Hit]:
        """What they say of a frame."""


class Watches:
    """What watches a camera's objects for its rules.

    Args:
        settings: zones, lines and rules.
        classes: of the model.
    """

    def __init__(self, settings: CameraRulesSettings, classes: Sequence[str]) -> None:
        self._settings = settings
        zoned = _in_rows([rule for rule in settings.rules if isinstance(rule, ZonedRule)])
        lined = _in_rows([rule for rule in settings.rules if isinstance(rule, LinedRule)])
        self._zoned, self._lined = zoned, lined
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
        counts: tuple[LineCountsWatch | ZoneCountsWatch, ...] = (
            LineCountsWatch(_of(lined, LineCountsRule), ways(LineCountsRule), len(classes)),
            ZoneCountsWatch(_of(zoned, ZoneCountsRule), rows(ZoneCountsRule), len(classes)),
        )
        tellers: tuple[_Teller, ...] = (
            self._zones,
            LineWatch(_of(lined, LineRule), ways(LineRule)),
            DwellWatch(_of(zoned, DwellRule), rows(DwellRule)),
            WrongWayWatch(_of(zoned, WrongWayRule), rows(WrongWayRule)),
            SpeedWatch(_of(zoned, SpeedRule), rows(SpeedRule)),
            ProximityWatch(_of(zoned, ProximityRule), rows(ProximityRule)),
            CollisionWatch(_of(zoned, CollisionRule), rows(CollisionRule)),
        )
        self._by_kind: tuple[_Watch, ...] = (*tellers, *counts, self._occupancy)
        # A kind without rules is asked nothing, and told of nobody who comes or goes.
        kinds = [kind in {type(rule) for rule in settings.rules} for kind in _KINDS]
        self._tellers = tuple(compress(tellers, kinds))
        self._counts = tuple(compress(counts, kinds[len(tellers) :]))
        presence = [self._presence] if zoned else []
        crossings = [self._crossings] if lined else []
        self._parts: tuple[_Part, ...] = (*presence, *crossings, *self._tellers, *self._counts)

    def inherit(self, before: "Watches") -> frozenset[str]:
        """Have rules go on that watch the same as before, as if nothing had changed.

        Args:
            before: what watched the same objects until now.

        Returns:
            ids of these rules.
        """
        theirs = {rule.id: rule for rule in before._settings.rules}
        goes_on = frozenset(
            rule.id
            for rule in self._settings.rules
            if rule == theirs.get(rule.id) and self._sees_as(before, rule)
        )

        def lineage(new: Sequence[AnyRule], old: Sequence[AnyRule]) -> Lineage:
            places = {rule.id: place for place, rule in enumerate(old)}
            pairs = [(row, places[rule.id]) for row, rule in enumerate(new) if rule.id in goes_on]
            rows = np.array(pairs, np.intp).reshape(-1, 2)
            return Lineage(rows[:, 0], rows[:, 1])

        self._presence.inherit(before._presence, lineage(self._zoned, before._zoned))
        self._crossings.inherit(before._crossings, lineage(self._lined, before._lined))
        for kind, part, old in zip(_KINDS, self._by_kind, before._by_kind, strict=True):
            rules, others = self._settings.rules, before._settings.rules
            part.inherit(old, lineage(_of(rules, kind), _of(others, kind)))
        return goes_on

    def _sees_as(self, before: "Watches", rule: AnyRule) -> bool:
        """True where the rule's zone, line and ground are the same as before."""
        new, old = self._settings, before._settings
        if isinstance(rule, LinedRule):
            return _points(new.lines, rule.line) == _points(old.lines, rule.line)
        is_on_ground = isinstance(rule, SpeedRule | ProximityRule)
        if is_on_ground and new.ground != old.ground:
            return False
        return _points(new.zones, rule.zone) == _points(old.zones, rule.zone)

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


def _points(shapes: Sequence[Zone | Line], name: str | None) -> object:
    """Corners of the one of that id; None where none is meant."""
    return next((shape.points for shape in shapes if shape.id == name), None)


def _of(rules: Sequence[AnyRule], kind: type[R]) -> tuple[R, ...]:
    return tuple(rule for rule in rules if isinstance(rule, kind))


def _rows(rules: Sequence[AnyRule], kind: type[AnyRule]) -> slice:
    places = [place for place, rule in enumerate(rules) if isinstance(rule, kind)]
    return slice(places[0], places[-1] + 1) if places else slice(0, 0)
