"""The outbox: events are durable here before they travel, and stay until a receipt comes back.

Pipelines append to a bounded queue in memory and go on; one writer thread commits what has
gathered, so that many events share one fsync. While the disk refuses, the queue holds what it
can, and what it cannot is counted and said later (EVENTS_LOST). Damage to the file ends the
writer with an error: the process is to end with it (decision 1), and the next start moves the
file aside.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from edge.evidence.port import Shot
from edge.histogram import Distribution
from edge.publish.clock import ClockState, unanchored
from edge.publish.condense import Loss
from edge.publish.ledger import Ledger
from edge.publish.pictures import snapshot_body
from edge.publish.rows import Depth, Row, SeqRange, Stream
from edge.publish.schema import (
    FILE_NAME,
    Connect,
    Salvaged,
    connect,
    is_full,
    open_file,
    translated,
)
from edge.publish.settings import KIB, OutboxSettings
from edge.publish.staging import Staged
from edge.publish.writer import Writer
from edge.rules.port import Draft
from protos.codec import MAX_PAYLOAD_BYTES, encode
from protos.ids import Lane, check_id, new_boot, parse_boot

REASON_BROKEN = "outbox file broken"

_HEADER_BYTES = KIB

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Outbox:
    """Events between the rules and the cloud, safe for threads; made by `Outbox.open`.

    Attributes:
        boot: random bits of this start of the agent, the middle of its events' names.
        set_aside: rows that the forwarder sets aside now; it says so, `depth` tells it.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        settings: OutboxSettings,
        device: str,
        clock: Callable[[], ClockState],
        now_ns: Callable[[], int],
    ) -> None:
        self.boot = new_boot()
        self._log = _log.bind(device_id=device, file=str(path))
        self._device = device
        self._clock = clock
        self._max_draft_bytes = min(MAX_PAYLOAD_BYTES - _HEADER_BYTES, settings.max_bytes // 8)
        self._ledger = Ledger(connection, device, self.boot)
        self._writer = Writer(path, self._ledger, settings, clock, now_ns)
        self.set_aside = 0

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: OutboxSettings,
        device: str,
        *,
        clock: Callable[[], ClockState] = unanchored,
        now_ns: Callable[[], int] = time.time_ns,
        connect_to: Connect = connect,
    ) -> "Outbox":
        """The outbox of a folder, with a new boot, and its writer started.

        A broken file is moved aside, a new one begun, and the loss said to the cloud.

        Args:
            folder: made where it is missing; one agent at a time.
            settings: its limits.
            device: id of the device.
            clock: what is known of the clock now; asked with each append.
            now_ns: Unix time, by which events are too old.
            connect_to: opens the SQLite file.

        Raises:
            OutboxError: the folder or the file cannot be used, or another agent has it.
            OutboxFullError: there is no room even for an empty file.
        """
        check_id(device, "device")
        connection, salvaged = open_file(folder, connect_to)
        path = folder / FILE_NAME
        try:
            outbox = cls(path, connection, settings, device, clock, now_ns)
            outbox._begin(salvaged)
        except sqlite3.Error as error:
            connection.close()
            raise translated(error, path) from error
        return outbox

    def append(self, drafts: Sequence[Draft]) -> None:
        """Take drafts over; they are durable within `commit_linger_ms`, alarms at once.

        Never waits for the disk. A draft gets its seq when it is committed. The picture of a draft
        goes into lane EVIDENCE, once, however many drafts show it.

        Raises:
            ValueError: a draft has a seq already.
            OutboxError: the outbox is closed, or the file is damaged and the process must end.
        """
        clock, staged_ns = self._clock(), time.monotonic_ns()
        fitting: list[Staged] = []
        oversized: list[Lane] = []
        for draft in drafts:
            if draft.event.seq:
                raise ValueError(f"a draft has no seq, this one has {draft.event.seq}")
            body = encode(draft.event)
            if len(body) > self._max_draft_bytes:
                oversized.append(draft.lane)
                self._log.error("event too large, given up", bytes=len(body), lane=draft.lane.slug)
                continue
            if (shot := draft.shot) is not None and not shot.is_taken:
                picture = self._picture(shot, clock)
                fitting += picture
                oversized += [] if picture else [Lane.EVIDENCE]
            shown = None if shot is None or shot.is_lost else shot
            fitting.append(
                Staged(
                    draft.lane, draft.event.captured_ns, clock, body, staged_ns, shown, draft.name
                )
            )
        self._writer.put(fitting, oversized)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was appended before is durable or given up; False: not in time.

        Raises:
            OutboxError: the file is damaged; the process must end.
        """
        return self._writer.wait_durable(timeout_s)

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until every event has its receipt; False: not in time.

        Raises:
            OutboxError: the file is damaged; the process must end.
        """
        return self._writer.wait_empty(timeout_s)

    def streams(self) -> list[tuple[Stream, int]]:
        """The streams that have rows, with their last durable seq, in the order of sending."""
        tallies = self._ledger.committed
        return sorted((stream, tally.last_seq) for stream, tally in tallies.items() if tally.rows)

    def read(self, stream: Stream, first: int, last: int, limit: int) -> list[Row]:
        """Durable rows in order of seq, `limit` or about a MiB at most; there may be gaps.

        Raises:
            OutboxError: the file cannot be read.
        """
        return self._reading(lambda: self._ledger.read(stream, first, last, limit))

    def delete(self, ranges: Iterable[SeqRange]) -> None:
        """These events have a receipt: the next commit takes them out.

        Ranges of unknown streams are ignored, and so is what is not durable yet.
        """
        self._writer.delete(ranges)

    def find(self, boot: int, lane: Lane) -> Stream | None:
        """The stream of that name, where it has rows or belongs to this start."""
        return self._ledger.find(boot, lane)

    def mark_taken(self, stream: Stream, first: int, last: int) -> None:
        """These rows have a PUBACK: they go first when space runs out."""
        self._writer.mark_taken(stream, first, last)

    def depth(self) -> Depth:
        """What waits here.

        Raises:
            OutboxError: the file cannot be read.
        """
        oldest_ns = self._reading(self._ledger.oldest_ns)
        tallies = self._ledger.committed.values()
        rows = sum(tally.rows for tally in tallies)
        return Depth(
            rows=rows,
            bytes=sum(tally.bytes for tally in tallies),
            oldest_ns=oldest_ns,
            lost=self._writer.lost,
            set_aside=min(self.set_aside, rows),
            staged=self._writer.staged,
        )

    def commit_times(self) -> dict[Lane, Distribution]:
        """From an event's append until it is durable, by lane."""
        return {lane: times.distribution for lane, times in self._writer.commit_times.items()}

    def high_water(self) -> list[tuple[int, Lane, int]]:
        """(boot, lane, last seq) of every stream that ever was here, oldest start first.

        Raises:
            OutboxError: the file cannot be read.
        """
        return self._reading(self._ledger.high_water)

    def subscribe(self, on_commit: Callable[[], None]) -> None:
        """Have `on_commit` called after each commit, by the writer's thread; it must be quick."""
        self._writer.on_commit = on_commit

    def close(self) -> None:
        """Make durable what is staged, with one attempt, and let go of the file."""
        left = self._writer.close()
        if left:
            self._log.error("outbox closed with events that no disk took", events_lost=left)
        with self._writer.disk:
            self._ledger.close()

    def _picture(self, shot: Shot, clock: ClockState) -> list[Staged]:
        """The picture on its way to the disk; empty where it is too large."""
        body = snapshot_body(self._device, shot)
        if len(body) > self._max_draft_bytes:
            shot.is_lost = True
            self._log.error("picture too large, given up", bytes=len(body), camera_id=shot.camera)
            return []
        return [Staged(Lane.EVIDENCE, shot.captured_ns, clock, body, shot=shot)]

    def _reading(self, read: Callable[[], T]) -> T:
        try:
            with self._writer.disk:
                return read()
        except sqlite3.Error as error:
            raise self._writer.fail(error) from error

    def _begin(self, salvaged: list[Salvaged] | None) -> None:
        """Commit the boot, and what a broken file left behind, before there is any seq."""
        try:
            with self._ledger.transaction():
                for loss in _losses(salvaged):
                    self._ledger.losses.record(loss)
                for item in salvaged or ():
                    self._ledger.adopt(item.boot, item.lane, item.last_seq)
                self._ledger.register_boot()
        except sqlite3.Error as error:
            if salvaged is not None or not is_full(error):
                raise
            # The first commit that finds room registers the boot, and no seq exists before.
            self._log.error("no space for the outbox, events wait in memory")
        self._writer.start(unsaid=self._ledger.losses.unsaid)


def _losses(salvaged: list[Salvaged] | None) -> list[Loss]:
    if salvaged is None:
        return []
    known = [
        Loss(parse_boot(item.boot), Lane(item.lane), 1, item.last_seq, item.rows, REASON_BROKEN)
        for item in salvaged
        if item.rows
    ]
    return known or [Loss(0, None, 0, 0, 0, f"{REASON_BROKEN}, number unknown")]
