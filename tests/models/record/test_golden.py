"""Golden inputs of networks of every family."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from models.cli import app
from models.engines.onnxruntime import OnnxRuntimeEngine
from models.errors import RecordError
from models.manifest import load_manifest
from models.record.golden import make_golden, margin_of
from models.record.record import MAX_SIDE
from tests.support.family_onnx import NETWORKS, Network
from tests.support.records import bright_onnx, pictures
from tests.support.tiny_detector import tiny_answer, tiny_manifest
from tests.support.tiny_onnx import constant_network


@pytest.fixture
def bright(tmp_path: Path) -> OnnxRuntimeEngine:
    path = tmp_path / "bright.onnx"
    path.write_bytes(bright_onnx())
    return OnnxRuntimeEngine(path)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.name)
def test_every_family_has_finds_and_values_where_rows_keep_their_places(
    tmp_path: Path, network: Network
) -> None:
    file = tmp_path / f"{network.name}.onnx"
    onnx.save(network.model(), file)
    drafted = file.with_suffix(".yaml")
    CliRunner().invoke(app, ["inspect", str(file), "--manifest", str(drafted)])
    manifest, engine = load_manifest(drafted), OnnxRuntimeEngine(file)

    made = make_golden(manifest, engine, pictures(2))

    engine.close()
    assert len(made.golden.cases) == 2
    assert {path for _, path in made.golden.paths()} == set(made.files)
    by_score = manifest.head.family in ("yolov10", "ssd", "detr")
    assert len(made.golden.outputs) == (0 if by_score else len(network.outputs))
    for case in made.golden.cases:
        assert json.loads(made.files[case.finds]), "something was found"
        if case.values is not None:
            samples = sum(one.samples for one in made.golden.outputs)
            assert len(made.files[case.values]) == 4 * samples


def test_values_stand_at_positions_that_are_drawn_once(
    tmp_path: Path, bright: OnnxRuntimeEngine
) -> None:
    manifest = tiny_manifest()

    made, again = (make_golden(manifest, bright, pictures()) for _ in range(2))

    assert made == again
    (output,) = made.golden.outputs
    assert (output.name, output.shape, output.samples) == ("output", (1, 4, 8), 32)
    positions = np.frombuffer(made.files["golden/positions.u32"], "<u4")
    np.testing.assert_array_equal(positions, np.arange(32))
    first = np.frombuffer(made.files["golden/0.f32"], "<f4")
    assert (first != np.frombuffer(made.files["golden/2.f32"], "<f4")).all()


def test_the_richest_and_the_poorest_are_kept(tmp_path: Path) -> None:
    # Brightness lifts the second class over the threshold: the lighter, the more is seen.
    path = tmp_path / "bright.onnx"
    path.write_bytes(bright_onnx(score=0.55, weight=2e-3))
    engine = OnnxRuntimeEngine(path)
    greys = [np.full((32, 32, 3), value, np.uint8) for value in (250, 0, 90, 80, 70, 60)]

    made = make_golden(tiny_manifest(), engine, greys)

    engine.close()
    counts = [
        sum(row["confidence"] >= 0.6 for row in json.loads(made.files[case.finds]))
        for case in made.golden.cases
    ]
    assert len(counts) == 4
    assert counts[0] == max(counts) > 0
    assert counts[-1] == 0


def test_large_pictures_are_kept_smaller(bright: OnnxRuntimeEngine) -> None:
    large = np.full((2000, 2560, 3), 90, np.uint8)

    (case,) = make_golden(tiny_manifest(), bright, [large]).golden.cases

    assert (case.width, case.height) == (MAX_SIDE, 1000)


def test_pictures_that_show_nothing_are_refused(tmp_path: Path, bright: OnnxRuntimeEngine) -> None:
    with pytest.raises(RecordError, match=r"finds nothing for sure \(confidence 0\.98\) in 3 pict"):
        make_golden(tiny_manifest(thresholds={"confidence": 0.96}), bright, pictures())


def test_a_network_of_nan_is_refused(tmp_path: Path) -> None:
    answer = tiny_answer()
    answer[0, 3, 0] = np.nan
    path = tmp_path / "nan.onnx"
    path.write_bytes(constant_network((1, 3, 32, 32), answer))
    engine = OnnxRuntimeEngine(path)

    with pytest.raises(RecordError, match="returns NaN or infinity"):
        make_golden(tiny_manifest(), engine, pictures())
    engine.close()


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.3, 0.5, 0.95, 1.0])
def test_a_margin_keeps_both_ends_in_the_range(threshold: float) -> None:
    margin = margin_of(threshold)

    assert threshold - margin >= 0
    assert threshold + margin <= 1
    assert margin <= 0.1
