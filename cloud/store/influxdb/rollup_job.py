"""The rounds that keep rollups: counted from the points again, wherever something was written.

Several processes may each run one: each has an epoch of its own, so that they waste work and do no
harm. A round that fails, at whatever request, leaves the state before it, and the next one does
its work again. What was written under a lower number, and lands later, is never read.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence

import structlog

from cloud.store.influxdb.rollup_tables import RollupTables
from cloud.store.influxdb.rollups import (
    HOUR_NS,
    LONGEST_PAUSE_NS,
    MINUTE_NS,
    Plan,
    Span,
    State,
    first_state,
    planned,
)

_log = structlog.get_logger(__name__)

DAY_NS = 24 * HOUR_NS


class RollupJob:
    """One epoch after the other. One thread calls it.

    Args:
        tables: where everything is.
        days: how far back from an epoch's begin minutes are rolled up.
        forget: deletes what is left of some epochs, where the database can.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        tables: RollupTables,
        days: int,
        forget: Callable[[Sequence[str]], None],
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._tables = tables
        self._days = days
        self._forget = forget
        self._clock_ns = clock_ns
        self._epoch = ""
        self._state: State | None = None
        self._floor_ns = 0
        self._number = 0

    def rounds(self) -> Iterator[int]:
        """Rounds until everything is rolled up; a step for each hour at most, of its minutes.

        Whoever stops between two steps leaves a round that was cut off, like a failed one.

        Raises:
            StoreAwayError: the database does not answer.
        """
        while True:
            plan = self._planned()
            for span in plan.spans:
                yield from self._count(span)
            self._tables.write_state(self._epoch, plan.state)
            self._state = plan.state
            if not plan.behind:
                return

    def _planned(self) -> Plan:
        """The next round, with a number of its own."""
        now_ns = self._clock_ns()
        state = self._state
        if state is None or abs(now_ns - state.at_ns) > LONGEST_PAUSE_NS:
            state = self._begun(now_ns)
        self._number += 1
        # Before anything is counted: what happens from here on, the next round finds.
        marks = self._tables.marks()
        read = self._tables.written(state.places, None, None)
        assert read is not None, "there is no limit"
        return planned(state, now_ns, self._floor_ns, read, marks)

    def _begun(self, now_ns: int) -> State:
        """Begin an epoch; it is written first of all, so that whatever is left of it is found."""
        self._state = None
        self._epoch, self._number = secrets.token_hex(8), 0
        old = [e for e, s in self._tables.states().items() if now_ns - s.at_ns > DAY_NS]
        state = first_state(now_ns, self._tables.places())
        first_ns = self._tables.first_ns()
        self._floor_ns = max(
            now_ns - self._days * DAY_NS, state.until_ns if first_ns is None else first_ns
        )
        self._tables.write_state(self._epoch, state)
        self._state = state
        _log.info("rollups begin", epoch=self._epoch, ended=len(old))
        if old:
            self._forget(old)
        return state

    def _count(self, span: Span) -> Iterator[int]:
        """Count all minutes of a span, newest first; one without events gets its rollup as well."""
        for until_ns in range(span[1], span[0], -HOUR_NS):
            since_ns = max(span[0], until_ns - HOUR_NS)
            found = self._tables.counted((since_ns, until_ns))
            minutes = range(since_ns, until_ns, MINUTE_NS)
            self._tables.write_rollups(
                self._epoch, self._number, {minute: found.get(minute, {}) for minute in minutes}
            )
            yield len(minutes)
