"""An EventStore in one DuckDB file, held by one process."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.store import cursor, questions
from cloud.store.duckdb import queries
from cloud.store.duckdb.columns import INSERT, columns
from cloud.store.duckdb.schema import open_file
from cloud.store.port import (
    CountQuery,
    CountRow,
    EventPage,
    EventQuery,
    EventRecord,
    SequenceRow,
)
from cloud.store.records import record
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

    Raises:
        StartError: another process holds the file, or it is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_file(path)
        self._writer = threading.Lock()
        with self._cursor() as rows:
            found = rows.execute("SELECT max(ingest_seq) FROM stored_events").fetchone()
        self._ingest_seq: int = (found[0] if found else None) or 0

    def write(self, events: Sequence[EventRecord]) -> None:
        """Insert what is not there yet; on return it is on the disk."""
        if not events:
            return
        with self._writer, self._cursor() as rows:
            try:
                rows.execute(INSERT, columns(events, self._ingest_seq + 1))
            except (*_REFUSALS, OverflowError) as error:
                raise StoreRefusedError(
                    f"store {self._path}: refuses {len(events)} events from {events[0].id} on: "
                    f"{error}"
                ) from error
            self._ingest_seq += len(events)

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

    def sequences(self, device: str = "") -> Sequence[SequenceRow]:
        """What is stored of each (device, boot, lane)."""
        rows = self._ask(queries.streams(device))
        return [SequenceRow(name, boot, Lane(lane), *rest) for name, boot, lane, *rest in rows]

    def check(self) -> None:
        """Return when the file answers."""
        self._ask(("SELECT 1", {}))

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
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
