"""The journal: in which order events came, for a database that does not keep it.

A point is the same whenever it is written, so it can't say when it came. Hence after each write
of events, one point for each run of seqs that was written, in the measurement `journal`: its
time is the time of ingest, its fields name the run. A reader in ingest order walks the journal
and fetches the runs. Each ingest worker is a `writer` with strictly growing times of its own, and
a cursor remembers a place per writer, so neither a slow worker nor a wrong clock makes a reader
skip anything.

The points of one request become visible one by one, later ones before earlier ones (measured with
1.6.7). So each names the first time of its write and how many there are, and of a writer's newest
write nothing is read before all of it is there. Of earlier ones all is, as a writer makes a
request after the answer to the one before.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cloud.store import cursor
from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings, InfluxQl
from cloud.store.influxdb.queries import in_stream
from cloud.store.port import MAX_LIMIT, EventQuery, EventRecord
from cloud.store.runs import Run, Stream, runs

Places = dict[str, tuple[int, int]]
"""By writer: the time of the last entry begun, and the seq up to which it was read."""

_FIELDS = '"device", "boot", "lane", "first_seq", "last_seq", "first_ns", "last_ns"'
_NUMBERS = ", ".join(
    f'count("{name}")'
    for name in ("boot", "lane", "first_seq", "last_seq", "first_ns", "last_ns", "write_ns")
)
"""Of each field, as those of one point become visible one by one as well."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that was written.

    Attributes:
        at_ns: time of ingest, by the worker's clock.
        boot: as text.
        first_ns: the earliest captured time in the run.
        last_ns: the latest.
    """

    writer: str
    at_ns: int
    device: str
    boot: str
    lane: str
    run: Run
    first_ns: int
    last_ns: int

    def demands(self, after_seq: int, bindings: Bindings) -> list[str]:
        """What makes a point one of this run, beyond `after_seq`."""
        return [
            *in_stream(self.device, self.boot, self.lane, bindings),
            f"time >= {self.first_ns // 1000 * 1000}",
            f"time < {(self.last_ns // 1000 + 1) * 1000}",
            f'"seq" >= {max(self.run.first_seq, after_seq + 1)}',
            f'"seq" <= {self.run.last_seq}',
        ]


class Journal:
    """The journal as its writer and its readers use it.

    Args:
        database: where it is.
        writer: name of this worker.
        clock_ns: Unix time.
    """

    def __init__(
        self, database: InfluxQl, writer: str, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._database = database
        self._writer = writer
        self._clock_ns = clock_ns
        self._last_ns: int | None = None

    def lines_for(self, events: Sequence[EventRecord]) -> list[str]:
        """The lines to write after these events were written. One thread calls it.

        Raises:
            StoreAwayError: the database does not answer.
        """
        by_stream: dict[Stream, dict[int, int]] = {}
        for event in events:
            by_stream.setdefault(event.id[:3], {})[event.id.seq] = event.captured_ns
        found = [(stream, run) for stream, seqs in by_stream.items() for run in _pieces(runs(seqs))]
        times = [self._next_ns() for _ in found]
        return [
            self._line(at_ns, stream, run, by_stream[stream], times)
            for at_ns, (stream, run) in zip(times, found, strict=True)
        ]

    def entries(self, query: EventQuery, places: Places, limit: int) -> tuple[list[Entry], bool]:
        """What was written after the places, of every writer, and whether there is more.

        Args:
            query: whose filters leave out entries that can't hold an answer.
            places: where to go on.
            limit: entries of a writer at most.
        """
        ends = self.ends()
        writers = list(ends)
        bindings = Bindings()
        statements = [
            self._statement(
                query, writer, places.get(writer, (0, 0))[0], ends[writer], limit, bindings
            )
            for writer in writers
        ]
        found: list[Entry] = []
        more = False
        for writer, answer in zip(writers, self._database.ask(statements, bindings), strict=True):
            rows = [row for series in answer for row in series.dicts()]
            more = more or len(rows) >= limit
            at_ns, after_seq = places.get(writer, (0, 0))
            found.extend(
                Entry(
                    writer, row["time"], lines.tag_value(row["device"]), row["boot"], row["lane"],
                    Run(row["first_seq"], row["last_seq"]), row["first_ns"], row["last_ns"],
                )
                for row in rows
                if row["time"] > at_ns or row["last_seq"] > after_seq
            )  # fmt: skip
        return sorted(found, key=lambda entry: (entry.at_ns, entry.writer)), more

    def _line(
        self,
        at_ns: int,
        stream: Stream,
        run: Run,
        captured: Mapping[int, int],
        write_times: Sequence[int],
    ) -> str:
        device, boot, lane = stream
        times = [captured[seq] for seq in range(run.first_seq, run.last_seq + 1)]
        fields: lines.Fields = {
            "boot": f"{boot:016x}",
            "lane": lane.slug,
            "first_seq": run.first_seq,
            "last_seq": run.last_seq,
            "first_ns": min(times),
            "last_ns": max(times),
            "write_ns": write_times[0],
            "entries": len(write_times),
        }
        tags = {"device": lines.tag_text(device), "writer": self._writer}
        return lines.point("journal", tags, fields, at_ns)

    def _next_ns(self) -> int:
        """A time later than every one before, also before the last start of this worker."""
        if self._last_ns is None:
            self._last_ns = self._stored_ns()
        self._last_ns = max(self._clock_ns(), self._last_ns + 1)
        return self._last_ns

    def _stored_ns(self) -> int:
        bindings = Bindings()
        writer = bindings.bind(self._writer)
        statement = f'SELECT last("first_seq") FROM "journal" WHERE "writer" = {writer}'  # noqa: S608
        [answer] = self._database.ask([statement], bindings)
        return max((row["time"] for series in answer for row in series.dicts()), default=0)

    def ends(self) -> dict[str, int]:
        """By writer, the time up to which none of its entries is still to come.

        Asked before the entries are, as what is whole stays whole.
        """
        [answer] = self._database.ask(
            ['SELECT last("write_ns") AS write_ns, "entries" FROM "journal" GROUP BY "writer"'],
            Bindings(),
        )
        newest = {series.tags["writer"]: series.dicts()[0] for series in answer}
        bindings = Bindings()
        statements = [
            f'SELECT {_NUMBERS} FROM "journal" WHERE "writer" = {bindings.bind(writer)} '  # noqa: S608
            f"AND time >= {row['write_ns']}"
            for writer, row in newest.items()
        ]
        answers = self._database.ask(statements, bindings)
        ends = {}
        for (writer, row), counted in zip(newest.items(), answers, strict=True):
            numbers = [n for series in counted for n in series.rows[0][1:]]
            whole = None not in (row["entries"], *numbers) and min(numbers) >= row["entries"]
            ends[writer] = row["time"] if whole else row["write_ns"] - 1
        return ends

    @staticmethod
    def _statement(
        query: EventQuery, writer: str, since_ns: int, end_ns: int, limit: int, bindings: Bindings
    ) -> str:
        demanded = [
            f'"writer" = {bindings.bind(writer)}',
            f"time >= {since_ns}",
            f"time <= {end_ns}",
        ]
        if query.device:
            demanded.append(f'"device" = {bindings.bind(lines.tag_text(query.device))}')
        if query.lane is not None:
            demanded.append(f'"lane" = {bindings.bind(query.lane.slug)}')
        if query.since_ns is not None:
            demanded.append(f'"last_ns" >= {query.since_ns}')
        if query.until_ns is not None:
            demanded.append(f'"first_ns" < {query.until_ns}')
        where = " AND ".join(demanded)
        return f'SELECT {_FIELDS} FROM "journal" WHERE {where} ORDER BY time ASC LIMIT {limit}'  # noqa: S608


def read_places(position: object) -> Places:
    """The places that a cursor's position says.

    Raises:
        QueryError: it says none.
    """
    if position is None:
        return {}
    if not isinstance(position, dict):
        raise cursor.invalid()
    places: Places = {}
    for writer, place in position.items():
        match place:
            case [at_ns, seq]:
                places[writer] = (cursor.natural(at_ns), cursor.natural(seq))
            case _:
                raise cursor.invalid()
    return places


def _pieces(whole: Sequence[Run]) -> list[Run]:
    """The runs, cut so that a reader need not fetch more than a page to show one event."""
    return [
        Run(first, min(first + MAX_LIMIT - 1, run.last_seq))
        for run in whole
        for first in range(run.first_seq, run.last_seq + 1, MAX_LIMIT)
    ]
