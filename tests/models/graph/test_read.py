"""Files that are damaged, or reach outside of themselves, are refused by name."""

from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from models.errors import GraphError
from models.graph.inspection import inspect
from models.graph.read import read_graph
from tests.support.family_onnx import NETWORKS, network


def saved(tmp_path: Path, model: ModelProto) -> Path:
    path = tmp_path / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(GraphError) as caught:
        inspect(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said


def test_a_good_file_is_read(tmp_path: Path) -> None:
    assert read_graph(saved(tmp_path, NETWORKS[0].model())).graph.name == "family"


def test_a_file_that_is_not_there_or_no_onnx_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "nothing.onnx")
    path = tmp_path / "network.onnx"
    path.write_bytes(b"\xff\xff not ONNX at all")
    assert "no ONNX file" in refusal(path)
    path.write_bytes(b"")
    assert "empty network" in refusal(path)


def test_a_file_that_was_cut_off_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, NETWORKS[0].model())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "cut off" in refusal(path)


@pytest.mark.parametrize("where", ["../weights.bin", "/etc/passwd", "weights.bin"])
def test_weights_in_another_file_are_refused(tmp_path: Path, where: str) -> None:
    model = NETWORKS[0].model()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", where
    said = refusal(saved(tmp_path, model))
    assert f"'output_is' lies in another file, {where!r}" in said


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_counted(tmp_path: Path, value: float) -> None:
    weights = np.zeros((1, 84, 85), np.float32)
    weights[0, :2, 3] = value
    said = refusal(saved(tmp_path, network({"out": weights})))
    assert "weight 'out_is' has 2 values that are NaN or infinite" in said


def test_weights_in_constants_are_looked_at_too(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.array([np.nan], np.float32), "w")
    model = NETWORKS[0].model()
    model.graph.node.insert(0, helper.make_node("Constant", [], ["bad"], value=weight))
    assert "weight 'bad' has 1 values that are NaN" in refusal(saved(tmp_path, model))


def test_an_unknown_operator_is_named(tmp_path: Path) -> None:
    model = NETWORKS[0].model()
    model.graph.node[0].op_type = "Frobnicate"
    assert "Frobnicate" in refusal(saved(tmp_path, model))


def test_a_weight_that_is_shorter_than_it_says_is_named(tmp_path: Path) -> None:
    model = NETWORKS[0].model()
    model.graph.initializer[0].dims[1] = 10**7
    assert "weight 'output_is' says 1x10000000x85" in refusal(saved(tmp_path, model))


def test_a_tensor_of_gigabytes_in_a_small_file_is_refused(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
            helper.make_node("ReduceMax", ["huge"], ["out"], keepdims=0),
        ],
        "bomb",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ())],
        [numpy_helper.from_array(np.array([3, 256, 1024, 1024], np.int64), "shape")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = saved(tmp_path, model)
    assert path.stat().st_size < 1024
    assert "tensor huge 3x256x1024x1024 float32 would take 3.0 GiB" in refusal(path)


def test_shapes_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    model = NETWORKS[0].model()
    model.graph.node.append(helper.make_node("MatMul", ["output", "output"], ["product"]))
    assert "MatMul" in refusal(saved(tmp_path, model))
