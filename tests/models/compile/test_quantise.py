"""INT8 that still sees is written; INT8 that does not is refused, and says why."""

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner, Result

from models import zoo
from models.checksum import sha256_of
from models.cli import app
from models.compile.half import halve
from models.compile.judge import Judge, Verdict
from models.compile.quantise import Gate, quantise, require_method
from models.errors import ChecksumError, GraphError, MediaError
from models.evaluation.truth import Truth
from models.graph.read import read_graph
from models.manifest import Made, Manifest, load_manifest, text_of
from models.media import VideoReader
from models.prediction.sources import spread
from models.selection import network_class
from tests.support.real_assets import real_asset
from tests.support.tiny_detector import tiny_manifest

RNG = np.random.default_rng(3)
COLOURS = {0: (40, 40, 220), 1: (40, 220, 40), 2: (220, 40, 40)}
"""Of classes, BGR."""


def scenes(count: int) -> list[NDArray[Any]]:
    """Pictures of one colour in the middle of a soft ground; classes by turns."""
    found = []
    for number in range(count):
        ground = cv2.GaussianBlur(RNG.integers(0, 256, (48, 48, 3), np.uint8), (0, 0), 4)
        cv2.circle(ground, (24, 24), 20, COLOURS[number % 3], -1)
        found.append(ground)
    return found


def network(*, fragile: bool) -> ModelProto:
    """Mean of each channel over the picture by convolutions, the largest is the class.

    Args:
        fragile: between two layers one channel is a thousand times as large as the rest, and
            goes away again: exact in floating point, and the end of it in 8 bits.
    """
    gain = np.array([1, 1, 1, 1000 if fragile else 1], np.float32)
    first: NDArray[np.float32] = np.zeros((4, 3, 3, 3), np.float32)
    for channel in range(3):
        first[channel, channel] = 1 / 9
        first[3, channel] = 1 / 27
    second: NDArray[np.float32] = np.zeros((3, 4, 1, 1), np.float32)
    for channel in range(3):
        second[channel, channel] = 1
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["images", "first"], ["a"], "first", pads=[1, 1, 1, 1]),
            helper.make_node("Conv", ["a", "second"], ["b"], "second"),
            helper.make_node("GlobalAveragePool", ["b"], ["c"]),
            helper.make_node("Flatten", ["c"], ["scores"]),
        ],
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 32, 32))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, 3))],
        [
            numpy_helper.from_array(first * gain[:, None, None, None], "first"),
            numpy_helper.from_array(second, "second"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def written(folder: Path, model: ModelProto) -> tuple[Manifest, Path]:
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    manifest = tiny_manifest(
        head={"family": "classification", "activation": "none"}, sha256=sha256_of(path),
        input={"width": 32, "height": 32, "resize": {"mode": "plain"}, "colour": "rgb",
               "scale": 1 / 255},
    )  # fmt: skip
    return manifest, path


@pytest.mark.parametrize("method", ["minmax", "entropy", "percentile"])
def test_a_network_that_still_sees_is_written(tmp_path: Path, method: str) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    out = tmp_path / "int8.onnx"

    done = quantise(manifest, path, out, scenes(6), scenes(9), require_method(method))

    assert done.verdict == Verdict("agreement", 9, 1.0, 1.0)
    assert done.left_out == {}
    operators = [node.op_type for node in read_graph(out).graph.node]
    assert operators.count("QuantizeLinear") >= 2
    made = load_manifest(out.with_suffix(".yaml"))
    assert (made, made.parent, made.version) == (done.manifest, manifest.sha256, "1-int8")
    assert made.made == Made(
        by="quantise", frames=9, figure="agreement", original=1.0, reached=1.0, method=method,
        left_out=(),
    )  # fmt: skip
    classifier = network_class(made).load(*zoo.resolve(str(out.with_suffix(".yaml"))))
    seen = [int(classifier.find(scene).class_id[0]) for scene in scenes(3)]  # type: ignore[union-attr]
    assert seen == [0, 1, 2]


def test_layers_that_cannot_bear_it_are_left_out_by_themselves(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=True))
    out = tmp_path / "int8.onnx"

    done = quantise(manifest, path, out, scenes(6), scenes(9), gate=Gate(share=0.5))

    assert done.verdict == Verdict("agreement", 9, 1.0, 1.0)
    assert set(done.left_out) == {"second"}
    assert "QuantizeLinear" in [node.op_type for node in read_graph(out).graph.node]


def test_one_that_would_have_no_layer_in_int8_is_refused(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=True))
    with pytest.raises(GraphError, match="with 0 of 2 layers left in floating point"):
        quantise(manifest, path, tmp_path / "int8.onnx", scenes(6), scenes(9), gate=Gate(share=1))


def test_a_network_that_is_less_sure_than_its_threshold_has_lost_it(tmp_path: Path) -> None:
    """What comes out is used with the same threshold as what went in."""
    manifest, path = written(tmp_path, network(fragile=False))
    model = network(fragile=False)
    for weight in model.graph.initializer:
        if weight.name == "second":
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(0.7),
                                                    "second"))  # fmt: skip
    candidate = tmp_path / "candidate.onnx"
    candidate.write_bytes(model.SerializeToString())
    judge = Judge(manifest, path, scenes(6))
    assert judge.verdict(path).reached == 1.0
    assert judge.verdict(candidate).reached == 0.0


def test_one_frame_is_not_enough(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    with pytest.raises(MediaError, match="at least two frames"):
        quantise(manifest, path, tmp_path / "int8.onnx", scenes(1), [])


def test_no_number_of_points_opens_the_gate_but_a_number(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    with pytest.raises(GraphError, match="is demanded"):
        halve(manifest, path, tmp_path / "half.onnx", scenes(3), float("nan"))


def test_one_that_no_longer_sees_is_refused_with_what_hurts(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=True))
    out = tmp_path / "int8.onnx"

    with pytest.raises(GraphError, match="95.0% is demanded.*What hurts most: ") as caught:
        quantise(manifest, path, out, scenes(6), scenes(9), gate=Gate(rounds=0))

    assert "dB" in str(caught.value)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["network.onnx"]


def test_a_calibration_set_of_noise_is_refused(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    noise = [RNG.integers(0, 256, (48, 48, 3), np.uint8) for _ in range(4)]
    for calibration, check in ((noise, scenes(3)), (scenes(3), noise)):
        with pytest.raises(MediaError, match="4 of 4 frames are noise"):
            quantise(manifest, path, tmp_path / "int8.onnx", calibration, check)


def test_frames_that_show_nothing_the_network_knows_are_refused(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    with pytest.raises(GraphError, match="finds nothing on 3 frames"):
        quantise(manifest.with_confidence(1.0), path, tmp_path / "int8.onnx", scenes(3), scenes(3))


def test_half_as_many_bytes_find_the_same(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=True))
    out = tmp_path / "half.onnx"

    done = halve(manifest, path, out, scenes(9))

    assert done.verdict == Verdict("agreement", 9, 1.0, 1.0)
    assert (done.manifest.version, done.manifest.parent) == ("1-fp16", manifest.sha256)
    assert done.manifest.made == Made(
        by="halve", frames=9, figure="agreement", original=1.0, reached=1.0
    )  # fmt: skip
    weights = [one for one in read_graph(out).graph.initializer if one.name.startswith("first")]
    assert [one.data_type for one in weights] == [TensorProto.FLOAT16]
    with pytest.raises(GraphError, match="is of FP16 already"):
        halve(done.manifest, out, tmp_path / "again.onnx", scenes(9))


def test_what_is_beyond_fp16_is_refused(tmp_path: Path) -> None:
    """A channel that is ten millions in one layer and its share again in the next."""
    model = network(fragile=False)
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight).copy()
        gain = {"first": 1e7, "second": 1e-7}[weight.name]
        values[0] *= gain
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    manifest, path = written(tmp_path, model)
    with pytest.raises(GraphError, match="in FP16 it finds 66.7% of what it found"):
        halve(manifest, path, tmp_path / "half.onnx", scenes(9))
    assert not (tmp_path / "half.onnx").exists()


def labelled(folder: Path, classes: list[int]) -> Path:
    """The pictures of `scenes` in a folder, with labels that say so much of each."""
    (folder / "labelled").mkdir()
    for number, scene in enumerate(scenes(len(classes))):
        cv2.imwrite(str(folder / "labelled" / f"{number}.png"), scene)
    path = folder / "truth.json"
    path.write_text(json.dumps({
        "images": [{"id": number, "file_name": f"{number}.png", "width": 48, "height": 48}
                   for number in range(len(classes))],
        "annotations": [{"image_id": number, "category_id": one}
                        for number, one in enumerate(classes)],
        "categories": [{"id": number, "name": name}
                       for number, name in enumerate(["Person", "Car", "Dog"])],
    }))  # fmt: skip
    return path


def test_where_pictures_are_labelled_they_are_the_gate(tmp_path: Path) -> None:
    """Of six labels one is wrong: the original reaches 5 of 6, and no more can be demanded."""
    manifest, path = written(tmp_path, network(fragile=True))
    truth = Truth(manifest, labelled(tmp_path, [0, 1, 2, 0, 1, 1]), tmp_path / "labelled")

    done = halve(manifest, path, tmp_path / "half.onnx", truth)
    assert done.verdict == Verdict("accuracy", 6, 5 / 6, 5 / 6)

    with pytest.raises(
        GraphError, match="its accuracy on 6 labelled pictures is .*, the original's 83.3%, and "
        "78.3% is demanded, with 0 of 2 layers"
    ):  # fmt: skip
        quantise(manifest, path, tmp_path / "int8.onnx", scenes(6), truth, gate=Gate(rounds=0))


@pytest.mark.parametrize(
    ("original", "reached", "points", "accepted"),
    [
        (1.0, 0.95, 5.0, True),
        (1.0, 0.94, 5.0, False),
        (0.42, 0.37, 5.0, True),
        (0.045, 0.0, 5.0, False),
        (0.08, 0.035, 5.0, False),
        (0.08, 0.06, 5.0, True),
        (0.08, 0.0, 100.0, True),
        (0.5, 0.0, 99.0, False),
    ],
)
def test_a_few_points_are_not_all_that_there_was(
    original: float, reached: float, points: float, accepted: bool
) -> None:
    assert Verdict("map-50-95", 32, original, reached).accepts(points) == accepted


def test_labels_of_which_the_network_finds_nothing_are_no_gate(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    truth = Truth(manifest, labelled(tmp_path, [1, 2, 0]), tmp_path / "labelled")
    with pytest.raises(GraphError, match="finds nothing of what is labelled on 3 frames"):
        halve(manifest, path, tmp_path / "half.onnx", truth)


def test_the_command_calibrates_on_some_and_checks_on_labelled_ones(tmp_path: Path) -> None:
    manifest, path = written(tmp_path, network(fragile=False))
    path.with_suffix(".yaml").write_text(text_of(manifest))
    truth = labelled(tmp_path, [0, 1, 2])
    (tmp_path / "ground").mkdir()
    for number, scene in enumerate(scenes(4)):
        cv2.imwrite(str(tmp_path / "ground" / f"{number}.png"), scene)
    asked = ["quantise", "--model", str(path.with_suffix(".yaml")), "--out",
             str(tmp_path / "int8.onnx"), "--truth", str(truth), "--check"]  # fmt: skip

    same: Result = CliRunner().invoke(
        app, [*asked, str(tmp_path / "labelled"), "--frames", str(tmp_path / "labelled")]
    )
    assert same.exit_code == 2
    assert "other frames" in same.stderr

    done: Result = CliRunner().invoke(
        app, [*asked, str(tmp_path / "labelled"), "--frames", str(tmp_path / "ground")]
    )
    assert done.exit_code == 0, done.stderr
    assert "accuracy 100.0% of 100.0%" in done.stdout


def test_another_file_and_an_unknown_method_are_refused(tmp_path: Path) -> None:
    _, path = written(tmp_path, network(fragile=False))
    with pytest.raises(ChecksumError):
        quantise(tiny_manifest(), path, tmp_path / "int8.onnx", scenes(3), scenes(3))
    with pytest.raises(GraphError, match="there are minmax, entropy, percentile"):
        require_method("best")


@pytest.mark.deep
def test_a_real_network_is_a_third_of_its_size_and_the_gate_weighs_it(tmp_path: Path) -> None:
    original, video = real_asset("yolox-nano"), real_asset("cctv-people")
    out = tmp_path / "int8.onnx"
    asked = ["quantise", "--model", "yolox-nano", "--frames", str(video), "--count", "16"]

    done: Result = CliRunner().invoke(app, [*asked, "--out", str(out), "--allowed-points", "100"])

    assert done.exit_code == 0, done.stderr
    assert out.stat().st_size < original.stat().st_size * 0.4
    found = re.search(r"agreement ([0-9.]+)% of 100.0%", done.stdout)
    assert found is not None
    assert float(found[1]) < 100, "nothing is lost in INT8: let the gate be tried on another"

    # One hundredth of a point more than this network keeps, and no layer left out.
    manifest, path = zoo.resolve("yolox-nano")
    with VideoReader(video) as reader:
        frames = spread(reader, 16, reader.total_frames)
    gate = Gate(allowed_points=99.99 - float(found[1]), rounds=0)
    with pytest.raises(GraphError, match="is demanded, with 0 of 113 layers"):
        quantise(manifest, path, tmp_path / "again.onnx", frames[::2], frames[1::2], gate=gate)
