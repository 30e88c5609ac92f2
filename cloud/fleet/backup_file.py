"""The fleet's database as a file, the same for SQLite and PostgreSQL. No database here.

Lines of JSON: what it is and of which schema; a line a row, table by table; at the end how many
rows there are of each table, and a SHA-256 of all lines before. The digest finds damage, not
forgery. Digests of keys are in it, so it is for nobody else's eyes (ADR 0039).
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Boolean, Table
from sqlalchemy.types import Integer, LargeBinary

from cloud.errors import BackupError
from cloud.fleet.schema import METADATA

FORMAT = "wayside-fleet-backup"
VERSION = 1
_MAX_LINE_BYTES = 16 * 1024 * 1024
_TABLES = {table.name: table for table in METADATA.sorted_tables}


@dataclass(frozen=True, slots=True)
class Heading:
    """What a backup says of itself.

    Attributes:
        schema: revision of the database that it was made of.
        made_at: RFC 3339, cloud's clock.
    """

    schema: str
    made_at: str


def write(
    file: BinaryIO, heading: Heading, rows: Iterable[tuple[Table, Mapping[str, Any]]]
) -> dict[str, int]:
    """Write a backup.

    Returns:
        How many rows of each table there are.
    """
    digest, counts = hashlib.sha256(), dict.fromkeys(_TABLES, 0)

    def put(content: Mapping[str, Any]) -> None:
        line = json.dumps(content, separators=(",", ":")).encode() + b"\n"
        digest.update(line)
        file.write(line)

    put({"format": FORMAT, "version": VERSION, "schema": heading.schema, "made": heading.made_at})
    for table, row in rows:
        put({"table": table.name, "row": {name: _out(value) for name, value in row.items()}})
        counts[table.name] += 1
    put({"rows": counts, "sha256": digest.hexdigest()})
    return counts


def read(path: Path, schema: str) -> tuple[Heading, Iterator[tuple[Table, dict[str, Any]]]]:
    """What a backup says of itself, and its rows.

    Whether it is whole is known at its end alone: what was taken from it is good once the rows
    have come to theirs without an error.

    Raises:
        BackupError: it is damaged, of another schema, or cannot be read; also while its rows come.
    """
    lines = _lines(path)
    _, line, content = next(lines, (0, b"", {}))
    if content.get("format") != FORMAT:
        raise BackupError(f"{path}: is no backup of a fleet's database")
    found = content.get("schema")
    if content.get("version") != VERSION or found != schema:
        raise BackupError(
            f"{path}: is a backup of schema {found!r}, and this version of Wayside takes "
            f"{schema!r}: restore it by the version that made it; `fleet migrate` of a newer "
            "one then brings the database on"
        )
    return Heading(schema, str(content.get("made"))), _rows(path, lines, line)


def _rows(
    path: Path, lines: Iterator[tuple[int, bytes, dict[str, Any]]], heading: bytes
) -> Iterator[tuple[Table, dict[str, Any]]]:
    digest, counts = hashlib.sha256(heading), dict.fromkeys(_TABLES, 0)
    for number, line, content in lines:
        if "sha256" in content:
            is_whole = content["sha256"] == digest.hexdigest() and content.get("rows") == counts
            if not is_whole or next(lines, None) is not None:
                raise BackupError(f"{path}: is damaged: its checksum does not fit")
            return
        table, row = _row(path, number, content)
        digest.update(line)
        counts[table.name] += 1
        yield table, row
    raise BackupError(f"{path}: is cut off: the last line is missing")


def _lines(path: Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Number, bytes and content of each line."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(_MAX_LINE_BYTES):
                number += 1
                yield number, line, _parsed(path, number, line)
    except OSError as error:
        raise BackupError(f"{path}: cannot be read: {error.strerror}") from error


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, number, "is no JSON") from error
    if not isinstance(content, dict) or not line.endswith(b"\n"):
        raise _damaged(path, number, "is no line of a backup")
    return content


def _row(path: Path, number: int, content: Mapping[str, Any]) -> tuple[Table, dict[str, Any]]:
    """The table and the row of a line, with every column of its type."""
    table, given = _TABLES.get(str(content.get("table"))), content.get("row")
    if table is None or not isinstance(given, dict) or set(given) != set(table.c.keys()):
        raise _damaged(path, number, "is no row of a table that there is")
    try:
        return table, {name: _in(given[name], table.c[name].type) for name in given}
    except (TypeError, ValueError) as error:
        raise _damaged(path, number, f"is no row of {table.name}: {error}") from error


def _out(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _in(value: Any, kind: object) -> object:
    """A value of a column, for what stands in the file.

    Raises:
        TypeError, ValueError: it is none.
    """
    if value is None:
        return None
    wanted = bool if isinstance(kind, Boolean) else int if isinstance(kind, Integer) else str
    if type(value) is not wanted:
        raise TypeError(f"{type(value).__name__} where {wanted.__name__} belongs")
    if isinstance(kind, LargeBinary):
        return base64.b64decode(str(value), validate=True)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("a number is too large")
    if isinstance(value, str):
        value.encode()  # JSON can name half a character, which no database takes
    return value


def _damaged(path: Path, number: int, why: str) -> BackupError:
    return BackupError(f"{path}: is damaged: line {number} {why}")
