"""Tensors of a graph: shapes, types and sizes, as far as they can be told without running it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, ValueInfoProto, helper, shape_inference

from models.errors import GraphError


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor.

    Attributes:
        shape: None is a free dimension; None as a whole where even their number is unknown.
        dtype: of numpy, or its name in ONNX where numpy has none.
        item_bytes: of one value.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    item_bytes: int

    def size_bytes(self, free: int = 1) -> int | None:
        """What it takes, with so many in each free dimension; None where nobody knows."""
        if self.shape is None:
            return None
        return int(np.prod([free if n is None else n for n in self.shape], dtype=object)) * (
            self.item_bytes
        )

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name} ? {self.dtype}"
        sizes = "x".join("?" if n is None else str(n) for n in self.shape) or "scalar"
        return f"{self.name} {sizes} {self.dtype}"


def with_shapes(model: ModelProto) -> ModelProto:
    """The model with every shape that can be inferred.

    Raises:
        GraphError: shapes contradict each other.
    """
    try:
        return shape_inference.infer_shapes(model, strict_mode=False, data_prop=True)
    except shape_inference.InferenceError as error:
        raise GraphError(f"shapes contradict each other: {' '.join(str(error).split())}") from error


def tensors(model: ModelProto) -> dict[str, Tensor]:
    """Every tensor of a model with shapes, weights among them, by name."""
    graph = model.graph
    found = {info.name: _tensor(info) for info in (*graph.value_info, *graph.input, *graph.output)}
    for weight in graph.initializer:
        dtype, item_bytes = _type(weight.data_type)
        found[weight.name] = Tensor(weight.name, tuple(weight.dims), dtype, item_bytes)
    return found


def inputs(model: ModelProto) -> Sequence[Tensor]:
    """What the network takes; weights that stand among its inputs are left out."""
    weights = {weight.name for weight in model.graph.initializer}
    return [_tensor(info) for info in model.graph.input if info.name not in weights]


def outputs(model: ModelProto) -> Sequence[Tensor]:
    """What the network returns."""
    return [_tensor(info) for info in model.graph.output]


def _tensor(info: ValueInfoProto) -> Tensor:
    kind = info.type.tensor_type
    dtype, item_bytes = _type(kind.elem_type)
    if not kind.HasField("shape"):
        return Tensor(info.name, None, dtype, item_bytes)
    shape = tuple(
        size.dim_value if size.HasField("dim_value") and size.dim_value >= 0 else None
        for size in kind.shape.dim
    )
    return Tensor(info.name, shape, dtype, item_bytes)


def _type(number: int) -> tuple[str, int]:
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(number))
    except (KeyError, TypeError, ValueError):
        return "unknown", 4
    return dtype.name, max(1, dtype.itemsize)
