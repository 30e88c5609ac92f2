"""What was erased: a table that is only added to, so that nothing of it comes back."""

import enum
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.engine import Connection, Row

from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.errors import ErasureError, UnknownErasureError
from cloud.fleet.audit import BEGUN, Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import ERASURES

_RANGES = select(ERASURES.c.device, ERASURES.c.since_ns, ERASURES.c.until_ns).distinct()
_EXTENT = select(func.count(), func.max(ERASURES.c.number), func.max(ERASURES.c.begun_ns))

MAX_WAITING = 100
"""Erasures in the background that have not ended; who asks for more has to wait."""

_MAX_CHARS = 200
_MAX_OUTCOME_CHARS = 1000


class ErasureState(enum.Enum):
    """How far an erasure came; the values are its names outside of Python."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure on record; late events of its range are let go of in every state.

    Attributes:
        number: from 1, growing.
        erased: the range.
        state: running ones may also have been broken off with their process.
        asked_by: who did, as in the audit; empty: before that was kept.
        begun_ns: when it was asked for.
        ended_ns: when all was gone; None: not yet.
        outcome: what went, or why the last try failed.
    """

    number: int
    erased: ErasedRange
    state: ErasureState
    asked_by: str
    begun_ns: int
    ended_ns: int | None
    outcome: str


class Erasures:
    """The table. Any thread may use it.

    Args:
        database: the fleet's.
        audit: told of the begin, in the same transaction, and of the end.
        clock_ns: Unix time.
    """

    def __init__(
        self,
        database: FleetDatabase,
        audit: Audit,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._audit = audit
        self._clock_ns = clock_ns
        self._known: tuple[Row[Any] | None, ErasedRanges] = None, ErasedRanges()

    def begin(self, erased: ErasedRange, by: Actor) -> int:
        """Record what the caller erases from now on; call it before anything is deleted.

        Returns:
            Its number.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            now_ns = self._clock_ns()
            return self._insert(connection, erased, by, begun_ns=now_ns, tried_ns=now_ns)

    def ask(self, erased: ErasedRange, by: Actor, asked_ns: int) -> Erasure:
        """Record what a `serve` erases in the background, now or at its next start.

        Args:
            erased: the range.
            by: who asks.
            asked_ns: when they did; a range that ends then or later is one until now.

        Raises:
            ErasureError: too many wait already.
            StoreAwayError: the database does not answer.
        """
        waiting = select(func.count()).select_from(ERASURES).where(*_IN_BACKGROUND)
        with self._database.writing() as connection:
            self._database.keep_order(connection)
            if connection.execute(waiting).scalar_one() >= MAX_WAITING:
                raise ErasureError(f"{MAX_WAITING} erasures have not ended: ask again later")
            number = self._insert(connection, erased, by, begun_ns=asked_ns, in_background=True)
            return _erasure(connection.execute(_by_number(number)).one())

    def waiting(self) -> list[Erasure]:
        """Those in the background that have not ended, the oldest first.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(ERASURES).where(*_IN_BACKGROUND).order_by(ERASURES.c.number)
        with self._database.reading() as connection:
            return [_erasure(row) for row in connection.execute(query)]

    def take(self, number: int) -> None:
        """Record that it is being carried out.

        Raises:
            StoreAwayError: the database does not answer.
        """
        values = {"tried_ns": self._clock_ns(), "outcome": ""}
        with self._database.writing() as connection:
            connection.execute(update(ERASURES).where(_is_open(number)).values(values))

    def fail(self, number: int, why: str) -> None:
        """Record why it could not be carried out this time.

        Raises:
            StoreAwayError: the database does not answer.
        """
        self._settle(number, {}, f"failed: {why}")

    def end(self, number: int, outcome: str) -> None:
        """Record that all of it is gone; what was broken off before and lies within it, too.

        Raises:
            StoreAwayError: the database does not answer.
        """
        ended_ns = self._clock_ns()
        erased = self._settle(number, {"ended_ns": ended_ns}, outcome)
        table = ERASURES.c
        within = [table.since_ns >= erased.since_ns, table.until_ns <= erased.until_ns]
        if erased.device:
            within.append(table.device == erased.device)
        ended = {"ended_ns": ended_ns, "outcome": f"done with erasure {number}"}
        with self._database.writing() as connection:
            connection.execute(
                update(ERASURES).where(table.ended_ns.is_(None), *within).values(ended)
            )

    def get(self, number: int) -> Erasure:
        """An erasure.

        Raises:
            UnknownErasureError: there is none of that number.
            StoreAwayError: the database does not answer.
        """
        with self._database.reading() as connection:
            row = connection.execute(_by_number(number)).one_or_none()
        if row is None:
            raise UnknownErasureError(f"there is no erasure {number}")
        return _erasure(row)

    def page(self, after: int = 0, limit: int = 100) -> Sequence[Erasure]:
        """Erasures in the order they were recorded, those after a number.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(ERASURES).where(ERASURES.c.number > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(ERASURES.c.number).limit(limit))
            return [_erasure(row) for row in rows]

    def ranges(self) -> ErasedRanges:
        """All that was erased, and all that is being erased, as of now.

        Whoever writes asks twice a write. Ranges are only ever added, by a restored backup too, so
        a table of as many rows as before is the same table, and is not read again.

        Raises:
            StoreAwayError: the database does not answer.
        """
        seen, ranges = self._known
        with self._database.reading() as connection:
            now = connection.execute(_EXTENT).one()
            if now != seen:
                ranges = ErasedRanges.of(ErasedRange(*row) for row in connection.execute(_RANGES))
        # Where a row came between the two queries, the next call reads it once more.
        self._known = now, ranges
        return ranges

    def broken_off(self, device: str = "") -> list[ErasedRange]:
        """Erasures that began and did not end, the oldest first; one that runs is one of them.

        Args:
            device: those of this device and of all devices; empty: every one.

        Raises:
            StoreAwayError: the database does not answer.
        """
        table = ERASURES.c
        query = select(table.device, table.since_ns, table.until_ns).order_by(table.number)
        query = query.where(table.ended_ns.is_(None))
        if device:
            query = query.where(or_(table.device == device, table.device == ""))
        with self._database.reading() as connection:
            return [ErasedRange(*row) for row in connection.execute(query)]

    def _insert(
        self, connection: Connection, erased: ErasedRange, by: Actor, **more: object
    ) -> int:
        target = f"{erased.device or 'all devices'} {erased.since_ns} {erased.until_ns}"
        result = connection.execute(
            insert(ERASURES).values(
                device=erased.device,
                since_ns=erased.since_ns,
                until_ns=erased.until_ns,
                asked_by=by.name[:_MAX_CHARS],
                audit_number=self._audit.note(connection, by, "erase", target, BEGUN),
                **more,
            )
        )
        [number] = result.inserted_primary_key or [0]
        return int(number)

    def _settle(self, number: int, values: dict[str, Any], outcome: str) -> ErasedRange:
        """Record how a try ended, in the audit too, unless another process recorded an end."""
        values = {**values, "outcome": outcome[:_MAX_OUTCOME_CHARS]}
        with self._database.writing() as connection:
            row = connection.execute(_by_number(number)).one()
            if row.ended_ns is None:
                connection.execute(update(ERASURES).where(_is_open(number)).values(values))
        if row.ended_ns is None and row.audit_number is not None:
            self._audit.end(row.audit_number, outcome)
        return ErasedRange(row.device, row.since_ns, row.until_ns)


_IN_BACKGROUND = (ERASURES.c.in_background, ERASURES.c.ended_ns.is_(None))


def _by_number(number: int) -> Any:
    return select(ERASURES).where(ERASURES.c.number == number)


def _is_open(number: int) -> Any:
    return (ERASURES.c.number == number) & ERASURES.c.ended_ns.is_(None)


def _erasure(row: Row[Any]) -> Erasure:
    return Erasure(
        number=row.number,
        erased=ErasedRange(row.device, row.since_ns, row.until_ns),
        state=_state(row),
        asked_by=row.asked_by,
        begun_ns=row.begun_ns,
        ended_ns=row.ended_ns,
        outcome=row.outcome,
    )


def _state(row: Row[Any]) -> ErasureState:
    if row.ended_ns is not None:
        return ErasureState.DONE
    if row.outcome:
        return ErasureState.FAILED
    is_begun = row.tried_ns is not None or not row.in_background
    return ErasureState.RUNNING if is_begun else ErasureState.ACCEPTED
