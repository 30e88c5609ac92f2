"""The number of pictures at once, fixed or free.

Exporters write the batch of 1 into shapes of Reshape, where it belongs to no picture's contents.
There the dimension that grows with the batch is left to be reckoned (-1). Which one that is can't
always be told from the graph, so whoever frees a batch must prove it: `prepare` runs two pictures
together and each alone, and keeps a batch of 1 where they differ.
"""

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper

from models.graph.shapes import tensors, with_shapes

FREE = "batch"
"""Name of the free dimension."""


def with_batch(model: ModelProto, batch: int | None) -> ModelProto:
    """The model with another batch, None for a free one; shapes inside are inferred anew.

    Raises:
        GraphError: shapes contradict each other.
    """
    made = ModelProto()
    made.CopyFrom(model)
    _free_reshapes(made)  # first: while the batch is fixed, shapes tell most
    graph = made.graph
    weights = {weight.name for weight in graph.initializer}
    for info in (*(one for one in graph.input if one.name not in weights), *graph.output):
        sizes = info.type.tensor_type.shape.dim
        if not sizes:
            continue
        sizes[0].ClearField("dim_value")
        if batch is None:
            sizes[0].dim_param = FREE
        else:
            sizes[0].dim_value = batch
    del graph.value_info[:]
    return with_shapes(made)


def _free_reshapes(model: ModelProto) -> None:
    """Leave the batch's dimension of every constant shape to be reckoned."""
    graph = model.graph
    constants = _constants(model)
    known = tensors(with_shapes(model))
    for number, node in enumerate(graph.node):
        if node.op_type != "Reshape" or node.input[1] not in constants:
            continue
        taken = known.get(node.input[0])
        first = taken.shape[0] if taken is not None and taken.shape else None
        shape = _freed(constants[node.input[1]], first)
        if shape is not None:
            name = f"{FREE}/shape/{number}"
            graph.initializer.append(numpy_helper.from_array(shape, name))
            node.input[1] = name


def _constants(model: ModelProto) -> dict[str, NDArray[np.int64]]:
    """Values of constant shapes, by name."""
    found = {one.name: one for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].HasField("t"):
            found[node.output[0]] = node.attribute[0].t
    return {
        name: numpy_helper.to_array(one).astype(np.int64)
        for name, one in found.items()
        if one.data_type == TensorProto.INT64 and len(one.dims) == 1
    }


def _freed(shape: NDArray[np.int64], first: int | None) -> NDArray[np.int64] | None:
    """A shape with the batch's dimension left open; None where it is so already.

    Args:
        shape: of which one dimension may be -1, and those that are 0 are copied.
        first: the first dimension of what is reshaped, None where nobody knows.
    """
    freed: NDArray[np.int64] = shape.copy()
    if not len(shape) or shape[0] in (-1, 0):
        return None
    if (shape == -1).any():
        if shape[0] != 1 or first != 1:
            return None
        freed[0] = 0
        return freed
    ones = np.flatnonzero(shape == 1)
    freed[ones[0] if len(ones) else 0] = -1
    return freed
