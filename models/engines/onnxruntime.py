"""ONNX Runtime as an engine."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _native

from models.engines.port import Tensor, TensorSpec
from models.errors import EngineError

CPU = "CPUExecutionProvider"

# Each stands alone under Exception, so they are named one by one.
_ERRORS: tuple[type[Exception], ...] = (
    _native.EPFail,
    _native.Fail,
    _native.InvalidArgument,
    _native.InvalidGraph,
    _native.InvalidProtobuf,
    _native.NoModel,
    _native.NoSuchFile,
    _native.NotImplemented,
    _native.RuntimeException,
    ValueError,
    RuntimeError,
)

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class OnnxRuntimeEngine:
    """An ONNX file in ONNX Runtime; see `Engine`.

    Args:
        path: the ONNX file.
        intra_threads: threads that share the work of one `run`. With one, several callers
            overlap fully, which is the fastest way to use several cores.
        providers: execution providers in order of preference.

    Raises:
        EngineError: no ONNX, or not one that these providers can run.
    """

    def __init__(
        self, path: Path, intra_threads: int = 1, providers: Sequence[str] = (CPU,)
    ) -> None:
        self._path = path
        missing = set(providers) - set(onnxruntime.get_available_providers())
        if missing:
            raise EngineError(
                f"this onnxruntime has no {', '.join(sorted(missing))}; it has "
                f"{', '.join(onnxruntime.get_available_providers())}"
            )
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), _options(intra_threads), providers=list(providers)
            )
        except _ERRORS as error:
            raise EngineError(
                f"{path}: cannot be loaded as ONNX ({_one_line(error)}); see that it is a whole "
                f"ONNX file, or export it again for ONNX Runtime {onnxruntime.__version__}"
            ) from error
        self.name = "onnxruntime/" + self._session.get_providers()[0].removesuffix(
            "ExecutionProvider"
        )
        self.inputs = tuple(_spec(path, node) for node in self._session.get_inputs())
        self.outputs = tuple(_spec(path, node) for node in self._session.get_outputs())
        self._output_names = [spec.name for spec in self.outputs]

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        """See `Engine.run`; the arrays are fresh and the caller's."""
        session = self._session
        if session is None:
            raise EngineError(f"{self._path}: the engine is closed")
        if len(inputs) != len(self.inputs):
            raise EngineError(
                f"{self._path}: takes {len(self.inputs)} inputs, {len(inputs)} were given"
            )
        feed = {spec.name: tensor for spec, tensor in zip(self.inputs, inputs, strict=True)}
        try:
            outputs: Sequence[Tensor] = session.run(self._output_names, feed)
        except _ERRORS as error:
            raise EngineError(f"{self._path}: {_one_line(error)}") from error
        return outputs

    def close(self) -> None:
        """Drop the session; runs that are under way finish."""
        self._session = None


def write_optimised(path: Path, out: Path) -> None:
    """Write an ONNX file with constants folded and what does nothing removed; standard operators.

    Raises:
        EngineError: it cannot be loaded.
    """
    options = _options(1)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    try:
        onnxruntime.InferenceSession(str(path), options, providers=[CPU])
    except _ERRORS as error:
        raise EngineError(f"cannot be loaded as ONNX ({_one_line(error)})") from error


def _options(intra_threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = intra_threads
    options.inter_op_num_threads = 1
    # Idle threads of ONNX Runtime would spin and take cores from capture and tracking.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised; nothing is printed besides
    return options


def _spec(path: Path, node: onnxruntime.NodeArg) -> TensorSpec:
    try:
        dtype = np.dtype(_DTYPES[node.type])
    except KeyError as error:
        raise EngineError(f"{path}: {node.name} is {node.type}, which is not supported") from error
    shape = tuple(size if isinstance(size, int) else None for size in node.shape)
    return TensorSpec(node.name, shape, dtype)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
