"""LiteRT as an engine: TensorFlow Lite files, on the CPU or on a Coral Edge TPU.

References: https://ai.google.dev/edge/litert and https://ai.google.dev/edge/litert/conversion/
tensorflow/quantization/quantization_spec (real = scale x (integer - zero point)).
"""

import ctypes
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, load_delegate

from models.engines.fit import most_at_once, require_fit
from models.engines.pool import Pool
from models.engines.port import Tensor, TensorSpec
from models.errors import EngineError, one_line

DEVICES = ("CPU", "EdgeTPU")

_FLOAT32 = np.dtype(np.float32)
_EDGE_TPU_LIBRARY = "libedgetpu.so.1"
_EDGE_TPU_OPERATOR = b"edgetpu-custom-op"

# What the interpreter raises, and OSError where a delegate's library is absent.
_ERRORS = (ValueError, RuntimeError, OSError)

_NO_REASON = "it needs more memory than there is, or LiteRT would give a reason"


class LiteRtEngine:
    """A TensorFlow Lite file in LiteRT; see `Engine`.

    Integers that stand for real numbers are float32 outside: outputs are dequantised, and an
    input is quantised from what the caller gives.

    Args:
        path: the .tflite file.
        intra_threads: threads that share the work of one `run`.
        device: of `DEVICES`.
        takes_integers: an input of integers is given as it is, without quantising; for pictures
            of uint8.

    Raises:
        EngineError: no TensorFlow Lite, or the device is absent or cannot run it.
    """

    def __init__(
        self,
        path: Path,
        intra_threads: int = 1,
        device: str = "CPU",
        *,
        takes_integers: bool = False,
    ) -> None:
        self._path = path
        self._threads = intra_threads
        self._is_on_tpu = device == "EdgeTPU"
        left = left_to_cpu(path) if self._is_on_tpu else 0
        self.name = f"litert/{device}" + (f", {left} operators on CPU" if left else "")
        first = self._interpreter()
        try:
            given, returned = first.get_input_details(), first.get_output_details()
        except _ERRORS as error:  # a tensor's name that is no text, for one
            raise _not_loaded(path, error) from error
        self._inputs = [
            _as_stored(detail) if takes_integers else _input_place(path, detail) for detail in given
        ]
        self._outputs = [_place(path, detail) for detail in returned]
        self.inputs = tuple(place.spec for place in self._inputs)
        self.outputs = tuple(place.spec for place in self._outputs)
        self.most_at_once = most_at_once(self.inputs, self.outputs)
        # An interpreter serves one caller, and an Edge TPU one interpreter at a time.
        pool = Pool(self._interpreter, at_most=1 if self._is_on_tpu else None)
        pool.put(first)
        self._interpreters: Pool[Interpreter] | None = pool

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        """See `Engine.run`; the arrays are fresh and the caller's."""
        interpreters = self._interpreters
        if interpreters is None:
            raise EngineError(f"{self._path}: the engine is closed")
        require_fit(self._path, self.inputs, inputs)
        try:
            with interpreters.borrowed() as interpreter:
                self._give(interpreter, inputs)
                interpreter.invoke()
                return [place.out(interpreter.get_tensor(place.index)) for place in self._outputs]
        except _ERRORS as error:
            raise EngineError(f"{self._path}: {one_line(error) or _NO_REASON}") from error

    def close(self) -> None:
        """Let go of the interpreters; runs that are under way finish."""
        if self._interpreters is not None:
            self._interpreters.close()
            self._interpreters = None

    def _give(self, interpreter: Interpreter, inputs: Sequence[Tensor]) -> None:
        """Set the inputs, and sizes where they are free and others than before."""
        details = interpreter.get_input_details()
        resized = [
            (place.index, tensor.shape)
            for place, detail, tensor in zip(self._inputs, details, inputs, strict=True)
            if tuple(detail["shape"]) != tensor.shape
        ]
        for index, shape in resized:
            interpreter.resize_tensor_input(index, shape, strict=True)
        if resized:
            interpreter.allocate_tensors()
        for place, tensor in zip(self._inputs, inputs, strict=True):
            interpreter.set_tensor(place.index, place.into(tensor))

    def _interpreter(self) -> Interpreter:
        """One more, ready to run.

        Raises:
            EngineError: the file, or the Edge TPU, does not let.
        """
        delegates = [_edge_tpu()] if self._is_on_tpu else None
        try:
            interpreter = Interpreter(
                str(self._path), experimental_delegates=delegates, num_threads=self._threads
            )
            interpreter.allocate_tensors()
        except _ERRORS as error:
            raise _not_loaded(self._path, error) from error
        return interpreter


@dataclass(frozen=True, slots=True)
class _Place:
    """An input or output: where it is, and what its integers stand for.

    Attributes:
        index: of the tensor.
        spec: as callers see it.
        stored: dtype inside.
        scale: real value of one step; 0: nothing is to be converted.
        zero_point: the integer that stands for 0.
    """

    index: int
    spec: TensorSpec
    stored: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0

    def into(self, tensor: Tensor) -> Tensor:
        """What the interpreter takes for what a caller gives."""
        if not self.scale:
            return tensor
        limits = np.iinfo(self.stored)
        steps = np.rint(np.divide(tensor, self.scale, dtype=np.float32)) + self.zero_point
        integers: Tensor = np.clip(steps, limits.min, limits.max).astype(self.stored)
        return integers

    def out(self, tensor: Tensor) -> Tensor:
        """What a caller gets for what the interpreter returns."""
        if not self.scale:
            return tensor
        real: Tensor = (tensor.astype(np.float32) - self.zero_point) * np.float32(self.scale)
        return real


def _place(path: Path, detail: Mapping[str, Any]) -> _Place:
    """An output, or an input that is quantised from real numbers."""
    place = _as_stored(detail)
    scales = detail["quantization_parameters"]["scales"]
    if place.stored.kind not in "iu" or not len(scales):
        return place
    if len(scales) != 1:
        raise EngineError(
            f"{path}: {detail['name']} has a scale for each channel, and inputs and outputs of "
            "TensorFlow Lite have one; convert the network again"
        )
    [zero_point] = detail["quantization_parameters"]["zero_points"]
    spec = TensorSpec(place.spec.name, place.spec.shape, _FLOAT32)
    return _Place(place.index, spec, place.stored, float(scales[0]), int(zero_point))


def _input_place(path: Path, detail: Mapping[str, Any]) -> _Place:
    """An input; bytes without a scale are whole numbers, as they are."""
    place = _place(path, detail)
    if place.stored not in (np.uint8, np.int8) or place.scale:
        return place
    spec = TensorSpec(place.spec.name, place.spec.shape, _FLOAT32)
    return _Place(place.index, spec, place.stored, scale=1.0)


def _as_stored(detail: Mapping[str, Any]) -> _Place:
    """An input or output that is given and taken as it is."""
    free = detail["shape_signature"]
    sizes = free if len(free) else detail["shape"]
    shape = tuple(None if size < 0 else int(size) for size in sizes)
    stored = np.dtype(detail["dtype"])
    return _Place(detail["index"], TensorSpec(detail["name"], shape, stored), stored)


def left_to_cpu(path: Path) -> int:
    """How many operators of a file an Edge TPU leaves to the CPU; what was compiled for it is one.

    Raises:
        EngineError: all of them, for nothing was compiled.
    """
    try:
        model = schema.Model.GetRootAs(path.read_bytes())
        codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
        graph = model.Subgraphs(0)
        used = [
            codes[graph.Operators(index).OpcodeIndex()].CustomCode()
            for index in range(graph.OperatorsLength())
        ]
    except OSError as error:
        raise EngineError(f"{path}: cannot be read: {error.strerror}") from error
    except (struct.error, IndexError, AttributeError, TypeError, ValueError) as error:
        raise EngineError(f"{path}: is no TensorFlow Lite file, or was cut off") from error
    if _EDGE_TPU_OPERATOR not in used:
        raise EngineError(
            f"{path}: holds nothing for an Edge TPU, so all of it would run on the CPU; compile "
            f"its INT8 form: edgetpu_compiler {path.name}"
        )
    return sum(code != _EDGE_TPU_OPERATOR for code in used)


def _edge_tpu() -> Any:
    """The delegate that gives its part of a network to an Edge TPU.

    Raises:
        EngineError: its library is not installed, or finds no device.
    """
    try:
        # By itself first: of a library that is absent, load_delegate leaves half an object.
        ctypes.CDLL(_EDGE_TPU_LIBRARY)
        return load_delegate(_EDGE_TPU_LIBRARY)
    except OSError as error:
        raise EngineError(
            f"{_EDGE_TPU_LIBRARY} is not installed ({one_line(error)}): add Coral's repository "
            "(https://coral.ai/docs/accelerator/get-started), then apt-get install libedgetpu1-std"
        ) from error
    except ValueError as error:
        raise EngineError(
            f"no Edge TPU answers ({one_line(error)}): see that it is plugged in, that this user "
            "may open it (group plugdev) and that no other program holds it"
        ) from error


def _not_loaded(path: Path, error: Exception) -> EngineError:
    reason = one_line(error)
    if not reason:
        return EngineError(f"{path}: cannot be loaded: {_NO_REASON}")
    return EngineError(
        f"{path}: cannot be loaded as TensorFlow Lite ({reason}); see that it is a whole .tflite "
        "file that needs no operators of TensorFlow"
    )
