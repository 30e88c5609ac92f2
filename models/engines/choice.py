"""Engines by name: what an engine reports itself as is what it is chosen by."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from models.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.engines.port import Engine

AUTO = "auto"
TFLITE = ".tflite"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an engine is made from.

    Attributes:
        path: the network's file.
        intra_threads: threads that share the work of one frame.
        takes_integers: pictures come as uint8, as the manifest has it.
        cache: folder where an engine may keep what it builds for this network.
        name: the network's, of its manifest.
    """

    path: Path
    intra_threads: int = 1
    takes_integers: bool = False
    cache: Path | None = None
    name: str = "network"


def open_engine(name: str, wanted: Wanted) -> "Engine":
    """The engine of a name, or, of `auto`, what this machine runs the file with.

    Of `auto`, a TensorFlow Lite file runs in LiteRT, and an ONNX file in ONNX Runtime: on CUDA
    where it has and can start it, else on the CPU. The engine's own name tells which it became;
    whoever wants to know why not CUDA asks for it by name.

    Raises:
        EngineError: there is no such engine, it is not installed or does not start, or it cannot
            run the file.
    """
    if name == AUTO:
        return _best(wanted)
    library, _, device = require_known(name).partition("/")
    _require_format(name, wanted.path)
    with _installed(library):
        return _OPENERS[library](device, wanted)


def require_known(name: str) -> str:
    """The name, where there is an engine of that name on some machine.

    Raises:
        EngineError: there is none; the message lists what there is.
    """
    if name != AUTO and name not in NAMES:
        raise EngineError(f"no engine is called {name!r}; there are {AUTO}, {', '.join(NAMES)}")
    return name


def _best(wanted: Wanted) -> "Engine":
    if wanted.path.suffix == TFLITE:
        return open_engine("litert/CPU", wanted)
    with _installed("onnxruntime"):
        from models.engines.onnxruntime import has_provider
        from models.engines.providers import PROVIDERS

        has_cuda = has_provider(PROVIDERS["CUDA"])
    if has_cuda:
        try:
            return open_engine("onnxruntime/CUDA", wanted)
        except EngineError:
            pass  # no driver, or a file that the CPU refuses as well, and says so
    return open_engine("onnxruntime/CPU", wanted)


def _require_format(name: str, path: Path) -> None:
    takes_tflite = name.startswith("litert/")
    if takes_tflite == (path.suffix == TFLITE):
        return
    kind = "TensorFlow Lite" if path.suffix == TFLITE else "ONNX"
    fitting = [other for other in NAMES if other.startswith("litert/") != takes_tflite]
    raise EngineError(
        f"{path}: engine {name} does not run {kind} files; {AUTO}, {', '.join(fitting)} do"
    )


def _onnxruntime(device: str, wanted: Wanted) -> "Engine":
    from models.engines.onnxruntime import OnnxRuntimeEngine
    from models.engines.providers import PROVIDERS

    return OnnxRuntimeEngine(wanted.path, wanted.intra_threads, PROVIDERS[device], wanted.cache)


def _openvino(device: str, wanted: Wanted) -> "Engine":
    from models.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(wanted.path, wanted.intra_threads, device, wanted.cache)


def _litert(device: str, wanted: Wanted) -> "Engine":
    from models.engines.litert import LiteRtEngine

    return LiteRtEngine(
        wanted.path, wanted.intra_threads, device, takes_integers=wanted.takes_integers
    )


def _tensorrt(device: str, wanted: Wanted) -> "Engine":
    return _built("tensorrt", wanted)


def _tensorrt_rtx(device: str, wanted: Wanted) -> "Engine":
    return _built("tensorrt_rtx", wanted)


def _built(library: Literal["tensorrt", "tensorrt_rtx"], wanted: Wanted) -> "Engine":
    """Out of the cache, or built first, which takes up to an hour on a small board."""
    from models.compile.tensorrt.cache import EngineCache
    from models.compile.tensorrt.compiler import Compiler
    from models.compile.tensorrt.options import Options
    from models.engines.gpu import find_gpu
    from models.engines.tensorrt import TensorRtEngine, load_pycuda
    from models.engines.tensorrt_library import load_library

    found = load_library(library)
    gpu = find_gpu()
    if gpu is None:
        raise EngineError(
            f"{library} needs an NVIDIA GPU, and this machine has none that its driver shows"
        )
    load_pycuda()  # what is missing is told before anything is built
    with ExitStack() as ends:
        folder = wanted.cache.parent if wanted.cache else Path(ends.enter_context(_scratch()))
        compiler = Compiler(found, gpu, EngineCache(folder))
        made = compiler.compile(
            wanted.name, wanted.path, Options(), lambda _share: None, threading.Event()
        )
        return TensorRtEngine(made.engine, compiler.library)


def _scratch() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="wayside-engine-")


_OPENERS: Mapping[str, Callable[[str, Wanted], "Engine"]] = {
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "litert": _litert,
    "tensorrt": _tensorrt,
    "tensorrt_rtx": _tensorrt_rtx,
}
NAMES = (
    "onnxruntime/CPU", "onnxruntime/CUDA", "onnxruntime/TensorRT", "onnxruntime/OpenVINO",
    "openvino/CPU", "openvino/GPU", "openvino/NPU", "openvino/AUTO",
    "litert/CPU", "litert/EdgeTPU", "tensorrt/GPU", "tensorrt_rtx/GPU",
)  # fmt: skip
"""Each is a library and a device; `auto` is none of them."""

BUILT_FIRST = ("tensorrt/GPU", "tensorrt_rtx/GPU")
"""Those that nobody should wait for whose frames do not."""

_EXTRAS = {"onnxruntime": "edge", "openvino": "openvino", "litert": "litert"}
_PACKAGES = {"onnxruntime": "onnxruntime", "openvino": "openvino", "litert": "ai_edge_litert"}


@contextmanager
def _installed(library: str) -> "Iterator[None]":
    """For imports of an adapter, whose library not every board has.

    Raises:
        EngineError: it is not there; the message says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != _PACKAGES.get(library):
            raise
        raise EngineError(
            f"{library} is not installed: pip install 'wayside[{_EXTRAS[library]}]'"
        ) from error
