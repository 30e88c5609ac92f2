"""What was given up, until the cloud knows it.

A loss is recorded in the transaction that makes it true. An EVENTS_LOST event in lane STATE
says it; the record stays until that event has its receipt, and when that event is evicted
itself, the record waits to be said again.
"""

import sqlite3
from dataclasses import dataclass

from edge.publish.rows import Stream
from protos.ids import Lane, boot_text, parse_boot
from protos.v1.event_batch_pb2 import EventBatch

MAX_RANGES = 100
"""Ranges that one EVENTS_LOST event says; more are said by further events."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that will never arrive.

    Attributes:
        boot: of the start that made them, 0 where a broken file did not tell.
        lane: their lane, or None where a broken file did not tell.
        first: their first seq, 0 where they never had one.
        last: their last seq, 0 where they never had one.
        count: how many, 0 where a broken file did not tell.
        reason: in words.
    """

    boot: int
    lane: Lane | None
    first: int
    last: int
    count: int
    reason: str


class Losses:
    """The table of losses; every call belongs to a transaction of the ledger."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def unsaid(self) -> bool:
        """True where no event in the outbox says some loss."""
        row = self._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM losses WHERE said_seq IS NULL)"
        ).fetchone()
        return bool(row[0])

    def record(self, loss: Loss) -> None:
        """Note a loss, joined to an unsaid one that it continues."""
        lane = int(loss.lane or 0)
        known = (boot_text(loss.boot), lane, loss.reason)
        continued = "first_seq = 0" if loss.first == 0 else "last_seq = ? - 1 AND first_seq > 0"
        joined = self._connection.execute(
            "UPDATE losses SET last_seq = ?, count = count + ? WHERE id = (SELECT id FROM losses "  # noqa: S608
            f"WHERE said_seq IS NULL AND boot = ? AND lane = ? AND reason = ? AND {continued})",
            (loss.last, loss.count, *known, *([loss.first] if loss.first else [])),
        )
        if joined.rowcount == 0:
            self._connection.execute(
                "INSERT INTO losses (boot, lane, reason, first_seq, last_seq, count) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*known, loss.first, loss.last, loss.count),
            )

    def next_report(self) -> tuple[list[int], EventBatch.EventsLost]:
        """The oldest unsaid losses as a message, and their ids for `said`."""
        report = EventBatch.EventsLost()
        ids = []
        for number, boot, lane, first, last, count, reason in self._connection.execute(
            "SELECT id, boot, lane, first_seq, last_seq, count, reason FROM losses "
            "WHERE said_seq IS NULL ORDER BY id LIMIT ?",
            (MAX_RANGES,),
        ):
            ids.append(number)
            report.ranges.add(
                boot=parse_boot(boot), lane=lane, first_seq=first, last_seq=last, count=count,
                reason=reason,
            )  # fmt: skip
        return ids, report

    def said(self, ids: list[int], stream: Stream, seq: int) -> None:
        """These losses are what the event (stream, seq) says."""
        self._connection.executemany(
            "UPDATE losses SET said_age = ?, said_seq = ? WHERE id = ?",
            [(stream.age, seq, number) for number in ids],
        )

    def stored(self, stream: Stream, first: int, last: int) -> None:
        """These events have their receipt: the cloud knows what they say."""
        if stream.lane is Lane.STATE:
            self._connection.execute(
                "DELETE FROM losses WHERE said_age = ? AND said_seq BETWEEN ? AND ?",
                (stream.age, first, last),
            )

    def evicted(self, stream: Stream, first: int, last: int) -> None:
        """These events are gone unread: what they say must be said again."""
        if stream.lane is Lane.STATE:
            self._connection.execute(
                "UPDATE losses SET said_age = NULL, said_seq = NULL "
                "WHERE said_age = ? AND said_seq BETWEEN ? AND ?",
                (stream.age, first, last),
            )
