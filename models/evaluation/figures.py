"""A network's figures as rows of JSON or CSV, as its record takes them."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.errors import LabelError
from models.evaluation.metrics import Metrics
from models.whole import whole

_COLUMNS = ("metric", "value", "class", "samples", "data")


def require_figures(path: Path) -> None:
    """Return when figures can be written in a file of this suffix.

    Raises:
        LabelError: they cannot.
    """
    if path.suffix not in (".json", ".csv"):
        raise LabelError(f"{path}: figures are written as .json or .csv")


def write_figures(path: Path, metrics: Metrics, data: str) -> None:
    """Write figures down; the file appears when it is whole.

    Args:
        path: `.json` or `.csv`.
        metrics: what was measured.
        data: name of the data set it was measured on.

    Raises:
        LabelError: it cannot be written.
    """
    rows = list(_rows(metrics, data))
    text = _csv(rows) if path.suffix == ".csv" else _json(rows)
    try:
        with whole(path) as (part,):
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabelError(f"{path}: cannot be written: {error.strerror}") from error


def _rows(metrics: Metrics, data: str) -> Iterator[dict[str, Any]]:
    for name, value in metrics.figures.items():
        yield {"metric": name, "value": round(value, 6), "samples": metrics.pictures, "data": data}
    for class_name, of_class in metrics.by_class.items():
        for name, value in of_class.figures.items():
            yield {
                "metric": name, "value": round(value, 6), "class": class_name,
                "samples": max(1, of_class.labelled), "data": data,
            }  # fmt: skip


def _json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=1) + "\n"


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, _COLUMNS)
    lines.writeheader()
    lines.writerows(rows)
    return text.getvalue()
