"""What was given up, until the cloud knows it.

A loss is recorded in the transaction that makes it true. An EVENTS_LOST event in lane STATE
says it; the record stays until that event has its receipt, and when that event is evicted
itself, the record waits to be said again.

The table is bounded: where it gets too long, records are joined (condense), and what was joined
is said again as a whole. So a loss may be said twice, by ranges that overlap; never less than
was lost.
"""

import sqlite3

from edge.publish.condense import Loss, condense
from edge.publish.rows import Stream
from protos.ids import Lane, boot_text, parse_boot
from protos.v1.event_batch_pb2 import EventBatch

MAX_RANGES = 100
"""Ranges that one EVENTS_LOST event says; more are said by further events."""

MAX_ROWS = 1000
"""Records at most, of some 100 bytes each."""


class Losses:
    """The table of losses; every call belongs to a transaction of the ledger.

    Args:
        connection: to the file.
        max_rows: records at most.
    """

    def __init__(self, connection: sqlite3.Connection, max_rows: int = MAX_ROWS) -> None:
        self._connection = connection
        self._max_rows = max_rows

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
            self._insert(loss)
            self._bound()

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

    def _insert(self, loss: Loss) -> None:
        self._connection.execute(
            "INSERT INTO losses (boot, lane, reason, first_seq, last_seq, count) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (boot_text(loss.boot), int(loss.lane or 0), loss.reason, loss.first, loss.last,
             loss.count),
        )  # fmt: skip

    def _bound(self) -> None:
        """Join records where there are too many, down to half, so that it is done rarely."""
        (rows,) = self._connection.execute("SELECT count(*) FROM losses").fetchone()
        if rows <= self._max_rows:
            return
        parts = {
            number: Loss(parse_boot(boot), Lane(lane) if lane else None, *rest)
            for number, boot, lane, *rest in self._connection.execute(
                "SELECT id, boot, lane, first_seq, last_seq, count, reason FROM losses"
            )
        }
        for loss, numbers in condense(parts, self._max_rows // 2):
            if len(numbers) > 1:
                self._connection.executemany(
                    "DELETE FROM losses WHERE id = ?", [(number,) for number in numbers]
                )
                self._insert(loss)
