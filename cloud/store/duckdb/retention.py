"""Old events out of the file, a bounded step at a time, so that ingest never waits for long."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import structlog

from cloud.errors import StoreAwayError
from cloud.store.retention import RetentionPlan, days_text

_DAY_NS = 86_400_000_000_000
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

    def compact(self) -> None:
        """Have the space of what was deleted used again."""


class DuckDbRetention:
    """Deletes events that were captured longer ago than a number of days.

    Args:
        events: the open file, which stays the caller's.
        days: how long events are kept; None: for ever.
        clock_ns: Unix time.
        step: events deleted at once.
    """

    def __init__(
        self,
        events: OldEvents,
        days: int | None,
        clock_ns: Callable[[], int] = time.time_ns,
        step: int = _STEP,
    ) -> None:
        self._events = events
        self._days = days
        self._clock_ns = clock_ns
        self._step = step

    def plan(self) -> RetentionPlan:
        """How many events are too old now."""
        name = f"DuckDB in {self._events.path}"
        if self._days is None:
            return RetentionPlan(name, notes=("retention_days is not set: nothing is deleted",))
        old = self._events.count_before(self._before_ns())
        notes = (
            "the space is used again, but the file does not shrink",
            "a running `serve` deletes what gets too old by itself, every hour",
        )
        if not old:
            return RetentionPlan(name, notes=notes)
        kept = days_text(self._days)
        return RetentionPlan(name, (f"delete {old} events older than {kept}",), old, notes)

    def carry_out(self) -> Iterator[int]:
        """Delete, then have the space used again."""
        if self._days is None:
            return
        before_ns, deleted = self._before_ns(), 0
        while number := self._events.delete_before(before_ns, self._step):
            deleted += number
            yield number
        if deleted:
            self._events.compact()
            _log.info("old events deleted", events=deleted, retention_days=self._days)

    def close(self) -> None:
        """Nothing: the file is the caller's."""

    def _before_ns(self) -> int:
        assert self._days is not None
        return max(0, self._clock_ns() - self._days * _DAY_NS)


class RetentionThread:
    """Carries a retention out at once and then every hour.

    Args:
        retention: of the open file.
        every_s: time between two rounds.
    """

    def __init__(self, retention: DuckDbRetention, every_s: float = _EVERY_S) -> None:
        self._retention = retention
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step that runs, and end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                for _ in self._retention.carry_out():
                    if self._stop.is_set():
                        return
            except StoreAwayError as error:
                _log.warning("old events not deleted, tried again later", reason=str(error))
            if self._stop.wait(self._every_s):
                return
