"""Figures of a file, JSON or CSV: each of a slice, with what it was measured on.

A row has `metric`, `value`, `samples` and `data`, the name of one of the record's data sets, and
`class` and `condition` where it is not of all. JSON is a list of such rows.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.errors import RecordError
from models.record.reading import bounded_bytes
from models.record.record import DataSet, Metric

MAX_BYTES = 4 * 1024 * 1024

_COLUMNS = ("metric", "value", "class", "condition", "samples", "data")
_NEEDED = ("metric", "value", "samples", "data")


def read_metrics(path: Path, data_sets: Sequence[DataSet]) -> tuple[Metric, ...]:
    """The figures of a file, in a fixed order.

    Args:
        path: `.json` or `.csv`.
        data_sets: of the record, which its rows name.

    Raises:
        RecordError: it cannot be read, or a row is refused; the message names it.
    """
    try:
        text = bounded_bytes(path, MAX_BYTES, may_be_link=True).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: is not UTF-8 text") from error
    rows = _rows(path, text)
    digests = {one.name: one.sha256 for one in data_sets}
    metrics = [_metric(f"{path}: row {n}", row, digests) for n, row in enumerate(rows, 1)]
    if not metrics:
        raise RecordError(f"{path}: holds no figure")
    return tuple(sorted(metrics, key=_order))


def _rows(path: Path, text: str) -> list[Mapping[str, Any]]:
    if path.suffix == ".csv":
        try:
            return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise RecordError(f"{path}: is no CSV: {error}") from error
    if path.suffix != ".json":
        raise RecordError(f"{path}: metrics are read from .json or .csv")
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: is no JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RecordError(
            f"{path}: must be a list of rows such as "
            '{"metric": "map50", "value": 0.61, "samples": 400, "data": "gate-val"}'
        )
    return rows


def _metric(where: str, row: Mapping[str, Any], digests: Mapping[str, str]) -> Metric:
    # DictReader puts what goes beyond the columns under None, and a short row has None's.
    unknown = sorted(str(key) for key in row if key not in _COLUMNS)
    if unknown:
        raise RecordError(f"{where}: {unknown[0]} is unknown; there are {', '.join(_COLUMNS)}")
    given = {key: value for key, value in row.items() if value not in (None, "")}
    for key in _NEEDED:
        if key not in given:
            raise RecordError(f"{where}: {key} is missing")
    data = str(given["data"])
    if data not in digests:
        known = ", ".join(digests) or "none: name them with --data NAME=FOLDER"
        raise RecordError(f"{where}: data {data!r} is none of the record's data sets, {known}")
    try:
        # Texts of a CSV file are read as the numbers that they are.
        return Metric.model_validate(
            {
                "name": given["metric"], "value": given["value"], "samples": given["samples"],
                "class_name": given.get("class"), "condition": given.get("condition"),
                "data_set": digests[data],
            }, strict=False,
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        key = {"name": "metric", "class_name": "class"}.get(field, field)
        told = first["msg"].removeprefix("Value error, ")
        raise RecordError(f"{where}: {key}: {told}, not {first['input']!r:.60}") from error


def _order(metric: Metric) -> tuple[str, str, str, str]:
    return (metric.name, metric.class_name or "", metric.condition or "", metric.data_set)
