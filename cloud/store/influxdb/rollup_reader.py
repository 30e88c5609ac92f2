"""Counts from rollups, as far as they hold; the rest of a question is left for the points."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloud.store.influxdb import lines
from cloud.store.influxdb.rollup_tables import Groups, RollupTables
from cloud.store.influxdb.rollups import HOUR_NS, MINUTE_NS, Span, at_most, chosen, clean, without
from cloud.store.port import CountQuery
from cloud.store.questions import NS_PER_S

_SHORTEST_NS = 6 * HOUR_NS
"""The points of a shorter range are counted as fast as all that rollups need is asked for."""

_MAX_ENTRIES = 2000
"""Of the journal; where a writer has more after the state's places, the points are counted."""

_MAX_SPANS = 8
"""Parts of a range that are counted from the points, each by a statement of its own."""

Counts = Counter[tuple[int, tuple[str, ...]]]
"""By begin of an interval and group."""


@dataclass(frozen=True, slots=True)
class RolledUp:
    """An answer's first part.

    Attributes:
        counts: what rollups say.
        left: spans that are to be counted from the points.
    """

    counts: Counts
    left: list[Span]


class RollupReader:
    """What rollups say to a question. Any thread may ask.

    Args:
        tables: where they are.
        shortest_ns: shorter ranges are left to the points at once.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        tables: RollupTables,
        shortest_ns: int = _SHORTEST_NS,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tables = tables
        self._shortest_ns = shortest_ns
        self._clock_ns = clock_ns

    def answer(self, query: CountQuery) -> RolledUp:
        """Counts from rollups, and what they leave.

        Raises:
            StoreAwayError: the database does not answer.
        """
        asked = query.since_ns, query.until_ns
        minutes = self._minutes(asked) if self._serves(query) else {}
        counts: Counts = Counter()
        known = {m: found for m, groups in minutes.items() if (found := _asked(query, groups))
                 is not None}  # fmt: skip
        left = at_most(_MAX_SPANS, without([asked], ((m, m + MINUTE_NS) for m in known)))
        used = without([asked], left)
        interval_ns = query.interval_s * NS_PER_S
        for since_ns, until_ns in used:
            for minute_ns in range(since_ns, until_ns, MINUTE_NS):
                start_ns = minute_ns // interval_ns * interval_ns
                for group, number in known[minute_ns].items():
                    counts[start_ns, group] += number
        return RolledUp(counts, left)

    def _serves(self, query: CountQuery) -> bool:
        lacking = query.device or query.camera or query.rule or not set(query.group_by) <= {
            "kind", "class"
        }  # fmt: skip
        long = query.until_ns - query.since_ns >= self._shortest_ns
        return not lacking and long and query.interval_s % 60 == 0

    def _minutes(self, asked: Span) -> Mapping[int, Groups]:
        """The counts of minutes that hold. The order of what is asked for is what makes them so."""
        states = self._tables.states()
        epoch = chosen(states, asked, self._clock_ns())
        if epoch is None:
            return {}
        marks = self._tables.marks()
        written = self._tables.written(states[epoch].places, asked, _MAX_ENTRIES)
        if written is None:
            return {}
        spans = clean(states[epoch], asked, written[1], marks)
        if not spans:
            return {}
        found = self._tables.rollups(epoch, (spans[0][0], spans[-1][1]))
        return {
            minute_ns: groups
            for since_ns, until_ns in spans
            for minute_ns in range(since_ns, until_ns, MINUTE_NS)
            if (groups := found.get(minute_ns)) is not None
        }


def _asked(query: CountQuery, groups: Groups) -> dict[tuple[str, ...], int] | None:
    """What a question asks of a minute; None where only the points can tell.

    They have to where a filter is given and a value beyond the budget of series stands as `other`.
    """
    kind, class_name = lines.tag_text(query.kind), lines.tag_text(query.class_name)
    found: Counter[tuple[str, ...]] = Counter()
    for (kind_of, class_of), number in groups.items():
        if (kind and kind_of == lines.OTHER != kind) or (
            class_name and class_of == lines.OTHER != class_name
        ):
            return None
        if kind in ("", kind_of) and class_name in ("", class_of):
            values = {"kind": kind_of, "class": class_of}
            found[tuple(lines.tag_value(values[name]) for name in query.group_by)] += number
    return dict(found)
