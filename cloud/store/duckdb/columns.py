"""EventRecords as the columns of one insert."""

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from cloud.store.port import EventRecord

Columns = dict[str, NDArray[Any]]
"""By name, all of one length."""

_Value = Callable[[EventRecord], Any]

_COLUMNS: tuple[tuple[str, type | str, _Value], ...] = (
    ("device", object, lambda e: e.id.device),
    ("boot", np.uint64, lambda e: e.id.boot),
    ("lane", np.uint8, lambda e: int(e.id.lane)),
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
    ("payload", object, lambda e: e.payload),
)
_NULLABLE = frozenset(
    ("track_id", "confidence", "box_top", "box_left", "box_width", "box_height", "dwell_s", "value")
)

_NAMES = ", ".join([*(name for name, _, _ in _COLUMNS), "ingest_seq"])
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
    arrays = {
        name: _array(name, dtype, [value(e) for e in events]) for name, dtype, value in _COLUMNS
    }
    end = first_ingest_seq + len(events)
    arrays["ingest_seq"] = np.arange(first_ingest_seq, end, dtype=np.int64)
    return arrays


def _array(name: str, dtype: type | str, values: list[Any]) -> NDArray[Any]:
    if name not in _NULLABLE:
        return np.array(values, dtype=dtype)
    absent = [value is None for value in values]
    filled = np.array([0 if value is None else value for value in values], dtype=dtype)
    return np.ma.MaskedArray(filled, mask=absent)
