"""ONNX Runtime as an engine, on the provider that was asked for or not at all (decision 50).

ONNX Runtime by itself goes on with the CPU when a provider does not start, and prints a line. Here
that is an error, and what runs elsewhere is counted and told.
"""

import ctypes
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _native

from models.engines.fit import most_at_once
from models.engines.port import Tensor, TensorSpec
from models.engines.providers import CPU, PROVIDERS, Provider, options_of, told
from models.errors import EngineError, one_line

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
        provider: that runs the network.
        cache: folder where a provider keeps what it builds for this network; None: nothing is
            kept.

    Raises:
        EngineError: no ONNX, or the provider is not built in, does not start or takes nothing.
    """

    def __init__(
        self,
        path: Path,
        intra_threads: int = 1,
        provider: Provider = PROVIDERS["CPU"],
        cache: Path | None = None,
    ) -> None:
        self._path = path
        _require_built_in(provider)
        self._session = _session(path, intra_threads, provider, cache)
        self.name = name_of(path, self._session, provider)
        self.inputs = tuple(_spec(path, node) for node in self._session.get_inputs())
        self.outputs = tuple(_spec(path, node) for node in self._session.get_outputs())
        self.most_at_once = most_at_once(self.inputs, self.outputs)
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
            raise EngineError(f"{self._path}: {one_line(error)}") from error
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
        raise EngineError(f"cannot be loaded as ONNX ({one_line(error)})") from error


def has_provider(provider: Provider) -> bool:
    """True where this ONNX Runtime was built with a provider, whether it starts or not."""
    return provider.name in onnxruntime.get_available_providers()


def _require_built_in(provider: Provider) -> None:
    if has_provider(provider):
        return
    there = ", ".join(onnxruntime.get_available_providers())
    remedy = f"; {provider.brought_by}" if provider.brought_by else ""
    raise EngineError(
        f"onnxruntime {onnxruntime.__version__} has no {provider.name}; it has {there}{remedy}"
    )


def _session(
    path: Path, intra_threads: int, provider: Provider, cache: Path | None
) -> onnxruntime.InferenceSession:
    onnxruntime.set_default_logger_severity(4)  # for providers, which print before they fail
    options = _options(intra_threads)
    # Has it tell which provider takes which operator; a release that does not know it passes on.
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    there = onnxruntime.get_available_providers()
    rest = [name for name in (*provider.rest, CPU) if name in there and name != provider.name]
    wanted = [(provider.name, options_of(provider, cache)), *((name, {}) for name in rest)]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=wanted, enable_fallback=0)
    except _ERRORS as error:
        if provider.name == CPU:
            raise EngineError(
                f"{path}: cannot be loaded as ONNX ({one_line(error)}); see that it is a whole "
                f"ONNX file, or export it again for ONNX Runtime {onnxruntime.__version__}"
            ) from error
        raise EngineError(
            f"{path}: cannot be loaded for {provider.name} ({one_line(error)}); try engine "
            "onnxruntime/CPU to see whether the file or the provider is at fault"
        ) from error


def name_of(path: Path, session: onnxruntime.InferenceSession, provider: Provider) -> str:
    """Where the network really runs.

    Raises:
        EngineError: not where it should.
    """
    if provider.name not in session.get_providers():
        raise EngineError(
            f"{provider.name} does not start ({_why_not(provider)}), and the CPU in its place "
            "would be another engine: choose onnxruntime/CPU where it is good enough"
        )
    operators = _operators(session)
    if operators and not operators.get(provider.name):
        total = sum(operators.values())
        raise EngineError(
            f"{path}: {provider.name} takes none of its {total} operators; choose onnxruntime/CPU"
        )
    return told(provider, operators, session.get_providers())


def _operators(session: onnxruntime.InferenceSession) -> Mapping[str, int]:
    """How many operators each provider took; empty before ONNX Runtime 1.24, which tells not."""
    ask = getattr(session, "get_provider_graph_assignment_info", None)
    counts: Counter[str] = Counter()
    if ask is not None:
        for part in ask():
            counts[part.ep_name] += len(part.get_nodes())
    return counts


def _why_not(provider: Provider) -> str:
    """What the provider's library lacks, as the loader says it; ONNX Runtime only prints it."""
    folder = Path(_native.__file__).parent
    short = provider.name.removesuffix("ExecutionProvider").lower()
    library = folder / f"libonnxruntime_providers_{short}.so"
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(library))
    except OSError as error:
        return one_line(error)
    return "is its device there, and its driver?"


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
