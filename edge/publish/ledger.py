"""Rows and sequences in the SQLite file, one transaction at a time."""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.evidence.port import Name
from edge.publish.clock import ClockState
from edge.publish.dates import Dates
from edge.publish.losses import Losses
from edge.publish.rows import ROW_OVERHEAD_BYTES, Row, Stream
from edge.publish.staging import Staged
from edge.rules.port import Event
from protos.codec import encode
from protos.ids import EventId, Lane, boot_text, parse_boot
from protos.v1.snapshot_pb2 import Snapshot

_MAX_READ_BYTES = 1024 * 1024
Payload = bytes

_SEQ_TAG = b"\x08"  # field 1, varint: Event.seq


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of a stream without reading its rows."""

    last_seq: int = 0
    rows: int = 0
    bytes: int = 0


class Ledger:
    """The tables of one open file. Not safe for threads: its owner holds a lock.

    Attributes:
        boot: random bits of this start.
        committed: the streams that have rows, and all of this start, as of the last commit;
            replaced and never changed, so any thread may read it.
        losses: the table of what was given up.
        dates: the table of when a start's clock was known to be right.

    Raises:
        sqlite3.Error: from every method, as SQLite says it.
    """

    def __init__(self, connection: sqlite3.Connection, device: str, boot: int) -> None:
        self._connection = connection
        self._device = device
        self.boot = boot
        self._names: list[tuple[Name, str]] = []
        self.losses = Losses(connection)
        self.dates = Dates(connection)
        self.committed: Mapping[Stream, Tally] = {}
        self._age = 0
        self._tallies: dict[Stream, Tally] = {}
        self._changed: set[Stream] = set()
        for age, text, lane, last_seq, rows, size in connection.execute(
            "SELECT age, boot, lane, last_seq, rows, bytes FROM sequences JOIN boots USING (age) "
            "WHERE rows > 0"
        ):
            stream = Stream(Lane(lane), age, parse_boot(text))
            self._tallies[stream] = Tally(last_seq, rows, size)
        self.committed = dict(self._tallies)

    @property
    def bytes(self) -> int:
        """What all rows occupy, as the running transaction sees it."""
        return sum(tally.bytes for tally in self._tallies.values())

    def last_seqs(self) -> dict[Stream, int]:
        """The streams that may have rows, with their last seq, as the transaction sees them."""
        return {stream: tally.last_seq for stream, tally in self._tallies.items()}

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; durable when the block is left."""
        age = self._age
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._write_tallies()
            self._connection.execute("COMMIT")
            self.committed = dict(self._tallies)
            for name, event_id in self._names:
                name.give(event_id)
        except BaseException:
            # SQLite has rolled back by itself where the disk was full.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._tallies, self._age = dict(self.committed), age
            raise
        finally:
            self._changed.clear()
            self._names.clear()

    def register_boot(self) -> None:
        """Write this start down, once; its streams need it. Starts without events are dropped."""
        if self._age == 0:
            self._connection.execute(
                "DELETE FROM boots WHERE NOT EXISTS "
                "(SELECT 1 FROM sequences WHERE sequences.age = boots.age)"
            )
            cursor = self._connection.execute(
                "INSERT INTO boots (boot) VALUES (?)", (boot_text(self.boot),)
            )
            assert cursor.lastrowid is not None
            self._age = cursor.lastrowid

    def adopt(self, boot: str, lane: int, last_seq: int) -> None:
        """Remember a high-water mark of an earlier file."""
        self._connection.execute("INSERT OR IGNORE INTO boots (boot) VALUES (?)", (boot,))
        self._connection.execute(
            "INSERT OR IGNORE INTO sequences (age, lane, last_seq, rows, bytes) "
            "SELECT age, ?, ?, 0, 0 FROM boots WHERE boot = ?",
            (lane, last_seq, boot),
        )

    def insert(self, drafts: Sequence[Staged]) -> None:
        """Give each draft the next seq of its lane, and write it.

        The first event that shows a picture names it; the picture follows in the same commit, or in
        a later one.
        """
        rows = []
        for draft in drafts:
            stream = self.stream(draft.lane)
            tally = self._tallies.get(stream, Tally())
            seq = tally.last_seq + 1
            payload = self._payload(draft, EventId(self._device, self.boot, draft.lane, seq))
            rows.append((int(draft.lane), stream.age, seq, draft.captured_ns,
                         *draft.clock, payload))  # fmt: skip
            self._tallies[stream] = Tally(
                seq, tally.rows + 1, tally.bytes + len(payload) + ROW_OVERHEAD_BYTES
            )
            self._changed.add(stream)
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def stream(self, lane: Lane) -> Stream:
        """The stream of a lane of this start; `register_boot` came before."""
        return Stream(lane, self._age, self.boot)

    def find(self, boot: int, lane: Lane) -> Stream | None:
        """The stream of that name, where it has rows or belongs to this start."""
        return next((s for s in self.committed if s.boot == boot and s.lane is lane), None)

    def delete(self, stream: Stream, first: int, last: int) -> int:
        """Take rows out; how many there were."""
        place = (int(stream.lane), stream.age, first, last)
        count, size = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM events "
            "WHERE lane = ? AND age = ? AND seq BETWEEN ? AND ?", place,
        ).fetchone()  # fmt: skip
        if count:
            self._connection.execute(
                "DELETE FROM events WHERE lane = ? AND age = ? AND seq BETWEEN ? AND ?", place
            )
            tally = self._tallies[stream]
            self._tallies[stream] = Tally(
                tally.last_seq, tally.rows - count,
                tally.bytes - size - count * ROW_OVERHEAD_BYTES,
            )  # fmt: skip
            self._changed.add(stream)
        return int(count)

    def read(self, stream: Stream, first: int, last: int, limit: int) -> list[Row]:
        """Rows in order of seq, `limit` or about a MiB at most."""
        rows: list[Row] = []
        size = 0
        for seq, captured_ns, synced, anchor_id, payload in self._connection.execute(
            "SELECT seq, captured_ns, clock_synced, anchor_id, payload FROM events "
            "WHERE lane = ? AND age = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
            (int(stream.lane), stream.age, first, last, limit),
        ):
            clock = ClockState(bool(synced), anchor_id)
            rows.append(Row(seq, captured_ns, clock, payload))
            size += len(payload)
            if size >= _MAX_READ_BYTES:
                break
        return rows

    def sizes(self, stream: Stream, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Seq and bytes of rows, in order; finish or close it before writing."""
        for seq, size in self._connection.execute(
            "SELECT seq, length(payload) FROM events "
            "WHERE lane = ? AND age = ? AND seq BETWEEN ? AND ? ORDER BY seq",
            (int(stream.lane), stream.age, first, last),
        ):
            yield seq, size + ROW_OVERHEAD_BYTES

    def captured_before(self, stream: Stream, before_ns: int, limit: int) -> list[int]:
        """Seqs of the rows that were captured before, among the first `limit` of a stream."""
        rows = self._connection.execute(
            "SELECT seq FROM (SELECT seq, captured_ns FROM events WHERE lane = ? AND age = ? "
            "ORDER BY seq LIMIT ?) WHERE captured_ns < ?",
            (int(stream.lane), stream.age, limit, before_ns),
        )
        return [seq for (seq,) in rows]

    def oldest_ns(self) -> int:
        """Captured time of the oldest row, 0 where there is none."""
        found = [
            self._connection.execute(
                "SELECT captured_ns FROM events WHERE lane = ? AND age = ? ORDER BY seq LIMIT 1",
                (int(stream.lane), stream.age),
            ).fetchone()
            for stream, tally in self.committed.items()
            if tally.rows
        ]
        return min((captured_ns for (captured_ns,) in found), default=0)

    def high_water(self) -> list[tuple[int, Lane, int]]:
        """Boot, lane and last seq of every stream that ever was, oldest start first."""
        return [
            (parse_boot(boot), Lane(lane), last_seq)
            for boot, lane, last_seq in self._connection.execute(
                "SELECT boot, lane, last_seq FROM sequences JOIN boots USING (age) "
                "ORDER BY age, lane"
            )
        ]

    def checkpoint(self) -> None:
        """Move the log into the file and give its space back."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _payload(self, draft: Staged, event_id: EventId) -> Payload:
        """The message as it travels, now that its seq is known."""
        if draft.is_picture and draft.shot is not None:
            # Fields of one message may stand in any order, and so be joined as they come.
            place = Snapshot(
                boot=self.boot, seq=event_id.seq, event_id=self._name_of(draft.shot.name)
            )
            return draft.body + encode(place)
        payload = _SEQ_TAG + varint(event_id.seq) + draft.body
        if draft.name is not None:
            self._names.append((draft.name, str(event_id)))
        if draft.shot is not None:
            if not self._name_of(draft.shot.name):
                self._names.append((draft.shot.name, str(event_id)))
            payload += encode(Event(snapshot_id=self._name_of(draft.shot.name)))
        return payload

    def _name_of(self, name: Name) -> str:
        """What is durable, or will be with the running transaction; empty where nothing is."""
        pending = (event_id for one, event_id in self._names if one is name)
        return name.event_id or next(pending, "")

    def _write_tallies(self) -> None:
        for stream in self._changed:
            tally = self._tallies[stream]
            self._connection.execute(
                "INSERT INTO sequences (age, lane, last_seq, rows, bytes) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (age, lane) DO UPDATE SET last_seq = excluded.last_seq, "
                "rows = excluded.rows, bytes = excluded.bytes",
                (stream.age, int(stream.lane), tally.last_seq, tally.rows, tally.bytes),
            )
            if tally.rows == 0 and stream.age != self._age:
                del self._tallies[stream]


def varint(number: int) -> bytes:
    """A number as protobuf writes it: 7 bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
