"""What a stranger's graph may not hold is named, wherever in the file it stands."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from models.graph.limits import Limits, content_of, excesses, oversized
from models.graph.shapes import with_shapes
from tests.support.strange_networks import (
    custom_operator,
    elsewhere,
    elsewhere_in_a_branch,
    endless,
    hidden_bomb,
    network,
    plain,
    told_bomb,
)

LIMITS = Limits(
    domains=frozenset({"ai.onnx"}), operators=None, refused=frozenset({"Loop"}), max_nodes=10,
    max_weight_bytes=4096, max_input_bytes=3 * 32 * 32 * 4, max_tensor_bytes=2**30,
    min_opset=9, max_opset=21,
)  # fmt: skip


def found(model: ModelProto, limits: Limits = LIMITS) -> list[str]:
    return excesses(model, content_of(model), limits)


def only(model: ModelProto, limits: Limits = LIMITS) -> str:
    [line] = found(model, limits)
    assert "\n" not in line
    return line


def test_a_plain_network_is_within_its_limits() -> None:
    content = content_of(plain())
    assert found(plain()) == []
    assert (content.opset, content.nodes) == (17, 1)
    assert 4 * 32 <= content.weight_bytes <= 4 * 32 + 64
    assert oversized(with_shapes(plain()), LIMITS) == []


def test_operators_of_other_domains_are_named() -> None:
    assert "com.evil::Exfiltrate; allowed are ai.onnx" in only(custom_operator())
    allowed = replace(LIMITS, domains=frozenset({"ai.onnx", "com.evil"}))
    assert found(custom_operator(), allowed) == []


def test_operators_are_refused_or_only_some_are_allowed() -> None:
    assert only(endless()) == "operators that are not allowed: Loop"
    assert found(endless(), replace(LIMITS, refused=frozenset())) == []
    few = replace(LIMITS, operators=frozenset({"Identity"}))
    assert found(plain(), few) == []
    assert only(endless(), few) == "operators that are not allowed: Loop, Neg"


@pytest.mark.parametrize("where", ["../weights.bin", "/etc/passwd", "weights.bin"])
def test_weights_of_another_file_are_named_in_bodies_too(where: str) -> None:
    for model in (elsewhere(where), elsewhere_in_a_branch(where)):
        line = only(model)
        assert f"'answer' in {where!r}" in line
        assert "export it as one file" in line


def test_functions_of_the_file_are_looked_into() -> None:
    model = plain()
    inner = [helper.make_node("Loop", [], ["x"])]
    model.functions.append(
        helper.make_function("own", "Hidden", [], ["x"], inner, [helper.make_opsetid("", 17)])
    )
    assert only(model) == "operators that are not allowed: Loop"
    assert content_of(model).nodes == 2


def test_sparse_weights_are_counted() -> None:
    model = plain()
    values = numpy_helper.from_array(np.array([1.0], np.float32), "few")
    where = numpy_helper.from_array(np.array([[0, 0]], np.int64), "where")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, where, [2**20, 2**20]))
    assert "1 weights are sparse" in only(model)


def test_what_is_too_much_is_counted_in_all_bodies() -> None:
    assert content_of(endless()).nodes == 3
    tight = replace(LIMITS, refused=frozenset(), max_nodes=2)
    assert only(endless(), tight) == "it has 3 operators, allowed are 2"
    large = numpy_helper.from_array(np.zeros(2000, np.float32), "large")
    model = network([helper.make_node("Identity", ["answer"], ["output"])], [large])
    assert "bytes of weights, allowed are 4,096" in only(model)


def test_weights_in_constants_are_weights() -> None:
    large = numpy_helper.from_array(np.zeros(2000, np.float32))
    model = network([
        helper.make_node("Constant", [], ["large"], value=large),
        helper.make_node("Identity", ["answer"], ["output"]),
    ])  # fmt: skip
    assert "bytes of weights" in only(model)


@pytest.mark.parametrize(("opset", "is_allowed"), [(8, False), (9, True), (21, True), (22, False)])
def test_operator_sets(opset: int, is_allowed: bool) -> None:
    model = network([helper.make_node("Identity", ["answer"], ["output"])], opset=opset)
    assert (found(model) == []) is is_allowed


def test_a_file_that_names_no_operator_set_is_told() -> None:
    model = plain()
    del model.opset_import[:]
    assert only(model) == "its operator set is 0, allowed are 9 to 21"


def test_the_size_of_the_input_is_bounded() -> None:
    tight = replace(LIMITS, max_input_bytes=12_287)
    assert only(plain(), tight) == "its input is of 12,288 bytes a picture, allowed are 12,287"
    model = plain()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert only(model) == "its input 'input' has no shape"
    extra = helper.make_tensor_value_info("more", TensorProto.FLOAT, (1,))
    model = plain()
    model.graph.input.append(extra)
    assert "12,292 bytes a picture" in only(model)


def test_a_large_tensor_is_seen_where_its_size_can_be_told() -> None:
    [line] = oversized(with_shapes(told_bomb()), LIMITS)
    assert line == "tensors of more than 1,073,741,824 bytes: huge 3x1024x1024x1024 float32"
    assert oversized(with_shapes(hidden_bomb()), LIMITS) == []


def test_of_many_the_first_are_named() -> None:
    nodes = [helper.make_node(f"Evil{n}", ["answer"], [f"x{n}"], domain="e") for n in range(9)]
    assert "e::Evil4 and 4 more; allowed" in only(network(nodes))
