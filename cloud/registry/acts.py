"""One act on the registry: a transaction, and the line of the audit that tells of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.engine import Connection

from cloud.errors import ModelChangedError, RegistryError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase


@dataclass(slots=True)
class Act:
    """An act that is under way.

    Attributes:
        connection: its transaction.
        target: for the audit.
        outcome: for the audit, where it is not `done`.
    """

    connection: Connection
    target: str
    outcome: str = "done"


@contextmanager
def acting(
    database: FleetDatabase, audit: Audit, by: Actor, action: str, target: str
) -> Iterator[Act]:
    """A transaction that no other act runs beside; the audit tells of it, refused or not.

    Whoever refuses raises a RegistryError before anything is written: what was written before it
    would be kept.

    Raises:
        StoreAwayError: the database does not answer; nothing was done.
    """
    refused: RegistryError | None = None
    with database.writing() as connection:
        database.keep_order(connection)
        act = Act(connection, target)
        try:
            yield act
        except RegistryError as error:
            refused = error
            act.outcome = f"refused: {error}"
        audit.note(connection, by, action, act.target, act.outcome)
    if refused is not None:
        raise refused


def check_seen(what: str, revision: int, seen: int | None) -> None:
    """Return when nobody changed something since the caller looked at it.

    Args:
        what: it is.
        revision: that it has now.
        seen: that the caller saw; None: they don't mind.

    Raises:
        ModelChangedError: somebody did.
    """
    if seen is not None and seen != revision:
        raise ModelChangedError(
            f"{what} was changed meanwhile: it is at revision {revision}, and you saw {seen}; look "
            "again"
        )
