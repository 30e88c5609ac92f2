"""Serial numbers and their states, in SQLite: every certificate that ever left the CA.

A row is committed before its certificate is handed out, so whatever is out there can be revoked.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from cloud.errors import (
    CertificateRefusedError,
    IdentityError,
    RequestRefusedError,
    TooManyCredentialsError,
)
from cloud.identity.certificates import Revoked, Validity
from cloud.identity.identities import Identity, Role

REVOKED = "the certificate was revoked: claim the device anew"
"""What its holder is told."""

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

_SIGNED_KEYS = """
CREATE TABLE IF NOT EXISTS signed_keys (
    key_digest BLOB PRIMARY KEY,
    serial TEXT NOT NULL UNIQUE REFERENCES certificates (serial),
    certificate BLOB NOT NULL
) STRICT
"""
"""Registries of earlier releases have no such table, so it is made where it is first needed."""


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


@dataclass(frozen=True, slots=True)
class Ground:
    """What a certificate is given for, asked once more while nothing can be revoked.

    A revocation that came between the first look and the signature would otherwise be got around
    by a certificate that it does not reach.

    Attributes:
        still: returns where it still holds, and raises a CloudError where it does not.
        renews: serial number of the certificate whose key asked; None: there was none.
    """

    still: Callable[[], None] = lambda: None
    renews: int | None = None


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate for a key that its owner made.

    Attributes:
        entry: what is known of it.
        certificate: itself, PEM.
    """

    entry: Entry
    certificate: bytes


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

    def add_for_key(
        self, new: Certified, digest: bytes, most: int, now: datetime, ground: Ground
    ) -> Certified:
        """Remember a certificate of somebody's own key, unless the key has one already.

        Args:
            new: what is about to be handed out.
            digest: of its key.
            most: certificates that its owner may hold at once.
            now: by which it is judged what they hold.
            ground: what it is given for.

        Returns:
            The new one, or the one that was handed out for this key before.

        Raises:
            RequestRefusedError: the key's certificate counts no more, or is somebody else's.
            TooManyCredentialsError: its owner holds `most` already.
            CertificateRefusedError: the one that it renews was revoked.
            CloudError: what it is given for holds no more.
        """
        entry = new.entry
        owner = (entry.common_name, entry.role.value)
        with self._transaction() as table:
            table.execute(_SIGNED_KEYS)
            _check_ground(table, ground)
            known = table.execute(
                "SELECT serial, common_name, role, not_before, not_after, revoked_at, certificate "
                "FROM signed_keys JOIN certificates USING (serial) WHERE key_digest = ?",
                (digest,),
            ).fetchone()
            if known is not None:
                return _same(Certified(_entry(known[:6]), known[6]), entry, now)
            held = _held(table, owner, now)
            if held >= most:
                raise TooManyCredentialsError(too_many(entry.common_name, held))
            serial = _hexadecimal(entry.serial)
            table.execute(
                "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, NULL)",
                (serial, *owner, _seconds(entry.validity.begin), _seconds(entry.validity.end)),
            )
            row = (digest, serial, new.certificate)
            table.execute("INSERT INTO signed_keys VALUES (?, ?, ?)", row)
        return new

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

    def entry(self, serial: int) -> Entry | None:
        """The certificate of a serial number; None where the CA never issued it."""
        with self._transaction() as table:
            where = (_hexadecimal(serial),)
            row = table.execute("SELECT * FROM certificates WHERE serial = ?", where).fetchone()
        return None if row is None else _entry(row)

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


def _check_ground(table: sqlite3.Connection, ground: Ground) -> None:
    """Return where a certificate is given for something that holds; nobody revokes meanwhile."""
    if ground.renews is not None:
        where = (_hexadecimal(ground.renews),)
        row = table.execute(
            "SELECT 1 FROM certificates WHERE serial = ? AND revoked_at IS NULL", where
        ).fetchone()
        if row is None:
            raise CertificateRefusedError(REVOKED)
    ground.still()


def _held(table: sqlite3.Connection, owner: tuple[str, str], now: datetime) -> int:
    """How many certificates of somebody count."""
    (held,) = table.execute(
        "SELECT count(*) FROM certificates WHERE common_name = ? AND role = ? "
        "AND revoked_at IS NULL AND not_after >= ?",
        (*owner, _seconds(now)),
    ).fetchone()
    return int(held)


def _same(known: Certified, wanted: Entry, now: datetime) -> Certified:
    """What a key was certified with before, where it still counts and is the same owner's."""
    entry = known.entry
    if (entry.common_name, entry.role) != (wanted.common_name, wanted.role):
        raise RequestRefusedError("the key is certified for another identity: make one of your own")
    if (state := entry.state(now)) != "valid":
        raise RequestRefusedError(f"the certificate of this key is {state}: make another key")
    return known


def too_many(common_name: str, held: int) -> str:
    """What somebody is told who may hold no further certificate."""
    return (
        f"{common_name!r} holds {held} valid certificates already: revoke them, `wayside-cloud ca "
        f"revoke {common_name}`, or wait until one expires"
    )


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
