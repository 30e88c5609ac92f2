"""Whoever arrives with an ONNX file has it running by `inspect` and `predict`, without code."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from typer.testing import CliRunner, Result

from models.cli import app
from models.manifest import load_manifest
from models.media import read_picture, write_picture
from tests.support.family_onnx import NETWORKS, Network
from tests.support.real_assets import real_asset

EACH = pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.name)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    write_picture(path, np.full((64, 64, 3), 90, np.uint8))
    return path


@EACH
def test_a_network_of_each_family_is_recognised_and_runs(
    tmp_path: Path, picture: Path, network: Network
) -> None:
    file = tmp_path / f"{network.name}.onnx"
    onnx.save(network.model(), file)
    manifest, out = file.with_suffix(".yaml"), tmp_path / "seen.png"

    told = call("inspect", file, "--manifest", manifest)

    assert told.exit_code == 0, told.stderr
    assert f"{network.head['family']}, {network.classes} classes" in told.stdout
    written = load_manifest(manifest)
    assert len(written.classes) == network.classes
    head = written.head.model_dump(mode="json")
    assert {key: head[key] for key in network.head} == dict(network.head)

    seen = call("predict", picture, "--model", manifest, "--out", out)

    assert seen.exit_code == 0, seen.stderr
    assert network.seen in seen.stdout
    assert (read_picture(out) != read_picture(picture)).any()


@pytest.mark.parametrize(
    "network",
    [one for one in NETWORKS if one.name in ("yolox", "yolov8-seg", "ssd-tensorflow", "rt-detr",
                                             "labels", "probabilities")],
    ids=lambda one: one.name,
)  # fmt: skip
def test_another_engine_sees_the_same(tmp_path: Path, picture: Path, network: Network) -> None:
    pytest.importorskip("models.engines.openvino", exc_type=ModuleNotFoundError)
    file = tmp_path / f"{network.name}.onnx"
    onnx.save(network.model(), file)
    manifest = file.with_suffix(".yaml")
    call("inspect", file, "--manifest", manifest)
    drawn = []
    for engine in ("onnxruntime/CPU", "openvino/CPU"):
        drawn.append(tmp_path / f"{engine.replace('/', '-')}.png")
        seen = call("predict", picture, "--model", manifest, "--out", drawn[-1], "--engine", engine)
        assert seen.exit_code == 0, seen.stderr
        assert network.seen in seen.stdout

    assert (read_picture(drawn[0]) == read_picture(drawn[1])).all()


def test_an_engine_that_is_nowhere_is_told_with_those_there_are(
    tmp_path: Path, picture: Path
) -> None:
    file = tmp_path / "mine.onnx"
    onnx.save(NETWORKS[0].model(), file)
    manifest = file.with_suffix(".yaml")
    call("inspect", file, "--manifest", manifest)

    refused = call("predict", picture, "--model", manifest, "--out", tmp_path / "seen.png",
                   "--engine", "torch")  # fmt: skip

    assert refused.exit_code == 1
    assert "no engine is called 'torch'; there are auto, onnxruntime/CPU" in refused.stderr
    assert not (tmp_path / "seen.png").exists()


@pytest.mark.parametrize(
    ("name", "family", "gflops", "millions"),
    [
        ("yolox-nano", "yolox", 1.08, 0.91),
        ("fastestdet", "fastestdet", 0.25, 0.24),
        ("twinlitenet", "segmentation", 8.4, 0.44),
    ],
)
def test_real_networks_are_recognised_at_their_published_size(
    tmp_path: Path, picture: Path, name: str, family: str, gflops: float, millions: float
) -> None:
    file = tmp_path / f"{name}.onnx"
    file.symlink_to(real_asset(name))

    told = call("inspect", file, "--manifest", file.with_suffix(".yaml"))

    lines = dict(line.split(maxsplit=1) for line in told.stdout.splitlines())
    assert lines["head"].startswith(f"{family}, ")
    assert float(lines["operations"].split()[0]) == pytest.approx(gflops, rel=0.05)
    assert float(lines["parameters"].split()[0]) == pytest.approx(millions, rel=0.05)
    seen = call("predict", picture, "--model", file.with_suffix(".yaml"), "--out",
                tmp_path / "seen.png")  # fmt: skip
    assert seen.exit_code == 0, seen.stderr


def test_a_manifest_is_not_overwritten_and_lies_beside_its_network(tmp_path: Path) -> None:
    file = tmp_path / "mine.onnx"
    onnx.save(NETWORKS[0].model(), file)
    manifest = tmp_path / "mine.yaml"
    manifest.write_text("mine")

    refused = call("inspect", file, "--manifest", manifest)
    assert refused.exit_code == 1
    assert "is not overwritten" in refused.stderr
    assert manifest.read_text() == "mine"

    refused = call("inspect", file, "--manifest", tmp_path / "other.yaml")
    assert refused.exit_code == 1
    assert "called mine.yaml" in refused.stderr


def test_a_network_like_none_that_is_known_says_so(tmp_path: Path) -> None:
    file = tmp_path / "odd.onnx"
    onnx.save(Network("odd", {"a": np.zeros((7, 3), np.float32), "b": np.zeros(5, np.float32)},
                      {}, "").model(), file)  # fmt: skip

    told = call("inspect", file)
    assert told.exit_code == 0
    assert "like none that is known" in told.stdout

    refused = call("inspect", file, "--manifest", file.with_suffix(".yaml"))
    assert refused.exit_code == 1
    assert "write one by hand" in refused.stderr
    assert not file.with_suffix(".yaml").exists()


def test_a_belief_that_makes_no_manifest_is_no_crash(tmp_path: Path) -> None:
    """Four grids of anchors, as YOLOv5's P6 has: its anchors are known of three."""
    grids = {
        f"grid{s}": np.zeros((1, 3, 64 // s, 64 // s, 85), np.float32) for s in (8, 16, 32, 64)
    }
    file = tmp_path / "large.onnx"
    onnx.save(Network("p6", grids, {}, "").model(), file)

    told = call("inspect", file)
    assert told.exit_code == 0, told.stderr
    assert "yolov5, 80 classes" in told.stdout

    refused = call("inspect", file, "--manifest", file.with_suffix(".yaml"))
    assert refused.exit_code == 1
    assert "write one by hand" in refused.stderr


@pytest.mark.parametrize("names", ["{[]: 1}", "{0: ", "'person'", "{0: 'a', 'b': 'c'}"])
def test_names_that_are_none_are_left_alone(tmp_path: Path, names: str) -> None:
    network = next(one for one in NETWORKS if one.name == "yolov8")
    file = tmp_path / "named.onnx"
    onnx.save(replace(network, metadata={"names": names}).model(), file)
    assert "yolov8, 20 classes" in call("inspect", file).stdout


def test_names_are_in_the_networks_order_and_told_apart(tmp_path: Path) -> None:
    network = next(one for one in NETWORKS if one.name == "yolov8-named")
    file = tmp_path / "named.onnx"
    wide = {"output0": np.zeros((1, 7, 84), np.float32)}
    names = "{2: 'car', 0: 'car 1', 1: 'car'}"
    onnx.save(replace(network, outputs=wide, metadata={"names": names}).model(), file)
    call("inspect", file, "--manifest", file.with_suffix(".yaml"))
    assert load_manifest(file.with_suffix(".yaml")).classes == ("car-1", "car", "car-2")


def test_a_network_without_outputs_is_like_none(tmp_path: Path) -> None:
    model = NETWORKS[0].model()
    del model.graph.output[:]
    file = tmp_path / "none.onnx"
    onnx.save(model, file)
    told = call("inspect", file)
    assert told.exit_code == 0, told.stderr
    assert "like none that is known" in told.stdout


def test_a_wrong_manifest_is_told_before_the_first_frame(tmp_path: Path, picture: Path) -> None:
    file = tmp_path / "mine.onnx"
    onnx.save(NETWORKS[0].model(), file)
    manifest = file.with_suffix(".yaml")
    call("inspect", file, "--manifest", manifest)
    content = yaml.safe_load(manifest.read_text())

    content["classes"] = content["classes"][:-1]
    manifest.write_text(yaml.safe_dump(content))
    refused = call("predict", picture, "--model", manifest, "--out", tmp_path / "seen.png")

    assert refused.exit_code == 1
    assert "head 'yolox' with 79 classes reads 1x84x84, the network returns 1x84x85" in (
        refused.stderr
    )
    assert not (tmp_path / "seen.png").exists()
