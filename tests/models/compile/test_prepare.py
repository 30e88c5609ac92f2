"""A prepared network finds what the original finds, or is not written."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from models import zoo
from models.cli import app
from models.compile.parity import Parity, difference
from models.compile.prepare import prepare
from models.detections import Image
from models.engines.onnxruntime import OnnxRuntimeEngine
from models.errors import ChecksumError, GraphError
from models.manifest import Made, Manifest, load_manifest
from models.media import VideoReader
from models.prediction.sources import spread
from models.selection import AnyNetwork, network_class
from tests.support.real_assets import real_asset
from tests.support.tiny_detector import tiny_manifest

RNG = np.random.default_rng(5)
NOISE = RNG.integers(0, 256, (3, 40, 50, 3), np.uint8)
FRAMES: list[Image] = [np.asarray(cv2.GaussianBlur(one, (0, 0), 2), np.uint8) for one in NOISE]


def classifier(*, shape: list[int], weight: float = 0.01) -> ModelProto:
    """Mean colours by a matrix: 1x3x32x32 to 1x3, with a Reshape between."""
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", ["images", "shape"], ["flat"]),
            helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[2], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["scores"]),
        ],
        "means",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 32, 32))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, 3))],
        [
            numpy_helper.from_array(np.array(shape, np.int64), "shape"),
            numpy_helper.from_array(np.eye(3, dtype=np.float32) * weight, "weights"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return written(tmp_path, classifier(shape=[1, 3, 1024]))


def written(folder: Path, model: ModelProto) -> Manifest:
    """The manifest of a network that was written as `network.onnx`."""
    from models.checksum import sha256_of

    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    spec = {
        "width": 32, "height": 32, "resize": {"mode": "plain"}, "colour": "rgb", "scale": 1 / 255,
        "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.2],
    }  # fmt: skip
    head = {"family": "classification", "activation": "none"}
    return tiny_manifest(input=spec, head=head, sha256=sha256_of(path))


def test_what_is_written_finds_the_same_and_says_where_it_comes_from(
    tmp_path: Path, manifest: Manifest
) -> None:
    out = tmp_path / "baked.onnx"

    done = prepare(manifest, tmp_path / "network.onnx", out, FRAMES)

    assert done.parity.frames == 3
    assert done.parity.largest < 1e-5
    baked = load_manifest(tmp_path / "baked.yaml")
    assert baked == done.manifest
    assert baked.parent == manifest.sha256
    assert baked.version == "1-baked"
    assert baked.made == Made(by="prepare", frames=3, difference=done.parity.largest)
    assert (baked.input.dtype, baked.input.layout) == ("uint8", "nhwc")
    original = network_class(manifest).load(manifest, tmp_path / "network.onnx")
    prepared = network_class(baked).load(*zoo.resolve(str(tmp_path / "baked.yaml")))
    for frame in FRAMES:
        np.testing.assert_allclose(
            _raw(prepared, frame)[0], _raw(original, frame)[0], rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("shape", [[1, 3, 1024], [1, 3, -1], [-1, 3, 1024], [0, 3, -1]])
def test_a_batch_that_stands_in_a_shape_is_freed(tmp_path: Path, shape: list[int]) -> None:
    manifest = written(tmp_path, classifier(shape=shape))
    out = tmp_path / "baked.onnx"

    done = prepare(manifest, tmp_path / "network.onnx", out, FRAMES, free_batch=True)

    assert done.batch_kept == ""
    engine = OnnxRuntimeEngine(out)
    assert engine.inputs[0].shape == (None, 32, 32, 3)
    assert engine.run(np.zeros((5, 32, 32, 3), np.uint8))[0].shape == (5, 3)


def test_a_batch_that_cannot_be_freed_stays_and_is_explained(tmp_path: Path) -> None:
    model = classifier(shape=[1, 3, 1024])
    model.graph.node[2].input[0] = "row"
    row = numpy_helper.from_array(np.array([[0]], np.int64), "first")
    model.graph.initializer.append(row)
    # Of however many pictures, the first one's answer.
    model.graph.node.insert(2, helper.make_node("Gather", ["mean", "index"], ["row"], axis=0))
    model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "index"))
    model.graph.initializer.remove(row)
    manifest = written(tmp_path, model)
    out = tmp_path / "baked.onnx"

    done = prepare(manifest, tmp_path / "network.onnx", out, FRAMES, free_batch=True)

    assert done.batch_kept
    assert OnnxRuntimeEngine(out).inputs[0].shape == (1, 32, 32, 3)


def test_one_that_differs_is_not_written(tmp_path: Path, manifest: Manifest) -> None:
    """A fold that is wrong; no other part of the way is in doubt here."""

    def wrong(model: ModelProto) -> ModelProto:
        for weight in model.graph.initializer:
            if weight.name == "weights":
                weight.CopyFrom(numpy_helper.from_array(np.eye(3, dtype=np.float32), "weights"))
        return model

    with pytest.raises(GraphError, match="differs from the original on 3 frames by 99"):
        prepare(manifest, tmp_path / "network.onnx", tmp_path / "baked.onnx", FRAMES, fold=wrong)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.onnx"]


def test_nothing_is_overwritten_and_another_file_is_refused(
    tmp_path: Path, manifest: Manifest
) -> None:
    out = tmp_path / "baked.onnx"
    out.with_suffix(".yaml").write_text("mine")
    with pytest.raises(GraphError, match="baked.yaml: is there already"):
        prepare(manifest, tmp_path / "network.onnx", out, FRAMES)
    assert not out.exists()
    with pytest.raises(ChecksumError):
        prepare(tiny_manifest(), tmp_path / "network.onnx", tmp_path / "new.onnx", FRAMES)


@pytest.mark.parametrize("name", ["yolox-nano", "fastestdet", "twinlitenet"])
def test_real_networks_are_prepared_by_the_command(tmp_path: Path, name: str) -> None:
    real_asset(name)
    video = real_asset("cctv-people")
    out = tmp_path / "baked.onnx"

    done: Result = CliRunner().invoke(app, [
        "prepare", "--model", name, "--frames", str(video), "--out", str(out), "--count", "3",
        "--free-batch",
    ])  # fmt: skip

    assert done.exit_code == 0, done.stderr
    assert "on 3 frames it differs from the original by" in done.stdout
    assert "the batch is free" in done.stdout
    baked = network_class(load_manifest(out.with_suffix(".yaml"))).load(
        *zoo.resolve(str(out.with_suffix(".yaml")))
    )
    original = network_class(baked.manifest).load(*zoo.resolve(name))
    with VideoReader(video) as reader:
        [frame] = spread(reader, 1, 60)
    for found, expected in zip(_raw(baked, frame), _raw(original, frame), strict=True):
        assert difference(expected, found) < 1e-3


def _raw(network: AnyNetwork, frame: Image) -> list[NDArray[np.float32]]:
    return [np.asarray(one, np.float32) for one in network.infer(network.prepare(frame)[0])]


def test_differences_are_shares_of_what_stands_there() -> None:
    a = np.array([[10.0, 0.5, 0.0]])
    assert difference(a, a.copy()) == 0.0
    assert difference(a, np.array([[11.0, 0.5, 0.0]])) == pytest.approx(0.1)
    assert difference(a, np.array([[10.0, 0.55, 0.0]])) == pytest.approx(0.1)
    # Below a hundredth of the largest value, as a share of that.
    assert difference(a, np.array([[10.0, 0.5, 0.001]])) == pytest.approx(0.01)
    assert difference(a, np.array([[np.nan, 0.5, 0.0]])) == float("inf")
    assert difference(a, np.zeros((2, 2))) == float("inf")
    assert difference(np.array([np.nan, np.inf]), np.array([np.nan, np.inf])) == 0.0
    assert not Parity(0, 0.0, 0).holds(1.0), "nothing was compared"


def test_a_score_that_is_lost_beside_pixels_is_no_parity() -> None:
    """Boxes and scores in one output, as YOLOv8 has them."""
    a = np.zeros((1, 84, 10), np.float32)
    a[0, :4], a[0, 4, 3] = 600, 0.9
    b = a.copy()
    b[0, 4, 3] = 0.35
    assert difference(a, b) > 0.05


def test_frames_are_taken_from_all_of_a_video() -> None:
    frames = [np.full((1, 1, 3), number, np.uint8) for number in range(100)]
    assert [int(one[0, 0, 0]) for one in spread(frames, 3, 100)] == [0, 50, 99]
    assert [int(one[0, 0, 0]) for one in spread(frames, 3, None)] == [0, 1, 2]
