"""Serial numbers and their states, in SQLite: every certificate that ever left the CA.

A row is committed before its certificate is handed out, so whatever is out there can be revoked.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from cloud.errors import IdentityError
from cloud.identity.certificates import Revoked, Validity
from cloud.identity.identities import Identity, Role

_BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE certificates (
    serial TEXT PRIMARY KEY,
    common_name TEXT NOT NULL,
    role TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    not_after INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX by_common_name ON certificates (common_name);
CREATE TABLE revocation_lists (
    number INTEGER PRIMARY KEY,
    begin INTEGER NOT NULL,
    "end" INTEGER NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A certificate that was issued.

    Attributes:
        serial: unique within the CA.
        common_name: whose it is.
        role: what it is for.
        validity: its own dates.
        revoked_at: None while it is not revoked.
    """

    serial: int
    common_name: str
    role: Role
    validity: Validity
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """`revoked`, `expired` or `valid`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if now > self.validity.end else "valid"


class Registry:
    """The table, in one file.

    Args:
        path: the file.

    Raises:
        IdentityError: of every method: the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self) -> None:
        """Make the empty tables."""
        with self._transaction() as table:
            for statement in _SCHEMA.split(";"):
                table.execute(statement)

    def add(self, serial: int, identity: Identity, validity: Validity) -> None:
        """Remember a certificate that is about to be handed out."""
        row = (
            _hexadecimal(serial), identity.common_name, identity.role.value,
            _seconds(validity.begin), _seconds(validity.end),
        )  # fmt: skip
        with self._transaction() as table:
            table.execute("INSERT INTO certificates VALUES (?, ?, ?, ?, ?, NULL)", row)

    def revoke(self, identity: Identity, at: datetime) -> None:
        """Mark all certificates of an identity; those marked before keep their time."""
        with self._transaction() as table:
            table.execute(
                "UPDATE certificates SET revoked_at = ? "
                "WHERE common_name = ? AND role = ? AND revoked_at IS NULL",
                (_seconds(at), identity.common_name, identity.role.value),
            )

    def entries(self) -> list[Entry]:
        """All certificates, by name, the oldest first."""
        with self._transaction() as table:
            rows = table.execute("SELECT * FROM certificates ORDER BY common_name, rowid")
            return [_entry(row) for row in rows]

    def entries_of(self, identity: Identity) -> list[Entry]:
        """Those of one identity."""
        wanted = (identity.common_name, identity.role)
        return [item for item in self.entries() if (item.common_name, item.role) == wanted]

    def revoked(self, since: datetime) -> list[Revoked]:
        """What a list must name: revoked, and not expired by itself before `since`."""
        return [
            Revoked(item.serial, item.revoked_at)
            for item in self.entries()
            if item.revoked_at is not None and item.validity.end >= since
        ]

    def add_list(self, earliest: datetime, end: datetime, step_s: int = 1) -> tuple[int, Validity]:
        """Number and dates of the next revocation list; its begin is later than the last one's."""
        with self._transaction() as table:
            number, last = table.execute(
                "SELECT coalesce(max(number), 0), coalesce(max(begin), 0) FROM revocation_lists"
            ).fetchone()
            begin = max(_seconds(earliest), last + step_s)
            row = (number + 1, begin, _seconds(end))
            table.execute("INSERT INTO revocation_lists VALUES (?, ?, ?)", row)
        return number + 1, Validity(_moment(begin), end)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time, on disk when it ends."""
        try:
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                with connection:
                    yield connection
        except sqlite3.Error as error:
            raise IdentityError(f"the CA's registry {self._path}: {error}") from error


def _entry(row: tuple[str, str, str, int, int, int | None]) -> Entry:
    serial, common_name, role, begin, end, revoked = row
    validity = Validity(_moment(begin), _moment(end))
    revoked_at = None if revoked is None else _moment(revoked)
    return Entry(int(serial, 16), common_name, Role(role), validity, revoked_at)


def _hexadecimal(serial: int) -> str:
    return f"{serial:040x}"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
