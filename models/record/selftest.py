"""A network on any engine against its golden inputs: does it still do what was registered?

`self_test` needs a record's folder and a loaded engine, nothing else: a device calls it with the
engine that it has just compiled.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.detections import Image
from models.engines.port import Engine
from models.errors import MediaError, RecordError
from models.families import Task
from models.manifest import Manifest
from models.media import picture_of_png
from models.prediction.rows import Row, rows_of
from models.record.finds import agreement_of
from models.record.golden import lowered, sampled
from models.record.reading import bounded_bytes
from models.record.record import Golden, GoldenCase, Record
from models.selection import network_class

MAX_PICTURE_BYTES = 64 * 1024 * 1024
MAX_FINDS_BYTES = 8 * 1024 * 1024
MAX_FINDS = 10_000

_BOX = {"class", "confidence", "box"}
_KEYS: Mapping[Task, set[str]] = {
    "detection": _BOX, "instance-segmentation": _BOX, "segmentation": {"class", "share"},
    "classification": {"class", "confidence"},
}  # fmt: skip
_LARGEST = 1e9
"""Of any number in a row; NaN and infinity are beyond it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far an engine is from what was registered.

    Attributes:
        cases: pictures that were looked at.
        difference: the largest of an output over all pictures: root of the mean square of the
            differences, as a share of the values' own; None where no values are kept.
        agreement: of the finds, in [0, 1].
    """

    cases: int
    difference: float | None
    agreement: float

    def problems(self, golden: Golden) -> list[str]:
        """What is beyond the tolerance, each in a line."""
        found = []
        allowed = golden.tolerance
        # Written so that NaN is a problem too.
        if self.difference is not None and not self.difference <= allowed.output:
            found.append(
                f"golden: raw outputs are off by {self.difference:.2g} of their size, and "
                f"{allowed.output:g} is allowed"
            )
        if not self.agreement >= allowed.agreement:
            found.append(
                f"golden: finds agree to {self.agreement:.1%}, and {allowed.agreement:.1%} is "
                "demanded"
            )
        return found


def self_test(record: Record, folder: Path, engine: Engine) -> Outcome:
    """Run a record's golden inputs on an engine; the files' digests are `verify`'s to check.

    Args:
        record: that was read from the folder; it has golden inputs.
        folder: of the record.
        engine: the network, loaded by whichever adapter; it stays open.

    Raises:
        EngineError: the network failed.
        ManifestError: the engine is of another network.
        RecordError: a golden file is damaged, or there are none.
    """
    golden = record.golden
    if golden is None:
        raise RecordError(f"{folder}: the record has no golden inputs to test with")
    manifest = lowered(record.manifest, golden.margin)
    network = network_class(manifest)(manifest, engine)
    positions = _positions(golden, folder)
    expected_values, values, expected_rows, rows = [], [], [], []
    for case in golden.cases:
        picture = _picture(folder / case.picture, case)
        tensor, place = network.prepare(picture)
        outputs = network.infer(tensor)
        if case.values is not None:
            _check_shapes(golden, [one.shape for one in outputs])
            expected_values.append(_values(golden, folder / case.values))
            values.append(sampled(outputs, positions))
        expected_rows.append(_rows(folder / case.finds, manifest, case))
        rows.append(rows_of(network.decode(outputs, place), case.width, case.height))
    sizes = [(case.width, case.height) for case in golden.cases]
    sure = record.manifest.thresholds.confidence + golden.margin
    agreement = agreement_of(manifest.head.task, expected_rows, rows, sizes, sure)
    difference = _difference(golden, expected_values, values) if values else None
    return Outcome(len(golden.cases), difference, agreement)


def _difference(
    golden: Golden, expected: Sequence[NDArray[np.float32]], found: Sequence[NDArray[np.float32]]
) -> float:
    """Of the output that is furthest off."""
    ends = np.cumsum([one.samples for one in golden.outputs])[:-1]
    of_expected = np.split(np.stack(expected).astype(np.float64), ends, axis=1)
    of_found = np.split(np.stack(found).astype(np.float64), ends, axis=1)
    worst = 0.0
    for a, b in zip(of_expected, of_found, strict=True):
        off, size = float(np.linalg.norm(a - b)), float(np.linalg.norm(a))
        if not np.isfinite(off):
            return float("inf")
        if off > 0:
            worst = max(worst, off / size if size > 0 else float("inf"))
    return worst


def _picture(path: Path, case: GoldenCase) -> Image:
    try:
        content = bounded_bytes(path, MAX_PICTURE_BYTES)
        return picture_of_png(content, case.width, case.height)
    except MediaError as error:
        raise RecordError(f"{path}: {error}") from error


def _positions(golden: Golden, folder: Path) -> list[NDArray[np.uint32]]:
    if golden.positions is None:
        return []
    counts = [one.samples for one in golden.outputs]
    content = _exactly(folder / golden.positions, 4 * sum(counts))
    split = np.split(np.frombuffer(content, "<u4"), np.cumsum(counts)[:-1])
    for output, at in zip(golden.outputs, split, strict=True):
        if int(at.max()) >= int(np.prod(output.shape, dtype=object)):
            raise RecordError(f"{folder / golden.positions}: lies beyond output {output.name}")
    return split


def _values(golden: Golden, path: Path) -> NDArray[np.float32]:
    content = _exactly(path, 4 * sum(one.samples for one in golden.outputs))
    values = np.frombuffer(content, "<f4")
    if not np.isfinite(values).all():
        raise RecordError(f"{path}: holds NaN or infinity")
    return values


def _exactly(path: Path, size: int) -> bytes:
    content = bounded_bytes(path, size)
    if len(content) != size:
        raise RecordError(f"{path}: is of {len(content):,} bytes, expected {size:,}")
    return content


def _check_shapes(golden: Golden, shapes: Sequence[tuple[int, ...]]) -> None:
    expected = [one.shape for one in golden.outputs]
    if expected != shapes:
        raise RecordError(f"golden: raw outputs are of {expected}, the engine's of {shapes}")


def _rows(path: Path, manifest: Manifest, case: GoldenCase) -> list[Row]:
    """The finds of a file, each value checked: a stranger may have written it."""
    try:
        rows: list[Row] = json.loads(bounded_bytes(path, MAX_FINDS_BYTES))
        for row in rows:
            _check_row(row, manifest, case.width * case.height)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RecordError(f"{path}: holds no finds of {manifest.name}: {error!s:.200}") from error
    if len(rows) > MAX_FINDS:
        raise RecordError(f"{path}: holds {len(rows):,} finds, at most {MAX_FINDS:,} are compared")
    return rows


def _check_row(row: Row, manifest: Manifest, pixels: int) -> None:
    numbers = [row.get("confidence", 0.0), row.get("share", 0.0), *row.get("box", [])]
    is_right = (
        set(row) - {"mask"} == _KEYS[manifest.head.task]
        and type(row["class"]) is int
        and 0 <= row["class"] < len(manifest.classes)
        and len(row.get("box", [0.0] * 4)) == 4
        and all(type(one) in (int, float) and abs(one) < _LARGEST for one in numbers)
        and ("mask" in row or manifest.head.task != "segmentation")
    )
    if not is_right:
        raise ValueError(f"a row of {str(row)[:100]}")
    runs = row.get("mask", [pixels])
    if not all(type(one) is int and one >= 0 for one in runs) or sum(runs) != pixels:
        raise ValueError("a mask that is not of the picture")
