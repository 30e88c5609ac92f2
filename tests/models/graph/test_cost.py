"""Operations and memory of networks that can be reckoned by hand."""

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from models.graph.cost import Cost, cost
from models.graph.shapes import with_shapes


def of(
    nodes: list[NodeProto], weights: dict[str, tuple[int, ...]], out: tuple[int | str, ...],
    taken: tuple[int | str, ...] = (1, 3, 8, 8),
) -> Cost:  # fmt: skip
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, taken)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out)],
        [numpy_helper.from_array(np.ones(shape, np.float32), n) for n, shape in weights.items()],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    return cost(with_shapes(helper.make_model(graph, opset_imports=opset, ir_version=9)))


def test_a_convolution() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    found = of([node], {"w": (5, 3, 3, 3)}, (1, 5, 8, 8))
    assert found.flops == 2 * (5 * 8 * 8) * (3 * 3 * 3)
    assert (found.parameters, found.weight_bytes) == (135, 540)
    assert found.peak_bytes == 4 * (3 * 64 + 5 * 64)
    assert found.operators == {"Conv": 1}


def test_a_convolution_in_groups_and_a_transposed_one() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], group=3)
    assert of([node], {"w": (3, 1, 3, 3)}, (1, 3, 8, 8)).flops == 2 * (3 * 64) * 9
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])
    assert of([node], {"w": (3, 4, 2, 2)}, (1, 4, 16, 16)).flops == 2 * (3 * 64) * (4 * 4)


def test_products_of_matrices() -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    assert of([node], {"w": (8, 5)}, (1, 3, 8, 5)).flops == 2 * (3 * 8 * 5) * 8
    node = helper.make_node("Gemm", ["x", "w"], ["y"], transA=1)
    found = of([node], {"w": (6, 2)}, (4, 2), taken=(6, 4))
    assert found.flops == 2 * (4 * 2) * 6


def test_a_free_batch_counts_as_one_picture() -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    found = of([node], {"w": (5, 3, 1, 1)}, ("n", 5, 8, 8), taken=("n", 3, 8, 8))
    assert found.flops == 2 * (5 * 64) * 3


def test_memory_is_given_back_when_nothing_needs_it() -> None:
    chain = [helper.make_node("Relu", [a], [b]) for a, b in (("x", "a"), ("a", "b"), ("b", "y"))]
    assert of(chain, {}, (1, 3, 8, 8)).peak_bytes == 2 * 4 * 192
    skip = [*chain[:2], helper.make_node("Add", ["b", "x"], ["y"])]
    assert of(skip, {}, (1, 3, 8, 8)).peak_bytes == 3 * 4 * 192


def test_a_free_dimension_counts_as_one() -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Cast", ["places"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["w", "numbers"], ["y"]),
    ]
    assert of(nodes, {"w": (2, 4)}, (2, "n")).unknown == 0
    assert of(nodes, {"w": (2, 4)}, (2, "n")).flops == 2 * 2 * 4
    node = helper.make_node("Relu", ["x"], ["y"])
    assert of([node], {}, (-1, 3), taken=(-1, 3)).peak_bytes == 2 * 4 * 3


def test_what_has_no_shape_is_said_to_be_unknown() -> None:
    """How many dimensions Reshape makes depends on a picture's contents here."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Squeeze", ["places"], ["shape"]),
        helper.make_node("Reshape", ["x", "shape"], ["odd"]),
        helper.make_node("MatMul", ["odd", "w"], ["product"]),
        helper.make_node("GlobalMaxPool", ["product"], ["y"]),
    ]
    assert of(nodes, {"w": (2, 4)}, ("n", "m", 1)).unknown == 1


def test_weights_in_constants_count() -> None:
    weight = numpy_helper.from_array(np.ones((5, 3, 1, 1), np.float32), "w")
    nodes = [
        helper.make_node("Constant", [], ["w"], value=weight),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    found = of(nodes, {}, (1, 5, 8, 8))
    assert (found.parameters, found.weight_bytes) == (15, 60)
