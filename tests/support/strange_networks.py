"""Networks that a stranger might send where one of `tiny_detector`'s shape is expected."""

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from tests.support.tiny_detector import tiny_answer

_INPUT, _OUTPUT = (1, 3, 32, 32), (1, 4, 8)


def network(
    nodes: Sequence[NodeProto], weights: Sequence[TensorProto] = (), opset: int = 17
) -> ModelProto:
    """A model of nodes that take `input` and `answer` and make `output`."""
    graph = helper.make_graph(
        list(nodes), "strange",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, _INPUT)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, _OUTPUT)],
        [numpy_helper.from_array(tiny_answer(), "answer"), *weights],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def plain() -> ModelProto:
    """One with nothing strange about it."""
    return network([helper.make_node("Identity", ["answer"], ["output"])])


def custom_operator() -> ModelProto:
    """Of a domain that some library brings along."""
    model = network([helper.make_node("Exfiltrate", ["answer"], ["output"], domain="com.evil")])
    model.opset_import.append(helper.make_opsetid("com.evil", 1))
    return model


def elsewhere(where: str) -> ModelProto:
    """Whose weight lies in another file."""
    model = plain()
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    entry = weight.external_data.add()
    entry.key, entry.value = "location", where
    return model


def elsewhere_in_a_branch(where: str) -> ModelProto:
    """The same within an operator's body, where a checker of the outer graph sees nothing."""
    inner = elsewhere(where).graph
    made = helper.make_tensor_value_info("made", TensorProto.FLOAT, _OUTPUT)
    branch = helper.make_graph(
        [helper.make_node("Identity", ["answer"], ["made"])], "then", [], [made],
        list(inner.initializer),
    )  # fmt: skip
    other = helper.make_graph(
        [helper.make_node("Identity", ["outer"], ["made"])], "else", [], [made]
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    nodes = [
        helper.make_node("Identity", ["answer"], ["outer"]),
        helper.make_node("If", ["yes"], ["output"], then_branch=branch, else_branch=other),
    ]
    return network(nodes, [yes])


def told_bomb() -> ModelProto:
    """A small file with a tensor of 12 GiB whose size stands in it."""
    shape = numpy_helper.from_array(np.array([3, 1024, 1024, 1024], np.int64), "shape")
    return network(
        [
            helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
            helper.make_node("ReduceMax", ["huge"], ["most"], keepdims=0),
            helper.make_node("Add", ["answer", "most"], ["output"]),
        ],
        [shape],
    )


def hidden_bomb() -> ModelProto:
    """The same, of a size that nobody knows before a picture comes."""
    side = numpy_helper.from_array(np.array([3, 1024, 1024, 1024], np.int64), "side")
    return network(
        [
            helper.make_node("ReduceMax", ["input"], ["most"], keepdims=0),
            helper.make_node("Mul", ["most", "nothing"], ["zero"]),
            helper.make_node("Cast", ["zero"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Add", ["side", "whole"], ["shape"]),
            helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
            helper.make_node("ReduceMax", ["huge"], ["large"], keepdims=0),
            helper.make_node("Add", ["answer", "large"], ["output"]),
        ],
        [side, numpy_helper.from_array(np.array(0, np.float32), "nothing")],
    )


def endless() -> ModelProto:
    """Which answers after 2^62 rounds."""
    scalar = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still"]),
            helper.make_node("Neg", ["before"], ["after"]),
        ],
        "round",
        [
            scalar("round", TensorProto.INT64, ()), scalar("go_on", TensorProto.BOOL, ()),
            scalar("before", TensorProto.FLOAT, _OUTPUT),
        ],
        [scalar("still", TensorProto.BOOL, ()), scalar("after", TensorProto.FLOAT, _OUTPUT)],
    )  # fmt: skip
    return network(
        [helper.make_node("Loop", ["rounds", "yes", "answer"], ["output"], body=body)],
        [
            numpy_helper.from_array(np.array(2**62, np.int64), "rounds"),
            numpy_helper.from_array(np.array(True), "yes"),
        ],
    )


def other_answer() -> ModelProto:
    """Which sees something else than the golden pictures say."""
    changed = numpy_helper.from_array(tiny_answer(class_id=2), "other")
    return network([helper.make_node("Identity", ["other"], ["output"])], [changed])
