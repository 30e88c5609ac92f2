"""Messages for devices, kept until Pub/Sub has them: the outbox of the way down.

Who changes something writes the message within the same transaction, so that what was committed is
sent, and nothing else. Senders of any number of processes take messages for a while each; one that
dies lets go of its own by that. A message may so go out twice, and two of one device in either
order: what it says carries its own revision or id.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, exists, insert, or_, select, update
from sqlalchemy.engine import Connection

from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import DOWNLINK

CONFIG = "config"
"""The sub-folder of desired states: retained at the broker, so only the newest counts."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message on its way down."""

    number: int
    device: str
    sub_folder: str
    payload: bytes


class DownlinkOutbox:
    """The table. Any thread may use it.

    Args:
        database: the fleet's.
        clock_ns: Unix time.
    """

    def __init__(self, database: FleetDatabase, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock_ns = clock_ns

    def put(self, connection: Connection, device: str, sub_folder: str, payload: bytes) -> None:
        """Keep a message within the transaction of what it tells of.

        A desired state takes the place of an older one of its device that waits.
        """
        if sub_folder == CONFIG:
            older = (DOWNLINK.c.device_id == device) & (DOWNLINK.c.sub_folder == CONFIG)
            connection.execute(delete(DOWNLINK).where(older))
        connection.execute(
            insert(DOWNLINK).values(
                device_id=device,
                sub_folder=sub_folder,
                payload=payload,
                written_ns=self._clock_ns(),
            )
        )

    def take(self, most: int, lease: timedelta, but_not: Collection[int] = ()) -> Sequence[Waiting]:
        """The oldest messages that nobody has; nobody else gets them while the lease runs.

        Args:
            most: messages.
            lease: for how long they are the caller's; the same for all senders.
            but_not: numbers that the caller has already.

        Raises:
            StoreAwayError: the database does not answer.
        """
        now_ns = self._clock_ns()
        until_ns = now_ns + int(lease.total_seconds() * 1e9)
        table = DOWNLINK.c
        # A lease that ends after ours was given by a clock that is ahead, and may never end.
        is_free = or_(
            table.taken_until_ns.is_(None),
            table.taken_until_ns <= now_ns,
            table.taken_until_ns > until_ns,
        )
        is_wanted = is_free & table.number.not_in(list(but_not))
        # A look costs no lock: mostly nothing waits, and SQLite has one writer.
        with self._database.reading() as connection:
            if not connection.execute(select(exists().where(is_wanted))).scalar():
                return []
        query = select(DOWNLINK).where(is_wanted).order_by(table.number).limit(most)
        with self._database.writing() as connection:
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            numbers = [row.number for row in rows]
            if numbers:
                taken = update(DOWNLINK).where(table.number.in_(numbers))
                connection.execute(taken.values(taken_until_ns=until_ns))
        return [Waiting(row.number, row.device_id, row.sub_folder, row.payload) for row in rows]

    def give_back(self, numbers: Collection[int]) -> None:
        """Let others have messages at once.

        Raises:
            StoreAwayError: the database does not answer.
        """
        free = update(DOWNLINK).where(DOWNLINK.c.number.in_(list(numbers)))
        with self._database.writing() as connection:
            connection.execute(free.values(taken_until_ns=None))

    def remove(self, numbers: Collection[int]) -> None:
        """Forget messages that Pub/Sub has.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            connection.execute(delete(DOWNLINK).where(DOWNLINK.c.number.in_(list(numbers))))

    def numbers(self) -> Sequence[int]:
        """Of all that wait, the oldest first.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.reading() as connection:
            query = select(DOWNLINK.c.number).order_by(DOWNLINK.c.number)
            return connection.execute(query).scalars().all()
