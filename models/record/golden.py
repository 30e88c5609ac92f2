"""Golden inputs: pictures, and what a network makes of them where it was registered.

A device that has compiled a network runs them and compares (`selftest.py`). What is kept must hold
across engines and precisions, so it is of two kinds:

finds    what the network finds, as rows of plain values, down to a margin below the threshold.
         They are what the model is for.
values   raw outputs at positions drawn once, the same for every picture. They show what finds
         hide: a wrong channel order that still finds most. Networks whose rows are ordered by
         score have none: where two scores are nearly equal, rows change places.

A picture is kept as PNG, so that the resize is tested too and every engine sees the same bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detections import Image
from models.engines.port import Engine, Tensor
from models.errors import RecordError
from models.manifest import Manifest
from models.media import png_of, shrunk
from models.prediction.rows import Row, rows_of
from models.record.digest import canonical
from models.record.record import MAX_SIDE, Golden, GoldenCase, GoldenOutput, Tolerance
from models.selection import network_class

CANDIDATES = 16
"""Pictures that are looked at to choose from."""

CASES = 4
SAMPLES = 2048
"""Values of an output that are kept of each picture."""

SEED = 51
MARGIN = 0.1

DEFAULT_TOLERANCE = Tolerance(output=0.05, agreement=0.9)
"""Measured on three networks (ADR 0051): FP16 is off by 0.001 to 0.02, a wrong order of channels
by 0.056 to 0.8; on YOLOX-nano it leaves every find as it was, so finds alone would not show it."""

BY_SCORE = frozenset({"yolov10", "ssd", "detr"})
"""Families whose rows are ordered by score."""


@dataclass(frozen=True, slots=True)
class Made:
    """Golden inputs, and the files that go with them by path."""

    golden: Golden
    files: Mapping[str, bytes]


def margin_of(threshold: float) -> float:
    """How far from a threshold finds count as near it, so that both ends stay in (0, 1)."""
    return round(min(MARGIN, threshold / 2, (1 - threshold) / 2), 6)


def make_golden(
    manifest: Manifest,
    engine: Engine,
    pictures: Sequence[Image],
    tolerance: Tolerance = DEFAULT_TOLERANCE,
) -> Made:
    """Golden inputs of those pictures that show most, and of the one that shows least.

    Args:
        manifest: of the network.
        engine: the network, loaded; it stays open.
        pictures: candidates, (H, W, 3) uint8 BGR.
        tolerance: that is written down.

    Raises:
        EngineError: the network failed.
        RecordError: it finds nothing in any of them, or returns NaN.
    """
    margin = margin_of(manifest.thresholds.confidence)
    network = network_class(lowered(manifest, margin))(lowered(manifest, margin), engine)
    runs = []
    for given in pictures:
        picture = shrunk(given, MAX_SIDE)
        tensor, place = network.prepare(picture)
        outputs = network.infer(tensor)
        found = network.decode(outputs, place)
        runs.append(_Run(picture, outputs, rows_of(found, picture.shape[1], picture.shape[0])))
    sure = manifest.thresholds.confidence + margin
    if not any(row.get("confidence", 1.0) >= sure for run in runs for row in run.rows):
        raise RecordError(
            f"{manifest.name}: finds nothing for sure (confidence {sure:.2f}) in {len(runs)} "
            "pictures; name golden pictures that show what it knows"
        )
    return _written(manifest, engine, _chosen(runs, sure), margin, tolerance)


def lowered(manifest: Manifest, margin: float) -> Manifest:
    """The manifest with a threshold below which nothing matters to golden finds."""
    return manifest.with_confidence(manifest.thresholds.confidence - margin)


def sampled(outputs: Sequence[Tensor], positions: Sequence[NDArray[np.uint32]]) -> NDArray[Any]:
    """(N,) little-endian float32: the values of all outputs at their positions, in a row."""
    values = [one.ravel()[at] for one, at in zip(outputs, positions, strict=True)]
    return np.concatenate([np.asarray(one, "<f4") for one in values])


@dataclass(frozen=True, slots=True)
class _Run:
    picture: Image
    outputs: Sequence[Tensor]
    rows: list[Row]


def _chosen(runs: Sequence[_Run], sure: float) -> list[_Run]:
    """The richest, and the poorest: what an engine invents shows where there is least."""

    def richness(run: _Run) -> int:
        return sum(row.get("confidence", 1.0) >= sure for row in run.rows)

    ordered = sorted(runs, key=richness, reverse=True)
    return ordered if len(ordered) <= CASES else [*ordered[: CASES - 1], ordered[-1]]


def _written(
    manifest: Manifest, engine: Engine, runs: Sequence[_Run], margin: float, tolerance: Tolerance
) -> Made:
    files: dict[str, bytes] = {}
    by_place = manifest.head.family not in BY_SCORE
    first = runs[0].outputs
    positions = _positions(first) if by_place else []
    if by_place:
        files["golden/positions.u32"] = np.concatenate(positions).astype("<u4").tobytes()
    cases = []
    for number, run in enumerate(runs):
        height, width = run.picture.shape[:2]
        stem = f"golden/{number}"
        files[f"{stem}.png"] = png_of(run.picture)
        files[f"{stem}.json"] = canonical(json.loads(json.dumps(run.rows)))
        if by_place:
            files[f"{stem}.f32"] = _values(manifest, run, first, positions)
        cases.append(GoldenCase(
            picture=f"{stem}.png", width=width, height=height, finds=f"{stem}.json",
            values=f"{stem}.f32" if by_place else None,
        ))  # fmt: skip
    named = zip(engine.outputs, first, positions, strict=False)  # none, where rows change places
    outputs = tuple(
        GoldenOutput(name=spec.name, shape=tuple(tensor.shape), samples=len(at))
        for spec, tensor, at in named
    )
    golden = Golden(
        seed=SEED, margin=margin, tolerance=tolerance, outputs=outputs, cases=tuple(cases),
        positions="golden/positions.u32" if by_place else None,
    )  # fmt: skip
    return Made(golden, files)


def _positions(outputs: Sequence[Tensor]) -> list[NDArray[np.uint32]]:
    random = np.random.default_rng(SEED)
    return [
        np.sort(random.choice(one.size, min(one.size, SAMPLES), replace=False)).astype(np.uint32)
        for one in outputs
    ]


def _values(
    manifest: Manifest,
    run: _Run,
    first: Sequence[Tensor],
    positions: Sequence[NDArray[np.uint32]],
) -> bytes:
    if [one.shape for one in run.outputs] != [one.shape for one in first]:
        raise RecordError(f"{manifest.name}: its raw outputs change their shapes by picture")
    values = sampled(run.outputs, positions)
    if not np.isfinite(values).all():
        raise RecordError(
            f"{manifest.name}: returns NaN or infinity for a golden picture; export it anew"
        )
    return values.tobytes()
