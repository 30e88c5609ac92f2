"""What was erased: a table that is only added to, so that nothing of it comes back."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.engine import Row

from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.fleet.audit import BEGUN, Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import ERASURES

_RANGES = select(ERASURES.c.device, ERASURES.c.since_ns, ERASURES.c.until_ns).distinct()
_EXTENT = select(func.count(), func.max(ERASURES.c.number), func.max(ERASURES.c.begun_ns))


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
        """Record what is erased from now on; call it before anything is deleted.

        Returns:
            The number of the audit's entry, for `end`.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            connection.execute(
                insert(ERASURES).values(
                    device=erased.device,
                    since_ns=erased.since_ns,
                    until_ns=erased.until_ns,
                    begun_ns=self._clock_ns(),
                )
            )
            target = f"{erased.device or 'all devices'} {erased.since_ns} {erased.until_ns}"
            return self._audit.note(connection, by, "erase", target, BEGUN)

    def end(self, number: int, erased: ErasedRange, outcome: str) -> None:
        """Record that all of it is gone; what was broken off before and lies within it, too.

        Raises:
            StoreAwayError: the database does not answer.
        """
        table = ERASURES.c
        within = [table.since_ns >= erased.since_ns, table.until_ns <= erased.until_ns]
        if erased.device:
            within.append(table.device == erased.device)
        with self._database.writing() as connection:
            connection.execute(
                update(ERASURES)
                .where(table.ended_ns.is_(None), *within)
                .values(ended_ns=self._clock_ns())
            )
        self._audit.end(number, outcome)

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
