"""An EventStore in one DuckDB file, held by one process."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.store import cursor, questions
from cloud.store.duckdb import queries, summaries
from cloud.store.duckdb.columns import INSERT, columns
from cloud.store.duckdb.retention import DuckDbRetention, RetentionThread
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
from cloud.store.records import record
from cloud.store.summaries import DwellQuery, DwellRow, HeatQuery, LatestQuery, ZoneRow, ZonesQuery
from protos.ids import EventId, Lane
from wayside.process import crash

_REFUSALS = (duckdb.DataError, duckdb.NotSupportedError)


class DuckDbStore:
    """Events in a DuckDB file.

    A commit is on the disk when `write` returns (DuckDB syncs its log), so a killed process
    loses nothing that it acknowledged. Questions run beside the writer, each on a cursor of its
    own, and see whole writes only.

    Args:
        path: the file; created with its folder where there is none.
        retention_days: what was captured longer ago is deleted, now and then; None: nothing is.

    Raises:
        StartError: another process holds the file, or it is none of ours.
    """

    def __init__(self, path: Path, retention_days: int | None = None) -> None:
        self._path = path
        self._connection = open_file(path)
        self._writer = threading.Lock()
        with self._cursor() as rows:
            found = rows.execute("SELECT max(ingest_seq) FROM stored_events").fetchone()
        self._ingest_seq: int = (found[0] if found else None) or 0
        self._retention: RetentionThread | None = None
        if retention_days is not None:
            self._retention = RetentionThread(DuckDbRetention(self, retention_days))
            self._retention.start()

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._path

    def write(self, events: Sequence[EventRecord]) -> None:
        """Insert what is not there yet; on return it is on the disk."""
        with self._writer, self._cursor() as rows:

            def insert(lot: Sequence[EventRecord]) -> Refusal | None:
                try:
                    rows.execute(INSERT, columns(lot, self._ingest_seq + 1))
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
        rows = self._ask(queries.counted(query))
        return [CountRow(start, tuple(group), n) for start, *group, n in rows]

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

    def count_before(self, captured_ns: int) -> int:
        """Events captured before a time."""
        [(number,)] = self._ask(queries.before(captured_ns))
        return int(number)

    def delete_before(self, captured_ns: int, limit: int) -> int:
        """Delete events captured before a time, at most `limit`; returns how many."""
        with self._writer, self._cursor() as rows:
            [(deleted,)] = rows.execute(*queries.deleted_before(captured_ns, limit)).fetchall()
        return int(deleted)

    def compact(self) -> None:
        """Have the space of what was deleted used again."""
        with self._writer, self._cursor() as rows:
            rows.execute("CHECKPOINT")

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        if self._retention is not None:
            self._retention.stop()
        with self._writer:
            self._connection.close()

    def _ask(self, statement: tuple[str, dict[str, Any]]) -> list[tuple[Any, ...]]:
        with self._cursor() as rows:
            return rows.execute(*statement).fetchall()

    @contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor of this thread's own: they are cheap, and only the connection is shared."""
        try:
            with self._connection.cursor() as rows:
                yield rows
        except duckdb.FatalException as error:
            # DuckDB answers nothing any more until the file is opened anew (decision 1).
            crash("the store gave up", path=str(self._path), error=str(error))
        except duckdb.Error as error:
            raise StoreAwayError(f"store {self._path}: {error}") from error


def _record(row: tuple[Any, ...]) -> EventRecord:
    device, boot, lane, seq, payload, _ = row
    return record(EventId(device, boot, Lane(lane), seq), bytes(payload))
