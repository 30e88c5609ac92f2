"""What a rule found in one frame, and how often it may say so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.kinds import AnyRule
from edge.rules.latch import Latch, nanoseconds
from protos.v1.event_batch_pb2 import EventBatch

Kind = EventBatch.Kind
Direction = EventBatch.Direction
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule found something.

    Attributes:
        kind: what, as on the wire.
        rule: whose.
        column: of the object, NOBODY where it is about none.
        direction: across a line.
        dwell_s: for how long the object has been there.
        value: what was measured, in the unit of the kind.
        other: column of the other object, NOBODY where there is none.
    """

    kind: Kind
    rule: AnyRule
    column: int = NOBODY
    direction: Direction = EventBatch.DIRECTION_UNSPECIFIED
    dwell_s: float = 0.0
    value: float = 0.0
    other: int = NOBODY


_NEVER_NS = np.iinfo(np.int64).max


class Cooling(Protocol):
    """A rule, as far as its cooldown goes."""

    @property
    def cooldown_s(self) -> float:
        """For how long it leaves alone whom it told of."""


@dataclass(slots=True)
class _Told(Columns):
    """(R, N) each; `at_ns` counts where `ever`."""

    ever: NDArray[np.bool_]
    at_ns: NDArray[np.int64]


class Cooldown:
    """Keeps rules from telling of an object again within their `cooldown_s`.

    Attributes:
        objects: how many there are.

    Args:
        rules: in the order of the rows.
        objects: columns there are from the start.
    """

    def __init__(self, rules: Sequence[Cooling], objects: int = 0) -> None:
        self._wait_ns = nanoseconds([rule.cooldown_s for rule in rules])
        # Rules that have none remember nothing.
        self._is_used = any(rule.cooldown_s for rule in rules)
        self.objects = objects
        shape = (len(rules), objects)
        self._told = _Told(np.zeros(shape, np.bool_), np.zeros(shape, np.int64))

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self.objects += count
        if self._is_used:
            self._told.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self.objects = int(np.count_nonzero(columns))
        if self._is_used:
            self._told.keep(columns)

    def inherit(self, before: "Cooldown", lineage: Lineage) -> None:
        """Remember what rules that go on have told."""
        if self._is_used and before._is_used:
            self._told.inherit(before._told, lineage)

    def admit(
        self, is_due: NDArray[np.bool_], columns: NDArray[np.intp], now_ns: int
    ) -> NDArray[np.bool_]:
        """(R, S), what of `is_due` (R, S) may be told, which then counts as told now."""
        if not self._is_used:
            return is_due
        may = is_due & ~self.cools(columns, now_ns)
        rows, seen = may.nonzero()
        self._told.ever[rows, columns[seen]] = True
        self._told.at_ns[rows, columns[seen]] = now_ns
        return may

    def cools(self, columns: NDArray[np.intp], now_ns: int) -> NDArray[np.bool_]:
        """(R, S), of whom a rule told too short a time ago."""
        told = self._told
        if not self._is_used:
            return np.zeros((len(self._wait_ns), len(columns)), np.bool_)
        age_ns = now_ns - told.at_ns.take(columns, axis=1)
        is_cooling: NDArray[np.bool_] = told.ever.take(columns, axis=1) & (age_ns < self._wait_ns)
        return is_cooling

    def prolonged(
        self, wait_ns: NDArray[np.int64], columns: NDArray[np.intp], now_ns: int
    ) -> NDArray[np.int64]:
        """Waits of R rules, (R, 1) or (R, S), without end for whom a rule told a short time ago."""
        if not self._is_used:
            return wait_ns
        return np.where(self.cools(columns, now_ns), _NEVER_NS, wait_ns)


class Alarm:
    """Tells of a condition once it has held long enough, and anew once it was over long enough.

    What begins within the cooldown and holds on is told when the cooldown is over.

    Args:
        rules: in the order of the rows.
        hold_s: for how long it must hold, of each rule.
        rearm_s: for how long it must be over before it is told anew.
        objects: columns there are from the start.
    """

    def __init__(
        self,
        rules: Sequence[Cooling],
        hold_s: Sequence[float],
        rearm_s: Sequence[float],
        objects: int = 0,
    ) -> None:
        self._hold_ns, self._rearm_ns = nanoseconds(hold_s), nanoseconds(rearm_s)
        self._latch = Latch.of(len(rules), objects)
        self._cooldown = Cooldown(rules, objects)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._latch.grow(count)
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._latch.keep(columns)
        self._cooldown.keep(columns)

    def inherit(self, before: "Alarm", lineage: Lineage) -> None:
        """Remember what holds of rules that go on."""
        self._latch.inherit(before._latch, lineage)
        self._cooldown.inherit(before._cooldown, lineage)

    def step(
        self,
        columns: NDArray[np.intp],
        now_ns: int,
        holds: NDArray[np.bool_],
        is_over: NDArray[np.bool_],
    ) -> list[list[int]]:
        """[row, position in columns] of what is to be told now.

        Args:
            columns: (S,) of the objects that are seen.
            now_ns: time of the frame.
            holds: (R, S), the condition, and the rule looks.
            is_over: (R, S), the condition surely does not hold.
        """
        is_set = self._latch.is_set.take(columns, axis=1)
        hold_ns = self._cooldown.prolonged(self._hold_ns, columns, now_ns)
        wait_ns = np.where(is_set, self._rearm_ns, hold_ns)
        flips = self._latch.step(columns, now_ns, is_set, holds, is_over, wait_ns)
        if flips is None or not np.count_nonzero(flips.rose):
            return []
        told: list[list[int]] = np.argwhere(
            self._cooldown.admit(flips.rose, columns, now_ns)
        ).tolist()
        return told

    def forget_pending(self) -> None:
        """What has not held, or been over, for long enough yet begins anew."""
        self._latch.is_pending[:] = False
