"""The outbox: events are durable here before they travel, and stay until a receipt comes back.

Pipelines append to a bounded queue in memory and go on; one writer thread commits what has
gathered, so that many events share one fsync. Receipts are deleted by the same thread. While
the disk refuses, the queue holds what it can, and what it cannot is counted and said later
(EVENTS_LOST). Damage to the file ends the writer with an error: the process is to end with it
(decision 1), and the next start moves the file aside.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from edge.errors import OutboxError
from edge.publish.clock import clock_synced
from edge.publish.ledger import Ledger
from edge.publish.marks import Marks
from edge.publish.ranges import Ranges
from edge.publish.rows import Depth, Row, SeqRange, Stream
from edge.publish.schema import (
    FILE_NAME,
    Connect,
    connect,
    open_file,
    translated,
)  # fmt: skip
from edge.publish.settings import KIB, MIB, OutboxSettings
from edge.publish.staging import Staging
from edge.rules.port import Draft
from protos.codec import MAX_PAYLOAD_BYTES
from protos.ids import Lane, check_id, new_boot

_log = structlog.get_logger(__name__)
T = TypeVar("T")

_MIN_SLACK_BYTES = 16 * KIB
_MAX_COMMIT_BYTES = MIB
_HEADER_BYTES = 1 * KIB


class Outbox:
    """Events between the rules and the cloud; see the module's docstring. Safe for threads.

    Attributes:
        boot: random bits of this start of the agent, the middle of its events' names.
    """

    def __init__(
        self,
        folder: Path,
        ledger: Ledger,
        settings: OutboxSettings,
        device: str,
        synced: Callable[[], bool],
    ) -> None:
        self.boot = ledger.boot
        self._log = _log.bind(device_id=device, folder=str(folder))
        self._folder = folder
        self._settings = settings
        self._synced = synced
        self._max_draft_bytes = min(MAX_PAYLOAD_BYTES - _HEADER_BYTES, settings.max_bytes // 8)
        # Order of the locks: _disk before _state; neither is held while the other waits.
        self._disk = threading.Lock()
        self._ledger = ledger
        self._state = threading.Condition()
        self._staging = Staging(settings.staging_max_bytes)
        self._marks = Marks()
        self._stored: dict[Stream, Ranges] = {}
        self._oversized = 0
        self._lost = 0
        self._appended = self._settled = 0
        self._waiters = 0
        self._unsaid = False
        self._refused = False
        self._closing = False
        self._failure: OutboxError | None = None
        self._on_commit: Callable[[], None] = lambda: None
        self._writer = threading.Thread(target=self._run, name="outbox-writer", daemon=True)

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: OutboxSettings,
        device: str,
        *,
        synced: Callable[[], bool] = clock_synced,
        connect_to: Connect = connect,
    ) -> "Outbox":
        """The outbox of a folder, with a new boot, and its writer thread started.

        Args:
            folder: made where it is missing; one agent at a time.
            settings: its limits.
            device: id of the device.
            synced: is the wall clock disciplined now; asked with each append.
            connect_to: opens the SQLite file.

        Raises:
            OutboxError: the folder or the file cannot be used, or another agent has it.
            OutboxFullError: there is no room even for an empty file.
        """
        check_id(device, "device")
        connection, salvaged = open_file(folder, connect_to)
        try:
            outbox = cls(folder, Ledger(connection, new_boot()), settings, device, synced)
            outbox._begin(salvaged)
        except sqlite3.Error as error:
            connection.close()
            raise translated(error, folder / FILE_NAME) from error
        outbox._writer.start()
        return outbox

    def append(self, drafts: Sequence[Draft]) -> None:
        """Take drafts over; they are durable within `commit_linger_ms`, alarms at once.

        Never waits for the disk. A draft gets its seq when it is committed.

        Raises:
            ValueError: a draft has a seq already.
            OutboxError: the writer has ended over a damaged file; the process must end.
        """
        synced = self._synced()
        staged = [_staged(draft, synced) for draft in drafts]
        fitting = [item for item in staged if len(item.body) <= self._max_draft_bytes]
        with self._state:
            self._check()
            if len(fitting) < len(staged):
                self._oversized += len(staged) - len(fitting)
                self._log.error("events too large, given up", limit_bytes=self._max_draft_bytes)
            self._staging.put(fitting)
            self._appended += len(staged)
            self._state.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was appended before is durable (or given up, and recorded so).

        Returns:
            False where that was not within `timeout_s`.

        Raises:
            OutboxError: the writer has ended over a damaged file.
        """
        with self._state:
            target = self._appended
            return self._wait(lambda: self._settled >= target and not self._unsaid, timeout_s)

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until every event has its receipt.

        Returns:
            False where that was not within `timeout_s`.

        Raises:
            OutboxError: the writer has ended over a damaged file.
        """
        with self._state:
            return self._wait(
                lambda: self._settled == self._appended
                and not self._unsaid and not self._stored and self._ledger.rows == 0,
                timeout_s,
            )  # fmt: skip

    def streams(self) -> list[tuple[Stream, int]]:
        """The streams that have rows, with their last durable seq, in the order of sending."""
        with self._state:
            tallies = self._ledger.tallies
        return sorted((stream, tally.last_seq) for stream, tally in tallies.items() if tally.rows)

    def read(self, stream: Stream, first: int, last: int, limit: int) -> list[Row]:
        """Durable rows in order of seq, `limit` or about a MiB at most; there may be gaps.

        Raises:
            OutboxError: the file cannot be read.
        """
        return self._reading(lambda ledger: ledger.read(stream, first, last, limit))

    def delete(self, ranges: Iterable[SeqRange]) -> None:
        """These events have a receipt: take them out, soon. Ranges of unknown streams are ignored.

        What is not durable yet is never touched, whatever the ranges say.
        """
        with self._state:
            for item in ranges:
                stream = self._ledger.find(item.boot, item.lane)
                if stream is None:
                    continue
                last = min(item.last, self._ledger.tallies[stream].last_seq)
                self._stored.setdefault(stream, Ranges()).add(max(item.first, 1), last)
            self._stored = {stream: held for stream, held in self._stored.items() if held}
            self._state.notify_all()

    def mark_taken(self, stream: Stream, first: int, last: int) -> None:
        """These rows have a PUBACK: they go first when space runs out."""
        with self._state:
            self._marks.taken.setdefault(stream, Ranges()).add(first, last)

    def mark_aside(self, aside: dict[Stream, Ranges]) -> None:
        """Exactly these rows are set aside now."""
        with self._state:
            self._marks.aside = aside

    def depth(self) -> Depth:
        """What waits here.

        Raises:
            OutboxError: the file cannot be read.
        """
        oldest_ns = self._reading(lambda ledger: ledger.oldest_ns())
        with self._state:
            return Depth(
                rows=self._ledger.rows,
                bytes=self._ledger.bytes,
                oldest_ns=oldest_ns,
                lost=self._lost + self._oversized + sum(self._staging.dropped.values()),
                set_aside=sum(held.count for held in self._marks.aside.values()),
                staged=len(self._staging),
            )

    def high_water(self) -> list[tuple[int, Lane, int]]:
        """(boot, lane, last seq) of every stream that ever was in this outbox.

        Raises:
            OutboxError: the file cannot be read.
        """
        return self._reading(lambda ledger: ledger.high_water())

    def subscribe(self, on_commit: Callable[[], None]) -> None:
        """Have `on_commit` called after each commit, by the writer's thread; it must be quick."""
        self._on_commit = on_commit

    def close(self) -> None:
        """Make durable what is staged, once more at least, and let go of the file."""
        with self._state:
            self._closing = True
            self._state.notify_all()
        self._writer.join()
        left = len(self._staging)
        if left:
            self._log.error("outbox closed with events that no disk took", events_lost=left)
        with self._disk:
            self._ledger.close()
