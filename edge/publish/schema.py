"""The SQLite file: made, opened, moved aside when it is broken.

A file is suspected when SQLite says so while it is opened, or when a run of the agent that met
damage left a note beside it; only then is all of it read (quick_check), because that takes
seconds that a healthy start does not have.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.errors import OutboxError, OutboxFullError
from edge.publish.privacy import make_folder, make_private

FILE_NAME = "outbox.sqlite3"
BROKEN_NAME = "outbox.broken.sqlite3"
"""Where a damaged file ends up; the next one replaces it, so that they cannot fill the disk."""

SUSPECT_NAME = "outbox.suspect"
"""A note that this run met damage: the next start checks the whole file."""

_VERSION = 1
_APPLICATION_ID = 0x57415953  # "WAYS"
_WAL_PAGES = 256
_LOCK_WAIT_S = 0.25

_SCHEMA = """
CREATE TABLE boots (
    age INTEGER PRIMARY KEY AUTOINCREMENT,  -- later starts have larger ones
    boot TEXT NOT NULL UNIQUE               -- 16 hexadecimal digits
);
CREATE TABLE sequences (                    -- kept for ever: the high-water marks
    age INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,              -- given out last
    rows INTEGER NOT NULL,                  -- in `events` now
    bytes INTEGER NOT NULL,                 -- of these rows, overhead included
    PRIMARY KEY (age, lane)
) WITHOUT ROWID;
CREATE TABLE events (
    lane INTEGER NOT NULL,
    age INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    captured_ns INTEGER NOT NULL,
    clock_synced INTEGER NOT NULL,
    anchor_id INTEGER NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (lane, age, seq)
);
CREATE TABLE losses (                       -- until the cloud has a receipt for their report
    id INTEGER PRIMARY KEY,
    boot TEXT NOT NULL,
    lane INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,             -- 0: the events never had a seq
    last_seq INTEGER NOT NULL,
    count INTEGER NOT NULL,
    reason TEXT NOT NULL,
    said_age INTEGER,                       -- the EVENTS_LOST event in lane STATE, or NULL
    said_seq INTEGER
);
"""

_LATER = """
CREATE TABLE IF NOT EXISTS dates (          -- of the starts that have rows
    age INTEGER PRIMARY KEY,
    seen_ns INTEGER NOT NULL                -- Unix time, by the first right clock since
);
"""
"""Tables that an older agent need not know, so that it can still be gone back to."""

Connect = Callable[[Path], sqlite3.Connection]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What a broken file still told about one stream."""

    boot: str
    lane: int
    last_seq: int
    rows: int


def connect(
    path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """A connection to the file, made where it is missing; every commit is durable on return.

    The lock is exclusive, so the file has one agent, and the write-ahead log needs no shared
    memory (which a full disk could tear away under us).

    Args:
        path: of the file.
        factory: the connection's type.

    Raises:
        sqlite3.Error: as SQLite says it.
    """
    connection = sqlite3.connect(
        path, timeout=_LOCK_WAIT_S, isolation_level=None, check_same_thread=False, factory=factory
    )
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute("BEGIN IMMEDIATE")
        _create(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def open_file(
    folder: Path, connect_to: Connect
) -> tuple[sqlite3.Connection, list[Salvaged] | None]:
    """The outbox file of a folder, and what was salvaged where a broken one was moved aside.

    Returns:
        the connection, and None where the file was in order or new.

    Raises:
        OutboxError: it cannot be opened, or another agent has it.
        OutboxFullError: there is no room to make it.
    """
    path = folder / FILE_NAME
    salvaged: list[Salvaged] | None = None
    try:
        make_folder(folder)
        if _broken(path, folder / SUSPECT_NAME, connect_to):
            salvaged = _move_aside(folder)
        make_private(folder, FILE_NAME)
        return connect_to(path), salvaged
    except OSError as error:
        raise OutboxError(
            f"outbox folder {folder} cannot be used: {error.strerror}; let the agent's user write "
            "there, or set data_dir to a folder on a disk that can be written"
        ) from error
    except sqlite3.Error as error:
        raise translated(error, path) from error


def suspect(folder: Path) -> None:
    """Leave the note that makes the next start check the whole file."""
    with contextlib.suppress(OSError):
        (folder / SUSPECT_NAME).touch()


def is_damage(error: sqlite3.Error) -> bool:
    """True where the file itself is wrong, and no waiting will mend it."""
    # "malformed" and "not a database" are plain DatabaseErrors; its subclasses are for what
    # time, a person or another call mends: full, I/O, locked, closed.
    return type(error) is sqlite3.DatabaseError


def is_full(error: sqlite3.Error) -> bool:
    """True where the file cannot grow (SQLITE_FULL; Python 3.10 has only the message)."""
    return "full" in str(error)


def translated(error: sqlite3.Error, path: Path) -> OutboxError:
    """SQLite's error as one of ours, with what to do."""
    if is_full(error):
        return OutboxFullError(f"{path}: no space left; free some on this disk")
    if "locked" in str(error):
        return OutboxError(f"{path} is in use: does another agent run with this folder?")
    if "unable to open" in str(error) or "readonly" in str(error):
        return OutboxError(
            f"{path}: {error}; let the agent's user read and write it and its folder, or set "
            "data_dir to another one"
        )
    return OutboxError(f"{path}: {error}")


def _create(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        _execute(connection, _SCHEMA)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    elif version != _VERSION:
        raise sqlite3.OperationalError(
            f"its layout is version {version}, this agent knows {_VERSION}: use the newer agent"
        )
    _execute(connection, _LATER)


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    """One statement after the other: executescript() would commit before."""
    for statement in statements.split(";\n"):
        if statement.strip():
            connection.execute(statement)


def _broken(path: Path, note: Path, connect_to: Connect) -> bool:
    if not path.exists():
        return False
    try:
        with contextlib.closing(connect_to(path)) as connection:
            for table in ("boots", "sequences", "losses"):
                connection.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            if note.exists():
                (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if verdict != "ok":
                    return True
                note.unlink()
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return True
        raise
    return False


def _move_aside(folder: Path) -> list[Salvaged]:
    """Rename the broken file, its log as well, and read from it what can be read."""
    broken = folder / BROKEN_NAME
    for suffix in ("", "-wal", "-shm"):
        (folder / f"{BROKEN_NAME}{suffix}").unlink(missing_ok=True)
        part = folder / f"{FILE_NAME}{suffix}"
        if part.exists():
            part.rename(folder / f"{BROKEN_NAME}{suffix}")
    salvaged = _salvage(broken)
    (folder / SUSPECT_NAME).unlink(missing_ok=True)
    _log.error(
        "outbox file broken, moved aside, begun anew",
        moved_to=str(broken), events_lost=sum(item.rows for item in salvaged) or "unknown",
    )  # fmt: skip
    return salvaged


def _salvage(broken: Path) -> list[Salvaged]:
    try:
        with contextlib.closing(sqlite3.connect(broken)) as connection:
            return [
                Salvaged(*row)
                for row in connection.execute(
                    "SELECT boot, lane, last_seq, rows FROM sequences JOIN boots USING (age) "
                    "ORDER BY age, lane"
                )
            ]
    except sqlite3.Error as error:
        _log.warning("nothing can be read from the broken outbox", reason=str(error))
        return []
