"""What a network costs: operations, parameters and memory, of one picture."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto

from models.graph.read import weights_of
from models.graph.shapes import Tensor, inputs, tensors


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one picture, free dimensions taken as 1.

    Attributes:
        parameters: weights that are numbers with a fraction.
        weight_bytes: of all weights, as they stand in the file.
        flops: two for each multiply-add of convolutions and matrix products, which are nearly
            all of it; the rest is not counted.
        peak_bytes: of the tensors between operators that must stand at the same time when the
            operators run in the file's order; a runtime may need less, or more for its own.
        unknown: operators whose cost could not be told, for want of a shape.
        operators: how many there are of each.
    """

    parameters: int
    weight_bytes: int
    flops: int
    peak_bytes: int
    unknown: int
    operators: Mapping[str, int]


def cost(model: ModelProto) -> Cost:
    """What a model with shapes (`shapes.with_shapes`) costs."""
    known = tensors(model)
    weights = [known[weight.name] for weight in weights_of(model) if weight.name in known]
    flops, unknown = 0, 0
    for node in model.graph.node:
        of_node = _flops(node, known)
        if of_node is None:
            unknown += 1
        else:
            flops += of_node
    return Cost(
        sum(_count(one) or 0 for one in weights if "float" in one.dtype),
        sum(one.size_bytes() or 0 for one in weights),
        flops,
        _peak(model, known),
        unknown,
        Counter(node.op_type for node in model.graph.node),
    )


def _flops(node: NodeProto, known: Mapping[str, Tensor]) -> int | None:
    """Of one operator; None where a shape that it takes is unknown."""
    if node.op_type in ("Conv", "ConvTranspose", "ConvInteger", "QLinearConv"):
        # A Conv's output, a ConvTranspose's input: each of their values meets each kernel value.
        kernel = known.get(node.input[3 if node.op_type == "QLinearConv" else 1])
        over = known.get(node.input[0] if node.op_type == "ConvTranspose" else node.output[0])
        places = _count(over)
        per_place = _count(kernel)
        if places is None or not per_place or kernel is None or not kernel.shape:
            return None
        return 2 * places * per_place // (kernel.shape[0] or 1)
    if node.op_type in ("MatMul", "Gemm", "MatMulInteger"):
        left, made = known.get(node.input[0]), _count(known.get(node.output[0]))
        if made is None or left is None or not left.shape:
            return None
        is_turned = any(a.name == "transA" and a.i for a in node.attribute)
        inner = left.shape[0 if is_turned else -1]
        return None if inner is None else 2 * made * inner
    return 0


def _count(tensor: Tensor | None) -> int | None:
    """Numbers of values, free dimensions taken as 1."""
    if tensor is None or tensor.shape is None:
        return None
    return int(np.prod([1 if n is None else n for n in tensor.shape], dtype=object))


def _peak(model: ModelProto, known: Mapping[str, Tensor]) -> int:
    """The most that stands between operators at any time; what is unknown counts as nothing."""
    last_use = {name: number for number, node in enumerate(model.graph.node) for name in node.input}
    kept = {info.name for info in model.graph.output}
    weights = {weight.name for weight in model.graph.initializer}
    standing = {one.name: one.size_bytes() or 0 for one in inputs(model)}
    most = now = sum(standing.values())
    for number, node in enumerate(model.graph.node):
        for name in node.output:
            tensor = known.get(name)
            if name and tensor is not None:
                standing[name] = tensor.size_bytes() or 0
                now += standing[name]
        most = max(most, now)
        for name in {*node.input, *node.output} - kept - weights:
            if last_use.get(name, number) <= number:
                now -= standing.pop(name, 0)
    return most
