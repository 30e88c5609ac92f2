"""Erased events out of the file: deleted in bounded steps, then written over by a new file.

DuckDB marks what is deleted and gives its blocks free, but the bytes stay in the file until
something else is written there. So a file out of which was erased is written anew, while it is
open or when it is closed, without what was deleted, and takes the place of the old one when it is
whole.
"""

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cloud.errors import StoreAwayError
from cloud.store.duckdb import rollups
from wayside.disk import REAL

_STEP = 20_000
"""Events that one step deletes: some tens of milliseconds in which ingest waits."""

TABLES = """
CREATE TABLE erasure_state (last_ingest_seq BIGINT NOT NULL);
INSERT INTO erasure_state VALUES (0);
"""
"""Beside `stored_events`: ingest_seqs of erased events are not given out again, or readers who
have seen those would miss the new ones."""

LAST_INGEST_SEQ = """
SELECT max(seq) FROM (SELECT max(ingest_seq) AS seq FROM stored_events
UNION ALL SELECT max(last_ingest_seq) FROM erasure_state)
"""


def some_within(device: str, since_ns: int, until_ns: int) -> tuple[str, dict[str, Any]]:
    """A condition, and its parameters, for some events of a range.

    Args:
        device: whose; empty: of all devices.
        since_ns: captured at or after.
        until_ns: captured before.
    """
    parameters: dict[str, Any] = {"since": since_ns, "until": until_ns}
    of_device = ""
    if device:
        parameters["device"], of_device = device, "device = $device AND "
    return (
        "rowid IN (SELECT rowid FROM stored_events "  # noqa: S608
        f"WHERE {of_device}captured_ns >= $since AND captured_ns < $until "
        f"ORDER BY rowid LIMIT {_STEP})"
    ), parameters


def keep_order(rows: duckdb.DuckDBPyConnection, last_ingest_seq: int) -> None:
    """Remember which ingest_seqs were given out; in the transaction that deletes."""
    rows.execute("UPDATE erasure_state SET last_ingest_seq = $1", [last_ingest_seq])


def delete_closed_counts(
    rows: duckdb.DuckDBPyConnection, device: str, since_ns: int, until_ns: int
) -> None:
    """Delete the counts of minutes whose events are gone already; see `rollups.erase_closed`."""
    found = rows.execute("SELECT DISTINCT device FROM minute_counts").fetchall()
    for (name,) in found:
        if device in ("", name):
            rollups.erase_closed(rows, name, since_ns, until_ns)


def rewrite(path: Path) -> None:
    """Have a file in which nothing stands that was deleted; nobody may have it open.

    Broken off at any moment, the file is the old one, whole, or the new one.

    Raises:
        StoreAwayError: there is no room for a second file, or it cannot be read.
    """
    with _told(path):
        with duckdb.connect(str(path)) as connection:
            fresh = _copied(connection, path, free_bytes)
        _replace(fresh, path)


def free_bytes(folder: Path) -> int:
    """How much fits onto the disk of a folder."""
    return shutil.disk_usage(folder).free


def copied(
    rows: duckdb.DuckDBPyConnection, path: Path, free: Callable[[Path], int] = free_bytes
) -> Path:
    """A new file beside the open one, without what was deleted; nobody may write meanwhile.

    Raises:
        StoreAwayError: there is no room for a second file.
    """
    with _told(path):
        return _copied(rows, path, free)


def replace(fresh: Path, path: Path) -> None:
    """Give a copy the place of the file that it was made of; nobody may have that open.

    Raises:
        StoreAwayError: it cannot be done; the old file stands as it was.
    """
    with _told(path):
        _replace(fresh, path)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.Error) as error:
        raise StoreAwayError(
            f"store {path}: erased events still stand in the file, as it cannot be written anew: "
            f"{error}; it needs room for a second file. Try again"
        ) from error


def _copied(rows: duckdb.DuckDBPyConnection, path: Path, free: Callable[[Path], int]) -> Path:
    fresh = path.with_name(f"{path.name}.rewritten")
    for left in (fresh, _log_of(fresh)):
        left.unlink(missing_ok=True)
    target = str(fresh).replace("'", "''")
    _require_room(path, free(path.parent))
    try:
        rows.execute(f"ATTACH '{target}' AS rewritten")
        try:
            [(name,)] = rows.execute("SELECT current_database()").fetchall()
            source = name.replace('"', '""')
            rows.execute(f'COPY FROM DATABASE "{source}" TO rewritten')
        except duckdb.Error:
            with contextlib.suppress(duckdb.Error):  # the first one says more
                rows.execute("DETACH rewritten")
            raise
        rows.execute("DETACH rewritten")  # its log is folded in
    except duckdb.Error:
        # A disk that the copy has filled must not stay full until the next try.
        for left in (fresh, _log_of(fresh)):
            left.unlink(missing_ok=True)
        raise
    return fresh


def _require_room(path: Path, free: int) -> None:
    """The copy is no larger than the file; a disk that runs full would stop all else on it.

    Raises:
        OSError: there is less room than that.
    """
    needed = path.stat().st_size
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free // 2**20} MiB free and {needed // 2**20} needed")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _replace(fresh: Path, path: Path) -> None:
    """Give the new file the old one's name, also after a power cut."""
    # A log that stays would be taken for the new file's.
    if _log_of(path).exists() or _log_of(fresh).exists():
        raise StoreAwayError(f"store {path}: its log was not folded in; try again")
    shutil.copymode(path, fresh)
    REAL.sync(fresh)
    REAL.replace(fresh, path)
    REAL.sync(path.parent)
