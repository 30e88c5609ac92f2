"""The fleet's database into a file while it is in use, and back."""

import itertools
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Table, delete, exists, func, insert, select, update
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import DataError, IntegrityError

from cloud.errors import BackupError
from cloud.fleet import backup_file, migrate
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.schema import CLAIMS, ERASURES, METADATA, MODEL_ALIASES, MODELS
from cloud.identity.files import SECRET
from wayside.disk import REAL

_TABLES = METADATA.sorted_tables
_REVOKED = "revoked"
"""Of a model's `state`; final, so no older backup may bring it back."""

_ROWS_PER_READ = 1000
_ROWS_PER_INSERT = 500


@dataclass(frozen=True, slots=True)
class Restored:
    """What was taken back.

    Attributes:
        made_at: when the backup was made, RFC 3339.
        counts: rows by table.
    """

    made_at: str
    counts: Mapping[str, int]


def back_up(
    database: FleetDatabase, path: Path, clock_ns: Callable[[], int] = time.time_ns
) -> Mapping[str, int]:
    """Write all rows, as they are at one moment, into a file that its owner alone may read.

    Returns:
        How many rows there are, by table.

    Raises:
        BackupError: the file cannot be written; one that was there before still stands.
        StoreAwayError: the database does not answer.
    """
    made_at = datetime.fromtimestamp(clock_ns() // 10**9, timezone.utc)
    heading = backup_file.Heading(migrate.newest(), f"{made_at:%Y-%m-%dT%H:%M:%SZ}")
    with _draft(path) as file, database.snapshot() as connection:
        return backup_file.write(file, heading, _all_rows(connection))


def restore(database: FleetDatabase, path: Path, by: Actor, *, replace: bool = False) -> Restored:
    """Take a backup back, all of it or nothing; the audit tells of it.

    What was erased since the backup was made stays on record as erased, models that were revoked
    stay revoked, and no claim token of it counts any more: it may have been used up since.

    Args:
        database: of the newest schema.
        path: of the backup.
        by: who restores.
        replace: give up what is in the database.

    Raises:
        BackupError: the file is damaged or of another schema, or the database is not empty.
        StoreAwayError: the database does not answer.
    """
    heading, rows = backup_file.read(path, migrate.newest())
    with database.writing() as connection:
        database.keep_order(connection)
        database.keep_others_out(connection, [table.name for table in _TABLES])
        if not replace:
            _require_empty(connection, database.where)
        erasures = connection.execute(select(ERASURES)).all()
        revoked = connection.execute(select(MODELS).where(MODELS.c.state == _REVOKED)).all()
        for table in reversed(_TABLES):
            connection.execute(delete(table))
        counts = _insert_all(connection, path, rows)
        _end_claims(connection, time.time_ns())
        for table in _TABLES:
            _count_on(database, connection, table)
        _insert_erasures(connection, erasures)
        _revoke_again(connection, revoked)
        target = f"backup of {heading.made_at}"
        Audit(database).note(connection, by, "fleet.restore", target)
    return Restored(heading.made_at, counts)


def _all_rows(connection: Connection) -> Iterator[tuple[Table, Mapping[str, Any]]]:
    connection = connection.execution_options(yield_per=_ROWS_PER_READ)
    for table in _TABLES:
        for row in connection.execute(select(table).order_by(*table.primary_key)):
            yield table, dict(row._mapping)


@contextmanager
def _draft(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the path's place once it is whole and on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        REAL.sync(path.parent)
    except OSError as error:
        raise BackupError(f"{path}: cannot be written: {error.strerror}") from error


def _require_empty(connection: Connection, where: str) -> None:
    for table in _TABLES:
        if connection.execute(select(exists(select(table)))).scalar():
            raise BackupError(
                f"{where}: is not empty: --replace gives up what is there; back it up first"
            )


def _insert_all(
    connection: Connection, path: Path, rows: Iterator[tuple[Table, dict[str, Any]]]
) -> dict[str, int]:
    """Insert a backup's rows; how many of each table."""
    counts = dict.fromkeys((table.name for table in _TABLES), 0)
    try:
        for table, group in itertools.groupby(rows, key=lambda pair: pair[0]):
            while some := [row for _, row in itertools.islice(group, _ROWS_PER_INSERT)]:
                connection.execute(insert(table), some)
                counts[table.name] += len(some)
    except (IntegrityError, DataError) as error:
        raise BackupError(f"{path}: is damaged: {error.orig}") from error
    return counts


def _end_claims(connection: Connection, now_ns: int) -> None:
    still_open = CLAIMS.c.revoked_ns.is_(None) & (CLAIMS.c.expires_ns > now_ns)
    connection.execute(update(CLAIMS).where(still_open).values(revoked_ns=now_ns))


def _count_on(database: FleetDatabase, connection: Connection, table: Table) -> None:
    """Have new rows of a table numbered beyond those that were inserted."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = connection.execute(select(func.max(column))).scalar()
    database.count_on_from(connection, table.name, column.name, highest or 1)


def _insert_erasures(connection: Connection, before: Sequence[Row[Any]]) -> None:
    """Put what was erased on record again, where the backup does not know of it."""
    known = {_erased(row) for row in connection.execute(select(ERASURES))}
    for row in before:
        if _erased(row) not in known:
            values = {name: value for name, value in row._mapping.items() if name != "number"}
            values["audit_number"] = None  # of an audit that the backup does not hold
            connection.execute(insert(ERASURES).values(values))


def _revoke_again(connection: Connection, before: Sequence[Row[Any]]) -> None:
    """Have no model that was revoked be anything else, nor an alias that stands for it."""
    for row in before:
        is_it = (MODELS.c.name == row.name) & (MODELS.c.version == row.version)
        there = connection.execute(select(MODELS.c.revision).where(is_it)).scalar()
        values = {**row._mapping, "revision": max(row.revision, (there or 0) + 1)}
        connection.execute(delete(MODELS).where(is_it))
        connection.execute(insert(MODELS).values(values))
        of_alias = MODEL_ALIASES.c
        stands = (of_alias.name == row.name) & (of_alias.version == row.version)
        connection.execute(delete(MODEL_ALIASES).where(stands))


def _erased(row: Row[Any]) -> tuple[Any, ...]:
    return row.device, row.since_ns, row.until_ns, row.begun_ns
