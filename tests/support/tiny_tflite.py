"""Small TensorFlow Lite files, written with the schema that LiteRT brings.

Reference: github.com/tensorflow/tensorflow, tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int32): schema.TensorType.INT32,
}
_OPERATORS = {
    "add": (schema.BuiltinOperator.ADD, schema.BuiltinOptions.AddOptions, schema.AddOptionsT),
    "mul": (schema.BuiltinOperator.MUL, schema.BuiltinOptions.MulOptions, schema.MulOptionsT),
    "maximum": (
        schema.BuiltinOperator.MAXIMUM,
        schema.BuiltinOptions.MaximumMinimumOptions,
        schema.MaximumMinimumOptionsT,
    ),
    "mean": (
        schema.BuiltinOperator.MEAN,
        schema.BuiltinOptions.ReducerOptions,
        schema.ReducerOptionsT,
    ),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor; a size of None is free, and integers with a `scale` stand for real numbers.

    Attributes:
        value: of a constant.
        scales: real values of one step, one, or several where each channel has its own.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: type[np.generic] = np.float32
    value: NDArray[Any] | None = None
    scales: tuple[float, ...] = ()
    zero_point: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One operator: of `_OPERATORS`, or any other name for a custom one."""

    operator: str
    inputs: tuple[str, ...]
    output: str


def tflite_bytes(
    tensors: Sequence[Tensor], steps: Sequence[Step], inputs: Sequence[str], outputs: Sequence[str]
) -> bytes:
    """A model of one graph."""
    names = [tensor.name for tensor in tensors]
    buffers = [schema.BufferT(), *(_buffer(tensor) for tensor in tensors)]
    graph = schema.SubGraphT()
    graph.tensors = [_tensor(tensor, number + 1) for number, tensor in enumerate(tensors)]
    graph.inputs = [names.index(name) for name in inputs]
    graph.outputs = [names.index(name) for name in outputs]
    kinds = list(dict.fromkeys(step.operator for step in steps))
    graph.operators = [_step(step, kinds, names) for step in steps]
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [_code(kind) for kind in kinds]
    model.subgraphs = [graph]
    model.buffers = buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def constant_tflite(input_shape: tuple[int | None, ...], answer: NDArray[np.float32]) -> bytes:
    """A network that returns the same answer to every picture of float32."""
    return tflite_bytes(
        [Tensor("picture", input_shape),
         Tensor("at_least", answer.shape, value=answer),
         Tensor("answer", answer.shape)],
        [Step("maximum", ("at_least", "at_least"), "answer")],
        ["picture"], ["answer"],
    )  # fmt: skip


def _buffer(tensor: Tensor) -> Any:
    buffer = schema.BufferT()
    if tensor.value is not None:
        buffer.data = np.frombuffer(tensor.value.astype(tensor.dtype).tobytes(), np.uint8)
    return buffer


def _tensor(tensor: Tensor, buffer: int) -> Any:
    made = schema.TensorT()
    made.name = tensor.name.encode()
    made.shape = [1 if size is None else size for size in tensor.shape]
    if None in tensor.shape:
        made.shapeSignature = [-1 if size is None else size for size in tensor.shape]
    made.type = _TYPES[np.dtype(tensor.dtype)]
    made.buffer = buffer
    if tensor.scales:
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale = list(tensor.scales)
        made.quantization.zeroPoint = [tensor.zero_point] * len(tensor.scales)
    return made


def _step(step: Step, kinds: Sequence[str], names: Sequence[str]) -> Any:
    made = schema.OperatorT()
    made.opcodeIndex = kinds.index(step.operator)
    made.inputs = [names.index(name) for name in step.inputs]
    made.outputs = [names.index(step.output)]
    if step.operator in _OPERATORS:
        _, made.builtinOptionsType, options = _OPERATORS[step.operator]
        made.builtinOptions = options()
    return made


def _code(kind: str) -> Any:
    code = schema.OperatorCodeT()
    code.version = 1
    if kind in _OPERATORS:
        code.builtinCode = _OPERATORS[kind][0]
        code.deprecatedBuiltinCode = code.builtinCode
    else:
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = kind.encode()
    return code
