"""How many crossed a line, or were in a zone, in each interval of the frames' time.

Intervals are in step with UTC: those of an hour begin at full hours. One is told with the first
frame after it, or when the source ends, and has the time of its last frame; where no frame came
in it, or the rule did not look, nothing is known and nothing is told. One in which frames
came and nobody counted is told with no counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.columns import Columns, Lineage
from edge.rules.hit import Cooldown
from edge.rules.kinds import LineCountsRule, ZoneCountsRule
from edge.rules.latch import nanoseconds
from edge.rules.scene import Rows, Scene, Ways

CountsRule = LineCountsRule | ZoneCountsRule


@dataclass(frozen=True, slots=True)
class Tally:
    """What a rule counted in one interval.

    Attributes:
        rule: whose.
        start_ns: of the interval.
        end_ns: of it; frames of this time belong to the next one.
        last_ns: time of its last frame.
        last_frame: number of its last frame.
        counts: (class, way, number) of what was counted; ways are 1 from A to B of a line, -1 from
            B to A, 0 in a zone.
    """

    rule: CountsRule
    start_ns: int
    end_ns: int
    last_ns: int
    last_frame: int
    counts: tuple[tuple[int, int, int], ...]


class _Intervals:
    """The interval that each of R rules counts in, and what it has counted."""

    def __init__(self, rules: Sequence[CountsRule], classes: int) -> None:
        self._rules = tuple(rules)
        self._length_ns = nanoseconds([rule.interval_s for rule in rules])[:, 0]
        self._number = np.full(len(rules), -1, np.int64)
        self._has_frames = np.zeros(len(rules), np.bool_)
        self._last_ns = np.zeros(len(rules), np.int64)
        self._last_frame = np.zeros(len(rules), np.int64)
        # The last axis is way + 1: from B to A, in a zone, from A to B.
        self._counts = np.zeros((len(rules), classes, 3), np.int64)

    def inherit(self, before: "_Intervals", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        for name in ("_number", "_has_frames", "_last_ns", "_last_frame"):
            getattr(self, name)[lineage.new] = getattr(before, name)[lineage.old]
        known = before._counts.shape[1]  # another model may have brought classes
        self._counts[lineage.new, :known] = before._counts[lineage.old]

    def begin(self, now_ns: int, frame: int, is_on: NDArray[np.bool_]) -> list[Tally]:
        """Take in a frame's time; returns the intervals that it ends."""
        number = now_ns // self._length_ns
        closed = self._close(number != self._number)
        self._number = number
        self._has_frames |= is_on
        self._last_ns[is_on], self._last_frame[is_on] = now_ns, frame
        return closed

    def finish(self) -> list[Tally]:
        """What was counted until the end."""
        return self._close(np.ones(len(self._rules), np.bool_))

    def add(
        self, rows: NDArray[np.intp], class_id: NDArray[np.int32], way: NDArray[np.int8]
    ) -> None:
        """Count one for each of them; arrays of one length."""
        np.add.at(self._counts, (rows, class_id, way.astype(np.intp) + 1), 1)

    def _close(self, is_over: NDArray[np.bool_]) -> list[Tally]:
        if not np.count_nonzero(is_over):
            return []
        told = [self._tally(row) for row in (is_over & self._has_frames).nonzero()[0].tolist()]
        self._counts[is_over] = 0
        self._has_frames[is_over] = False
        return told

    def _tally(self, row: int) -> Tally:
        length_ns = int(self._length_ns[row])
        start_ns = int(self._number[row]) * length_ns
        counted = np.argwhere(self._counts[row]).tolist()
        return Tally(
            self._rules[row],
            start_ns,
            start_ns + length_ns,
            int(self._last_ns[row]),
            int(self._last_frame[row]),
            tuple((name, way - 1, int(self._counts[row, name, way])) for name, way in counted),
        )


@dataclass(slots=True)
class _Counted(Columns):
    """(R, N), the number of the last interval in which an object was counted, plus one."""

    interval: NDArray[np.int64]


class LineCountsWatch:
    """All line-counts rules of a camera.

    Args:
        rules: in the order of their rows.
        ways: their rows among the crossings.
        classes: how many the model has.
    """

    def __init__(self, rules: Sequence[LineCountsRule], ways: Ways, classes: int) -> None:
        self._rules = tuple(rules)
        self._ways = ways
        self._intervals = _Intervals(rules, classes)
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._cooldown.keep(columns)

    def inherit(self, before: "LineCountsWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._intervals.inherit(before._intervals, lineage)
        self._cooldown.inherit(before._cooldown, lineage)

    def begin(self, now_ns: int, frame: int) -> list[Tally]:
        """The intervals that a frame ends; it may show nobody."""
        if not self._rules:
            return []
        return self._intervals.begin(now_ns, frame, self._ways.is_on(now_ns)[:, 0])

    def step(self, scene: Scene) -> None:
        """Count who crossed with this frame."""
        if not self._rules or scene.crossings is None:
            return
        ways, sight = scene.crossings[self._ways.rows], scene.sight
        rows, seen = self._cooldown.admit(ways != 0, sight.columns, sight.now_ns).nonzero()
        self._intervals.add(rows, sight.class_id[seen], ways[rows, seen])

    def finish(self) -> list[Tally]:
        """What was counted until the end."""
        return self._intervals.finish() if self._rules else []


class ZoneCountsWatch:
    """All zone-counts rules of a camera: an object counts once in an interval.

    Args:
        rules: in the order of their rows.
        rows: of them.
        classes: how many the model has.
    """

    def __init__(self, rules: Sequence[ZoneCountsRule], rows: Rows, classes: int) -> None:
        self._rules = tuple(rules)
        self._rows = rows
        self._intervals = _Intervals(rules, classes)
        self._length_ns = nanoseconds([rule.interval_s for rule in rules])
        self._counted = _Counted(np.empty((len(rules), 0), np.int64))
        self._cooldown = Cooldown(rules)

    def grow(self, count: int) -> None:
        """There are `count` more objects."""
        self._counted.grow(count)
        self._cooldown.grow(count)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._counted.keep(columns)
        self._cooldown.keep(columns)

    def inherit(self, before: "ZoneCountsWatch", lineage: Lineage) -> None:
        """Go on as these rules did before."""
        self._intervals.inherit(before._intervals, lineage)
        self._counted.inherit(before._counted, lineage)
        self._cooldown.inherit(before._cooldown, lineage)

    def begin(self, now_ns: int, frame: int) -> list[Tally]:
        """The intervals that a frame ends; it may show nobody."""
        if not self._rules:
            return []
        return self._intervals.begin(now_ns, frame, self._rows.is_on(now_ns)[:, 0])

    def step(self, scene: Scene) -> None:
        """Count who is in the zones and was not counted in this interval."""
        if not self._rules:
            return
        sight = scene.sight
        interval = sight.now_ns // self._length_ns + 1
        before = self._counted.interval.take(sight.columns, axis=1)
        is_new = self._rows.looks_at(sight) & (before != interval)
        if not np.count_nonzero(is_new):
            return
        self._counted.interval[:, sight.columns] = np.where(is_new, interval, before)
        rows, seen = self._cooldown.admit(is_new, sight.columns, sight.now_ns).nonzero()
        self._intervals.add(rows, sight.class_id[seen], np.zeros(len(rows), np.int8))

    def finish(self) -> list[Tally]:
        """What was counted until the end."""
        return self._intervals.finish() if self._rules else []
