"""Pre-processing into the graph: pictures (N, height, width, 3) uint8 BGR in (decision 17).

The resize stays outside. What is left to the caller is one copy of a quarter of the bytes, the
same for every engine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.errors import GraphError
from models.manifest import InputSpec

PICTURE = "picture"
"""Name of the new input."""


def bake(model: ModelProto, spec: InputSpec) -> ModelProto:
    """A model that does what `Preprocessor` does after its resize.

    Args:
        model: with one input (N, 3, height, width) or (N, height, width, 3) float32.
        spec: how that input is made; it describes the model as it is.

    Returns:
        A new model, whose one input is described by `baked_spec`.

    Raises:
        GraphError: it is baked already, or a tensor of it has a name that is needed.
    """
    if spec.dtype == "uint8":
        raise GraphError("takes uint8 pictures already")
    made = ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    weights = {weight.name for weight in graph.initializer}
    [taken] = [info for info in graph.input if info.name not in weights]
    used = {name for node in graph.node for name in (*node.input, *node.output)}
    if PICTURE in used | weights:
        raise GraphError(f"has a tensor called {PICTURE!r} of its own")
    sizes = taken.type.tensor_type.shape.dim
    batch = sizes[0].dim_param or sizes[0].dim_value or "batch"
    picture = helper.make_tensor_value_info(
        PICTURE, TensorProto.UINT8, (batch, spec.height, spec.width, 3)
    )
    steps = _steps(spec, taken.name)
    nodes = [node for node, _ in steps]
    constants = [constant for _, constant in steps if constant is not None]
    old_nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *old_nodes])
    graph.initializer.extend(constants)
    graph.input.remove(taken)
    graph.input.insert(0, picture)
    return made


def baked_spec(spec: InputSpec) -> InputSpec:
    """How the input of a baked model is made."""
    return spec.model_copy(
        update={
            "colour": "bgr", "layout": "nhwc", "dtype": "uint8", "scale": 1.0,
            "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0),
        }
    )  # fmt: skip


def _steps(spec: InputSpec, end: str) -> list[tuple[NodeProto, TensorProto | None]]:
    """The operators from PICTURE to the old input, each with the constant that it takes."""
    std = np.array(spec.std, np.float64)
    shape, axis = ((1, 3, 1, 1), 1) if spec.layout == "nchw" else ((1, 1, 1, 3), 3)
    gain = (spec.scale / std).astype(np.float32).reshape(shape)
    offset = (-np.array(spec.mean, np.float64) / std).astype(np.float32).reshape(shape)
    wanted: list[tuple[str, NDArray[Any] | None, dict[str, Any]]] = [
        ("Cast", None, {"to": TensorProto.FLOAT}),
    ]
    if spec.layout == "nchw":
        wanted.append(("Transpose", None, {"perm": [0, 3, 1, 2]}))
    if spec.colour == "rgb":
        wanted.append(("Gather", np.array([2, 1, 0], np.int64), {"axis": axis}))
    if (gain != 1).any():
        wanted.append(("Mul", gain, {}))
    if offset.any():
        wanted.append(("Add", offset, {}))
    steps = []
    for number, (operator, value, attributes) in enumerate(wanted):
        before = PICTURE if number == 0 else f"{PICTURE}/{number - 1}"
        after = end if number == len(wanted) - 1 else f"{PICTURE}/{number}"
        constant = None
        names = [before]
        if value is not None:
            constant = numpy_helper.from_array(value, f"{PICTURE}/{operator.lower()}")
            names.append(constant.name)
        node = helper.make_node(operator, names, [after], f"{PICTURE}/{operator}", **attributes)
        steps.append((node, constant))
    return steps
