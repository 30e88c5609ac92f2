"""EventRecords as the columns of one insert."""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cloud.store.port import EventRecord
from protos.ids import EventId

Columns = dict[str, NDArray[Any]]
"""By name, all of one length."""

_COLUMNS: tuple[tuple[str, type | str], ...] = (
    ("device", object),
    ("boot", np.uint64),
    ("lane", np.uint8),
    ("seq", np.int64),
    ("captured_ns", np.int64),
    ("kind", object),
    ("camera", object),
    ("frame", np.uint64),
    ("model", object),
    ("model_version", object),
    ("class_name", object),
    ("track_id", np.uint64),
    ("confidence", np.float32),
    ("box_top", np.float32),
    ("box_left", np.float32),
    ("box_width", np.float32),
    ("box_height", np.float32),
    ("rule", object),
    ("target", object),
    ("direction", object),
    ("dwell_s", np.float64),
    ("value", np.float64),
    ("payload", object),
)
_NULLABLE = frozenset(
    ("track_id", "confidence", "box_top", "box_left", "box_width", "box_height", "dwell_s", "value")
)
_NO_BOX = (None, None, None, None)

_NAMES = ", ".join([*(name for name, _ in _COLUMNS), "ingest_seq"])
# DuckDB reads the arrays of the variable `lot` where they are, at a third of what parameters of
# `unnest` cost, each value of which it wraps by itself.
_INSERT_ALL = f"INSERT INTO stored_events ({_NAMES}) SELECT {_NAMES} FROM lot"  # noqa: S608
_INSERT_MISSING = f"{_INSERT_ALL} ON CONFLICT DO NOTHING"


def insert_all(rows: duckdb.DuckDBPyConnection, lot: Columns) -> None:
    """Insert events of which none is there yet: half the work of `insert_missing`.

    Raises:
        duckdb.ConstraintException: one is there, or stands twice in the lot; the caller's
            transaction has failed.
    """
    rows.execute(_INSERT_ALL)


def insert_missing(rows: duckdb.DuckDBPyConnection, lot: Columns) -> None:
    """Insert events but those that are there, and the second of two equal ids."""
    rows.execute(_INSERT_MISSING)


def columns(events: Sequence[EventRecord], first_ingest_seq: int) -> Columns:
    """What is inserted, one array of n values a column.

    Args:
        events: n records.
        first_ingest_seq: of the first one; the others follow.
    """
    if not events:
        return {name: np.array([], dtype) for name, dtype in (*_COLUMNS, ("ingest_seq", np.int64))}
    values = _turned(EventRecord._fields, events)
    values |= _turned(EventId._fields, values["id"])
    boxes = [box or _NO_BOX for box in values["box"]]
    values |= _turned(("box_top", "box_left", "box_width", "box_height"), boxes)
    arrays = {name: _array(name, dtype, values[name]) for name, dtype in _COLUMNS}
    end = first_ingest_seq + len(events)
    arrays["ingest_seq"] = np.arange(first_ingest_seq, end, dtype=np.int64)
    return arrays


def _turned(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """The rows as columns, by name."""
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def _array(name: str, dtype: type | str, values: Sequence[Any]) -> NDArray[Any]:
    if name not in _NULLABLE:
        return np.array(values, dtype=dtype)
    absent = [value is None for value in values]
    filled = np.array([0 if value is None else value for value in values], dtype=dtype)
    return np.ma.MaskedArray(filled, mask=absent)
