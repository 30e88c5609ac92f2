"""An EventStore in one DuckDB file, held by one process."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from cloud.errors import StartError, StoreAwayError, StoreRefusedError
from cloud.store import cursor, questions
from cloud.store.duckdb import erase, queries, rollups, summaries
from cloud.store.duckdb.columns import Columns, columns, insert_all, insert_missing
from cloud.store.duckdb.counts import counted
from cloud.store.duckdb.readers import Readers
from cloud.store.duckdb.retention import DuckDbRetention, retention_thread
from cloud.store.duckdb.schema import open_file
from cloud.store.halves import Refusal, refused_of
from cloud.store.port import (
    CountQuery,
    CountRow,
    EventPage,
    EventQuery,
    EventRecord,
    SequenceRow,
)
from cloud.store.records import MAX_CAPTURED_NS, record
from cloud.store.summaries import DwellQuery, DwellRow, HeatQuery, LatestQuery, ZoneRow, ZonesQuery
from cloud.store.upkeep import UpkeepThread
from protos.ids import EventId, Lane
from wayside.process import crash

_REFUSALS = (duckdb.DataError, duckdb.NotSupportedError)

_ROLL_UP_EVERY_S = 10.0


class DuckDbStore:
    """Events in a DuckDB file.

    A commit is on the disk when `write` returns (DuckDB syncs its log), so a killed process
    loses nothing that it acknowledged. Questions run beside the writer, each on a cursor of its
    own, and see whole writes only.

    Args:
        path: the file; created with its folder where there is none.
        retention_days: what was captured longer ago is deleted, now and then; None: nothing is.
        rollup_retention_days: how long counts stay whose events are deleted; None: they go too.
        memory_limit_mb: what data and questions may take; None: DuckDB's own, most of the machine.
        threads: for questions and writes; None: one a core.
        free_bytes: how much fits onto the disk of a folder.

    Raises:
        StartError: another process holds the file, or it is none of ours.
    """

    def __init__(
        self,
        path: Path,
        retention_days: int | None = None,
        rollup_retention_days: int | None = None,
        memory_limit_mb: int | None = None,
        threads: int | None = None,
        free_bytes: Callable[[Path], int] = erase.free_bytes,
    ) -> None:
        self._path = path
        self._free_bytes = free_bytes
        self._open = partial(open_file, path, memory_limit_mb, threads)
        self._connection = self._open()
        self._readers = Readers()
        self._writer = threading.Lock()
        self._holds_erased = False
        with self._cursor() as rows:
            found = rows.execute(erase.LAST_INGEST_SEQ).fetchone()
        self._ingest_seq: int = (found[0] if found else None) or 0
        self._roller = threading.Lock()
        self._upkeep = [
            UpkeepThread("rollups", self.roll_up, _ROLL_UP_EVERY_S, "events not rolled up")
        ]
        if retention_days is not None:
            retention = DuckDbRetention(self, retention_days, rollup_retention_days)
            self._upkeep.append(retention_thread(retention))
        for thread in self._upkeep:
            thread.start()

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._path

    def prepared(self, events: Sequence[EventRecord]) -> Sequence[EventRecord]:
        """The events as they are."""
        return events

    def write(self, events: Sequence[EventRecord]) -> None:
        """Insert what is not there yet; on return it is on the disk."""
        with self._writer, self._cursor() as rows:

            def insert(lot: Sequence[EventRecord]) -> Refusal | None:
                try:
                    self._insert(rows, lot)
                except (*_REFUSALS, OverflowError) as error:
                    return Refusal(str(error))
                self._ingest_seq += len(lot)
                return None

            refused = refused_of(events, insert)
        if refused:
            raise StoreRefusedError(
                f"store {self._path}", {event.id: reason for event, reason in refused}
            )

    def events(self, query: EventQuery) -> EventPage:
        """A page; in ingest order each event once, whatever was delivered how often."""
        questions.check_events(query)
        position = cursor.decode(query)
        if query.order == "captured":
            statement = queries.in_captured_order(query, cursor.captured_key(position))
        else:
            after = 0 if position is None else cursor.natural(position)
            statement = queries.in_ingest_order(query, after)
        rows = self._ask(statement)
        events = tuple(_record(row) for row in rows[: query.limit])
        if not events:
            return EventPage((), query.cursor, more=False)
        end = (
            cursor.captured_position(events[-1])
            if query.order == "captured"
            else rows[len(events) - 1][-1]
        )
        return EventPage(events, cursor.encode(query, end), more=len(rows) > len(events))

    def counts(self, query: CountQuery) -> Sequence[CountRow]:
        """Numbers of events by interval and group."""
        questions.check_counts(query)
        with self._transaction() as rows:
            return counted(rows, query)

    def latest(self, query: LatestQuery) -> Sequence[EventRecord]:
        """The last event of each device, camera and kind."""
        questions.check_summary(query)
        rows = self._ask(summaries.latest(query))
        questions.check_groups(len(rows))
        return [_record(row) for row in rows]

    def top_zones(self, query: ZonesQuery) -> Sequence[ZoneRow]:
        """Zones and lines by the number of their events."""
        questions.check_summary(query)
        return [ZoneRow(*row) for row in self._ask(summaries.zones(query))]

    def heat_map(self, query: HeatQuery) -> Sequence[Sequence[int]]:
        """Numbers of boxes with their centre in a cell."""
        questions.check_summary(query)
        grid = [[0] * query.columns for _ in range(query.rows)]
        for row, column, number in self._ask(summaries.heat(query)):
            grid[row][column] = number
        return grid

    def dwell(self, query: DwellQuery) -> Sequence[DwellRow]:
        """How long objects stayed, by rule."""
        questions.check_summary(query)
        rows = self._ask(summaries.dwell(query))
        questions.check_groups(len(rows))
        return [
            DwellRow(device, camera, rule, n, tuple(ranks))
            for device, camera, rule, n, *ranks in rows
        ]

    def sequences(self, device: str = "") -> Sequence[SequenceRow]:
        """What is stored of each (device, boot, lane)."""
        rows = self._ask(queries.streams(device))
        return [SequenceRow(name, boot, Lane(lane), *rest) for name, boot, lane, *rest in rows]

    def check(self) -> None:
        """Return when the file answers."""
        self._ask(("SELECT 1", {}))

    def delete(self, device: str, since_ns: int, until_ns: int) -> None:
        """Have no event of a range; `expunge` or `close` ends their bytes."""
        questions.check_delete(since_ns, until_ns)
        condition, parameters = erase.some_within(device, since_ns, until_ns)
        deleted = 1
        while deleted:
            with self._writer, self._transaction() as rows:
                self._holds_erased = True
                erase.keep_order(rows, self._ingest_seq)
                deleted = _deleted(rows, condition, parameters)
        for _ in self.roll_up():
            pass
        with self._roller, self._transaction() as rows:
            self._holds_erased = True
            erase.delete_closed_counts(rows, device, since_ns, until_ns)
        self.compact()

    def expunge(self) -> None:
        """Write the file anew where something was deleted.

        Writes wait as long as that takes; questions go on, but for the moment in which the new
        file takes the old one's place.
        """
        with self._roller, self._writer:
            if not self._holds_erased:
                return
            with self._cursor() as rows:
                fresh = erase.copied(rows, self._path, self._free_bytes)
            with self._readers.alone():
                try:
                    self._connection.close()
                    erase.replace(fresh, self._path)
                finally:
                    self._reopen()
            self._holds_erased = False

    def count_before(self, captured_ns: int) -> int:
        """Events captured before a time."""
        [(number,)] = self._ask(queries.before(captured_ns))
        return int(number)

    def delete_before(self, captured_ns: int, limit: int) -> int:
        """Delete events captured before a time, at most `limit`; returns how many."""
        condition, parameters = queries.some_before(captured_ns, limit)
        with self._writer, self._transaction() as rows:
            return _deleted(rows, condition, parameters)

    def roll_up(self, clock_ns: Callable[[], int] = time.time_ns) -> Iterator[int]:
        """Count dirty minutes again; yields how many each time.

        The minute that runs and the one before it are left: they would be dirty again soon.
        """
        running_ns = clock_ns() // rollups.MINUTE_NS * rollups.MINUTE_NS
        for since_ns, until_ns in (
            (0, running_ns - rollups.MINUTE_NS),
            (running_ns + rollups.MINUTE_NS, MAX_CAPTURED_NS),
        ):
            while number := self._roll_up(since_ns, until_ns):
                yield number

    def close_before(self, captured_ns: int) -> None:
        """Have the counts of what was captured before a time stay when its events go."""
        while self._roll_up(0, captured_ns):
            pass
        # What came meanwhile, and nothing comes until the minutes are closed.
        with self._roller, self._writer, self._transaction() as rows:
            while rollups.roll_up(rows, 0, captured_ns):
                pass
            rollups.close(rows, captured_ns)

    def forget_before(self, captured_ns: int) -> None:
        """Delete counts whose events are gone, before a time."""
        with self._roller, self._transaction() as rows:
            rollups.forget(rows, captured_ns)

    def compact(self) -> None:
        """Have the space of what was deleted used again."""
        with self._roller, self._writer, self._cursor() as rows:
            rows.execute("CHECKPOINT")

    def close(self) -> None:
        """Fold the log into the file and let go of it.

        Raises:
            StoreAwayError: the file cannot be written anew, and still holds erased bytes.
        """
        for thread in self._upkeep:
            thread.stop()
        with self._writer:
            self._connection.close()
        if self._holds_erased:
            erase.rewrite(self._path)

    def _insert(self, rows: duckdb.DuckDBPyConnection, lot: Sequence[EventRecord]) -> None:
        taken = columns(lot, self._ingest_seq + 1)
        try:
            self._commit(rows, taken, insert_all)
        except duckdb.ConstraintException:  # something of it was delivered before
            self._commit(rows, taken, insert_missing)

    def _commit(
        self,
        rows: duckdb.DuckDBPyConnection,
        lot: Columns,
        insert: Callable[[duckdb.DuckDBPyConnection, Columns], None],
    ) -> None:
        rows.begin()
        try:
            insert(rows, lot)
            rollups.mark(rows, lot["captured_ns"])
        except (*_REFUSALS, duckdb.ConstraintException, OverflowError):
            rows.rollback()
            raise
        rows.commit()

    def _reopen(self) -> None:
        try:
            self._connection = self._open()
        except StartError as error:
            # Nothing answers without a file; the next start finds the old one or the new one.
            crash("the store cannot be opened again", path=str(self._path), error=str(error))

    def _roll_up(self, since_ns: int, until_ns: int) -> int:
        with self._roller, self._transaction() as rows:
            return rollups.roll_up(rows, since_ns, until_ns)

    def _ask(self, statement: tuple[str, dict[str, Any]]) -> list[tuple[Any, ...]]:
        with self._cursor() as rows:
            return rows.execute(*statement).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor whose statements see one moment, and count together or not at all."""
        with self._cursor() as rows:
            rows.begin()
            yield rows
            rows.commit()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this thread's own: they are cheap, and only the connection is shared."""
        try:
            with self._readers.using(), self._connection.cursor() as rows:
                yield rows
        except duckdb.FatalException as error:
            # DuckDB answers nothing any more until the file is opened anew (decision 1).
            crash("the store gave up", path=str(self._path), error=str(error))
        except duckdb.Error as error:
            raise StoreAwayError(f"store {self._path}: {error}") from error


def _deleted(rows: duckdb.DuckDBPyConnection, condition: str, parameters: dict[str, Any]) -> int:
    """Delete the events of a condition and mark their minutes; returns how many."""
    gone = rows.execute(
        f"DELETE FROM stored_events WHERE {condition} RETURNING captured_ns",  # noqa: S608
        parameters,
    ).fetchnumpy()["captured_ns"]
    rollups.mark(rows, gone)
    return len(gone)


def _record(row: tuple[Any, ...]) -> EventRecord:
    device, boot, lane, seq, payload, _ = row
    return record(EventId(device, boot, Lane(lane), seq), bytes(payload))
