"""Old events out of the file, a bounded step at a time, so that ingest never waits for long."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import structlog

from cloud.store.retention import RetentionPlan, days_text
from cloud.store.upkeep import UpkeepThread

_MINUTE_NS = 60_000_000_000
_DAY_NS = 1440 * _MINUTE_NS
_STEP = 20_000
"""Events that one step deletes: some tens of milliseconds in which ingest waits."""

_EVERY_S = 3600.0
_log = structlog.get_logger(__name__)


class OldEvents(Protocol):
    """The part of the open file that retention needs."""

    @property
    def path(self) -> Path:
        """Of the file."""

    def count_before(self, captured_ns: int) -> int:
        """Events captured before a time."""

    def delete_before(self, captured_ns: int, limit: int) -> int:
        """Delete some of them, at most `limit`; returns how many."""

    def close_before(self, captured_ns: int) -> None:
        """Have the counts of what was captured before a time stay when its events go."""

    def forget_before(self, captured_ns: int) -> None:
        """Delete counts that stayed, before a time."""

    def compact(self) -> None:
        """Have the space of what was deleted used again."""


class DuckDbRetention:
    """Deletes events that were captured longer ago than a number of days.

    Args:
        events: the open file, which stays the caller's.
        days: how long events are kept; None: for ever.
        rollup_days: how long counts by minute and hour are kept; None: as long as their events.
        clock_ns: Unix time.
        step: events deleted at once.
    """

    def __init__(
        self,
        events: OldEvents,
        days: int | None,
        rollup_days: int | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        step: int = _STEP,
    ) -> None:
        self._events = events
        self._days = days
        self._rollup_days = rollup_days
        self._clock_ns = clock_ns
        self._step = step

    def plan(self) -> RetentionPlan:
        """How many events are too old now."""
        name = f"DuckDB in {self._events.path}"
        if self._days is None:
            return RetentionPlan(name, notes=("retention_days is not set: nothing is deleted",))
        old = self._events.count_before(self._before_ns(self._days))
        notes: tuple[str, ...] = (
            "the space is used again, but the file does not shrink",
            "a running `serve` deletes what gets too old by itself, every hour",
        )
        if self._rollup_days is not None:
            kept = days_text(self._rollup_days)
            notes += (f"their counts by minute and hour stay for {kept}",)
        if not old:
            return RetentionPlan(name, notes=notes)
        kept = days_text(self._days)
        return RetentionPlan(name, (f"delete {old} events older than {kept}",), old, notes)

    def carry_out(self) -> Iterator[int]:
        """Delete, then have the space used again."""
        if self._days is None:
            return
        before_ns, deleted = self._before_ns(self._days), 0
        if self._rollup_days is not None:
            self._events.close_before(before_ns)
        while number := self._events.delete_before(before_ns, self._step):
            deleted += number
            yield number
        self._events.forget_before(self._before_ns(self._rollup_days or self._days))
        if deleted:
            self._events.compact()
            _log.info("old events deleted", events=deleted, retention_days=self._days)

    def close(self) -> None:
        """Nothing: the file is the caller's."""

    def _before_ns(self, days: int) -> int:
        """Whole minutes go, so that those of the rollups are either there or gone."""
        return max(0, self._clock_ns() - days * _DAY_NS) // _MINUTE_NS * _MINUTE_NS


def retention_thread(retention: DuckDbRetention, every_s: float = _EVERY_S) -> UpkeepThread:
    """Carries a retention out at once and then every hour."""
    failed = "old events not deleted, tried again later"
    return UpkeepThread("retention", retention.carry_out, every_s, failed)
