"""Rows into the bytes of a Parquet file and back, by DuckDB.

The columns beside `header` and `payload` are for whoever reads the files with other tools; we
read those two alone.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cloud.archive.rows import ArchiveRow, lane_slug, read_rows
from cloud.errors import ArchiveError
from cloud.store.port import EventRecord
from protos.ids import boot_text

CONTENT_TYPE = "application/vnd.apache.parquet"

_Value = Callable[[EventRecord], Any]

_COLUMNS: tuple[tuple[str, type, _Value], ...] = (
    ("device", object, lambda e: e.id.device),
    ("boot", object, lambda e: boot_text(e.id.boot)),
    ("lane", object, lane_slug),
    ("seq", np.int64, lambda e: e.id.seq),
    ("captured_ns", np.int64, lambda e: e.captured_ns),
    ("kind", object, lambda e: e.kind),
    ("camera", object, lambda e: e.camera),
    ("frame", np.uint64, lambda e: e.frame),
    ("model", object, lambda e: e.model),
    ("model_version", object, lambda e: e.model_version),
    ("class_name", object, lambda e: e.class_name),
    ("track_id", np.uint64, lambda e: e.track_id),
    ("confidence", np.float32, lambda e: e.confidence),
    ("box_top", np.float32, lambda e: e.box and e.box[0]),
    ("box_left", np.float32, lambda e: e.box and e.box[1]),
    ("box_width", np.float32, lambda e: e.box and e.box[2]),
    ("box_height", np.float32, lambda e: e.box and e.box[3]),
    ("rule", object, lambda e: e.rule),
    ("target", object, lambda e: e.target),
    ("direction", object, lambda e: e.direction),
    ("dwell_s", np.float64, lambda e: e.dwell_s),
    ("value", np.float64, lambda e: e.value),
    ("clock_synced", np.bool_, lambda e: e.clock_synced),
    ("payload", object, lambda e: e.payload),
)
_NAMES = [*(name for name, _, _ in _COLUMNS), "header"]
_SELECT = ", ".join(f"unnest(${number}) AS {name}" for number, name in enumerate(_NAMES, 1))
# Into the temporary file itself: one of DuckDB's own beside it could be read by everybody.
# Small row groups: rows are sorted by device, so most of a large file is passed by for one device.
_OPTIONS = "FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, ROW_GROUP_SIZE 4096"
_ROWS = "FROM read_parquet($1, hive_partitioning = false)"
_READ = f"SELECT header, payload {_ROWS}"
_COUNT = f"SELECT count(*) {_ROWS} WHERE captured_ns >= $2 AND captured_ns < $3"


class ParquetFiles:
    """Writes and reads Parquet; any thread may call it.

    Files pass through temporary ones, as DuckDB knows no bytes.
    """

    def __init__(self) -> None:
        self._connection = duckdb.connect(
            ":memory:",
            config={"threads": 1, "memory_limit": "256MB", "autoinstall_known_extensions": False},
        )

    def encode(self, rows: Sequence[ArchiveRow]) -> bytes:
        """The bytes of a file with these rows.

        Raises:
            OSError: there is no room for a temporary file.
            ArchiveError: DuckDB cannot write them.
        """
        columns = [
            _column(dtype, [value(row.event) for row in rows]) for _, dtype, value in _COLUMNS
        ]
        columns.append(_column(object, [row.header for row in rows]))
        with _temporary() as file, self._connection.cursor() as cursor:
            target = file.name.replace("'", "''")
            statement = f"COPY (SELECT {_SELECT}) TO '{target}' ({_OPTIONS})"
            try:
                cursor.execute(statement, columns)
            except duckdb.Error as error:
                raise ArchiveError(f"a Parquet file cannot be written: {error}") from error
            return Path(file.name).read_bytes()

    def decode(self, data: bytes, where: str, device: str = "") -> list[ArchiveRow]:
        """The rows of a file, in its order.

        Args:
            data: the whole file.
            where: it is, for messages.
            device: only the rows of this one; empty: all.

        Raises:
            OSError: there is no room for a temporary file.
            ArchiveError: it is no file of the archive.
        """
        only = (" WHERE device = $2", [device]) if device else ("", [])
        return list(read_rows(self._ask(_READ + only[0], data, where, only[1]), where))

    def count(self, data: bytes, where: str, since_ns: int, until_ns: int, device: str) -> int:
        """How many rows a file has of a range, and of a device or all; raises as `decode`."""
        only = (" AND device = $4", [device]) if device else ("", [])
        query, parameters = _COUNT + only[0], [since_ns, until_ns, *only[1]]
        [(number,)] = self._ask(query, data, where, parameters)
        return int(number)

    def _ask(
        self, query: str, data: bytes, where: str, parameters: Sequence[object]
    ) -> list[tuple[Any, ...]]:
        with _temporary() as file, self._connection.cursor() as cursor:
            file.write(data)
            file.flush()
            try:
                return cursor.execute(query, [file.name, *parameters]).fetchall()
            except duckdb.Error as error:
                raise ArchiveError(f"archive file {where}: {error}") from error

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()


def _temporary() -> "tempfile._TemporaryFileWrapper[bytes]":
    """A file that nobody else may read, and that is gone at the end."""
    return tempfile.NamedTemporaryFile(prefix="wayside-archive-", suffix=".parquet")


def _column(dtype: type, values: list[Any]) -> NDArray[Any]:
    if dtype is object:
        return np.array(values, dtype=object)
    absent = [value is None for value in values]
    filled: NDArray[Any] = np.array([0 if v is None else v for v in values], dtype=dtype)
    return np.ma.MaskedArray(filled, mask=absent) if any(absent) else filled
