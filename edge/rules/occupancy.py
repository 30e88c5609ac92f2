"""How many objects are in zones, once a number has lasted."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Lineage
from edge.rules.hit import Alarm, Hit
from edge.rules.kinds import OccupancyRule
from edge.rules.latch import nanoseconds
from edge.rules.scene import Rows
from protos.v1.event_batch_pb2 import EventBatch

I64 = NDArray[np.int64]
_ONLY: NDArray[np.intp] = np.zeros(1, np.intp)
"""The one column of conditions that are about no object."""


class OccupancyWatch:
    """All occupancy rules of a camera. Who is out of sight is in the zone until its track ends.

    Args:
        rules: in the order of their rows.
        rows: of them.
    """

    def __init__(self, rules: Sequence[OccupancyRule], rows: Rows) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        numbered = list(enumerate(rules))
        self._changes = _Changes([pair for pair in numbered if not has_limits(pair[1])])
        self._limits = (
            _Limit([pair for pair in numbered if pair[1].at_least is not None], 1),
            _Limit([pair for pair in numbered if pair[1].at_most is not None], -1),
        )

    def inherit(self, before: "OccupancyWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._changes.inherit(before._changes, lineage)
        for limit, old in zip(self._limits, before._limits, strict=True):
            limit.inherit(old, lineage)

    def step(self, now_ns: int) -> list[Hit]:
        """What is told with this frame, which may show nobody."""
        if not self._rules:
            return []
        counts = np.count_nonzero(self._rows.presence.stays.is_set[self._rows.rows], axis=1)
        is_on = self._rows.is_on(now_ns)[:, 0]
        parts = (self._changes, *self._limits)
        rows = [row for part in parts for row in part.step(now_ns, counts, is_on)]
        return [
            Hit(EventBatch.OCCUPANCY, self._rules[row], value=float(counts[row])) for row in rows
        ]

    def finish(self) -> list[Hit]:
        """Nobody looks any more: a number that was told does not stay for ever."""
        return [Hit(EventBatch.OCCUPANCY, self._rules[row]) for row in self._changes.finish()]


def has_limits(rule: OccupancyRule) -> bool:
    """True where the rule tells of a limit, False where it tells of every number."""
    return rule.at_least is not None or rule.at_most is not None


class _Changes:
    """Numbers that have differed for `settle_s` from the one that was told last, at first 0."""

    def __init__(self, numbered: Sequence[tuple[int, OccupancyRule]]) -> None:
        self._rows = np.array([row for row, _ in numbered], np.intp)
        self._settle_ns = nanoseconds([rule.settle_s for _, rule in numbered])[:, 0]
        self._cooldown_ns = nanoseconds([rule.cooldown_s for _, rule in numbered])[:, 0]
        self._told = np.zeros(len(numbered), np.int64)
        self._free_ns = np.zeros(len(numbered), np.int64)
        self._since_ns = np.zeros(len(numbered), np.int64)
        self._is_pending = np.zeros(len(numbered), np.bool_)

    def inherit(self, before: "_Changes", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        same = lineage.among(self._rows, before._rows)
        for name in ("_told", "_free_ns", "_since_ns", "_is_pending"):
            getattr(self, name)[same.new] = getattr(before, name)[same.old]

    def step(self, now_ns: int, counts: NDArray[np.intp], is_on: NDArray[np.bool_]) -> list[int]:
        """Rows of what is to be told."""
        if not len(self._rows):
            return []
        here = counts[self._rows]
        differs = (here != self._told) & is_on[self._rows]
        self._since_ns = np.where(self._is_pending, self._since_ns, now_ns)
        is_due = differs & (now_ns - self._since_ns >= self._settle_ns) & (now_ns >= self._free_ns)
        self._is_pending = differs & ~is_due
        self._told = np.where(is_due, here, self._told)
        self._free_ns = np.where(is_due, now_ns + self._cooldown_ns, self._free_ns)
        due: list[int] = self._rows[is_due].tolist()
        return due

    def finish(self) -> list[int]:
        """Rows of which the number told last is not 0; it is from now on."""
        over: list[int] = self._rows[self._told != 0].tolist()
        self._told[:] = 0
        return over


class _Limit:
    """Numbers at or beyond a limit, `at_least` with sign 1, `at_most` with sign -1."""

    def __init__(self, numbered: Sequence[tuple[int, OccupancyRule]], sign: int) -> None:
        self._rows = np.array([row for row, _ in numbered], np.intp)
        rules = [rule for _, rule in numbered]
        limits = [rule.at_least if sign > 0 else rule.at_most for rule in rules]
        self._sign = sign
        self._limit: I64 = np.array(limits, np.int64)
        settle_s = [rule.settle_s for rule in rules]
        self._alarm = Alarm(rules, settle_s, settle_s, objects=1)

    def inherit(self, before: "_Limit", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        same = lineage.among(self._rows, before._rows)
        self._alarm.inherit(before._alarm, same)

    def step(self, now_ns: int, counts: NDArray[np.intp], is_on: NDArray[np.bool_]) -> list[int]:
        """Rows of what is to be told."""
        if not len(self._rows):
            return []
        is_beyond = (self._sign * (counts[self._rows] - self._limit) >= 0)[:, None]
        holds = is_beyond & is_on[self._rows, None]
        told = self._alarm.step(_ONLY, now_ns, holds, ~is_beyond)
        return [int(self._rows[place]) for place, _ in told]
