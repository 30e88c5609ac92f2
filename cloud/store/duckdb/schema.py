"""The DuckDB file: its tables, its version, and who may open it."""

import re
from pathlib import Path
from typing import Any

import duckdb

from cloud.errors import StartError, StoreHeldError
from cloud.store.duckdb import erase, rollups

VERSION = 2
"""Of the tables. Version 1 had no rollups and gets them; others are refused, never guessed at."""

_TABLES = """
CREATE TABLE wayside_schema (version INTEGER NOT NULL);
CREATE TABLE stored_events (
    device VARCHAR NOT NULL, boot UBIGINT NOT NULL, lane UTINYINT NOT NULL, seq BIGINT NOT NULL,
    ingest_seq BIGINT NOT NULL,  -- order of arrival, from 1, with gaps
    captured_ns BIGINT NOT NULL, kind VARCHAR NOT NULL, camera VARCHAR NOT NULL,
    frame UBIGINT NOT NULL, model VARCHAR NOT NULL, model_version VARCHAR NOT NULL,
    class_name VARCHAR NOT NULL, track_id UBIGINT, confidence FLOAT,
    box_top FLOAT, box_left FLOAT, box_width FLOAT, box_height FLOAT,
    rule VARCHAR NOT NULL, target VARCHAR NOT NULL, direction VARCHAR NOT NULL,
    dwell_s DOUBLE, value DOUBLE,
    payload BLOB NOT NULL,       -- wayside.v1.EventBatch.Event
    PRIMARY KEY (device, boot, lane, seq)
);
CREATE VIEW events AS SELECT
    device || '/' || printf('%016x', boot) || '/'
        || ['alarm', 'state', 'evidence', 'stats'][lane] || '/' || seq AS event_id,
    make_timestamp_ns(captured_ns) AS captured_at, * EXCLUDE payload
FROM stored_events;
"""

_HOLDER = re.compile(r"Conflicting lock is held in (.*?)\. See also", re.DOTALL)


def open_file(
    path: Path, memory_limit_mb: int | None = None, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """The database in a file, created where there is none, with its log folded in.

    Args:
        path: the file.
        memory_limit_mb: what data and questions may take; None: DuckDB's own, most of the machine.
        threads: for questions and writes; None: one a core.

    Raises:
        StartError: another process holds it, it is no DuckDB file, or of another version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path), config=_config(memory_limit_mb, threads))
    except (OSError, duckdb.Error) as error:
        raise _refused(path, str(error)) from error
    try:
        _check_version(connection, path)
        connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        connection.close()
        raise StartError(f"store {path}: cannot be read: {error}") from error
    except StartError:
        connection.close()
        raise
    return connection


def _config(memory_limit_mb: int | None, threads: int | None) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if memory_limit_mb is not None:
        config["memory_limit"] = f"{memory_limit_mb}MB"
    if threads is not None:
        config["threads"] = str(threads)
    return config


def _check_version(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
        ).fetchall()
    }
    if not tables:
        connection.begin()
        connection.execute(_TABLES + rollups.TABLES + erase.TABLES)
        connection.execute("INSERT INTO wayside_schema VALUES (?)", [VERSION])
        connection.commit()
        return
    if "wayside_schema" not in tables:
        raise StartError(f"store {path}: a DuckDB file of something else; name another file")
    versions = [row[0] for row in connection.execute("FROM wayside_schema").fetchall()]
    if versions == [1]:
        connection.begin()
        connection.execute(rollups.TABLES + erase.TABLES)
        connection.execute("UPDATE wayside_schema SET version = ?", [VERSION])
        connection.commit()
    elif versions != [VERSION]:
        raise StartError(
            f"store {path}: written as version {versions} of the tables, this is Wayside with "
            f"version {VERSION}; start the release that wrote it, or name another file"
        )


def _refused(path: Path, message: str) -> StartError:
    holder = _HOLDER.search(message)
    if holder is not None:
        return StoreHeldError(
            f"store {path}: held by another process, {holder[1]}; only one process can open a "
            "DuckDB file, so stop that one (several ingest workers need InfluxDB)"
        )
    return StartError(f"store {path}: cannot be opened: {message}")
