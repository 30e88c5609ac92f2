"""Who did what, when, and from where: a table that is only added to."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection

from cloud.errors import StoreAwayError
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import AUDIT

BEGUN = "begun"
"""The outcome of what has not ended, or of what ended together with its process."""

_MAX_CHARS = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        name: `key:ID`, `user:NAME` of an account on this machine, or `nobody`.
        origin: the client's address, or this machine's name.
    """

    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit; it never holds a secret.

    Attributes:
        number: from 1, growing; some may be missing.
        at_ns: cloud's clock.
        action: `key.create`, `key.revoke`, or a request's method and path.
        target: what was acted upon; empty for a request.
        outcome: `done`, an HTTP status, or `begun` (see `BEGUN`).
    """

    number: int
    at_ns: int
    actor: str
    origin: str
    action: str
    target: str
    outcome: str


class Audit:
    """The table. Any thread may use it.

    Args:
        database: the fleet's.
        clock_ns: Unix time.
    """

    def __init__(self, database: FleetDatabase, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._clock_ns = clock_ns

    def note(
        self,
        connection: Connection,
        actor: Actor,
        action: str,
        target: str = "",
        outcome: str = "done",
    ) -> int:
        """Add an entry within the transaction of what it tells of: both are kept, or neither.

        Returns:
            The entry's number.
        """
        self._database.keep_order(connection)
        result = connection.execute(
            insert(AUDIT).values(
                at_ns=self._clock_ns(),
                actor=actor.name[:_MAX_CHARS],
                origin=actor.origin[:_MAX_CHARS],
                action=action[:_MAX_CHARS],
                target=target[:_MAX_CHARS],
                outcome=outcome[:_MAX_CHARS],
            )
        )
        [number] = result.inserted_primary_key or [0]
        return int(number)

    def begin(self, actor: Actor, action: str, target: str = "") -> int:
        """Add an entry before something is done, so that nothing is done without one.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            return self.note(connection, actor, action, target, BEGUN)

    def end(self, number: int, outcome: str) -> None:
        """Say how it ended.

        Raises:
            StoreAwayError: the database does not answer.
        """
        with self._database.writing() as connection:
            where = AUDIT.c.number == number
            connection.execute(update(AUDIT).where(where).values(outcome=outcome[:_MAX_CHARS]))

    def close(self, number: int, outcome: str) -> None:
        """Say how it ended, of what is done already; where that can't be noted, the log does."""
        try:
            self.end(number, outcome)
        except StoreAwayError as error:
            _log.error("audit entry stays open", number=number, outcome=outcome, reason=str(error))

    def page(self, after: int = 0, limit: int = 100) -> Sequence[Entry]:
        """Entries in the order they were made, those after a number.

        Raises:
            StoreAwayError: the database does not answer.
        """
        query = select(AUDIT).where(AUDIT.c.number > after).order_by(AUDIT.c.number).limit(limit)
        with self._database.reading() as connection:
            return [Entry(**row._mapping) for row in connection.execute(query)]
