"""Small ONNX files, written byte by byte: no package that writes ONNX is needed.

Field numbers are those of onnx.proto (github.com/onnx/onnx), operator set 17.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int | str, ...]

_FLOAT = 1


@dataclass(frozen=True, slots=True)
class Node:
    """One operator; `inputs` and `output` are names of tensors."""

    operator: str
    inputs: tuple[str, ...]
    output: str


def onnx_bytes(
    nodes: Sequence[Node],
    inputs: dict[str, Shape],
    outputs: dict[str, Shape],
    constants: dict[str, NDArray[np.float32]] | None = None,
) -> bytes:
    """A model of float32 tensors; a dimension that is a name is free."""
    graph = b"".join(_field(1, _node(node)) for node in nodes)
    graph += _field(2, b"tiny")
    graph += b"".join(_field(5, _tensor(name, value)) for name, value in (constants or {}).items())
    graph += b"".join(_field(11, _value(name, shape)) for name, shape in inputs.items())
    graph += b"".join(_field(12, _value(name, shape)) for name, shape in outputs.items())
    operator_set = _field(1, b"") + _number(2, 17)
    return _number(1, 8) + _field(7, graph) + _field(8, operator_set)


def constant_network(input_shape: Shape, answer: NDArray[np.float32]) -> bytes:
    """A network that returns the same answer to every input."""
    return onnx_bytes(
        [Node("Identity", ("answer",), "output")],
        {"input": input_shape},
        {"output": answer.shape},
        {"answer": answer},
    )


def _node(node: Node) -> bytes:
    names = b"".join(_field(1, name.encode()) for name in node.inputs)
    return names + _field(2, node.output.encode()) + _field(4, node.operator.encode())


def _tensor(name: str, value: NDArray[np.float32]) -> bytes:
    sizes = b"".join(_number(1, size) for size in value.shape)
    raw = _field(9, value.astype("<f4").tobytes())
    return sizes + _number(2, _FLOAT) + _field(8, name.encode()) + raw


def _value(name: str, shape: Shape) -> bytes:
    sizes = b"".join(
        _field(1, _field(2, size.encode()) if isinstance(size, str) else _number(1, size))
        for size in shape
    )
    tensor_type = _number(1, _FLOAT) + _field(2, sizes)
    return _field(1, name.encode()) + _field(2, _field(1, tensor_type))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
