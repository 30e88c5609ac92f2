"""The machine: its clock, the OpenCV in use, what can run networks."""

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from importlib.util import find_spec
from pathlib import Path

from edge.doctor.finding import Finding, ok, warning, wrong
from edge.publish.clock import clock_synced
from models.engines import gpu, tensorrt_library
from models.errors import EngineError

_BOARD = Path("/proc/device-tree/model")
_BUILT_S = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()
"""No clock that is right is before this."""


def machine() -> Iterator[Finding]:
    """What this machine is and has."""
    yield ok("machine", f"{board()}, Python {platform.python_version()}")
    yield clock(time.time(), clock_synced())
    yield _opencv()
    yield from accelerators(gpu.find_gpu(), lambda module: find_spec(module) is not None)


def board() -> str:
    """What machine this is, as its device tree says, or its kernel."""
    try:
        return _BOARD.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return f"{platform.system()} on {platform.machine()}"


def clock(now_s: float, synced: bool) -> Finding:
    """What there is to say of a wall clock, in Unix s, and of who keeps it."""
    told = datetime.fromtimestamp(now_s, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    remedy = "start a time service: `timedatectl set-ntp true`, or chrony, and see `timedatectl`"
    if now_s < _BUILT_S:
        return wrong("clock", f"{told}: it was never set, and events carry its times", remedy)
    if not synced:
        return warning(
            "clock",
            f"{told}, and no time service that the kernel knows keeps it: meanwhile no event in "
            "the outbox is too old",
            remedy,
        )
    return ok("clock", f"{told}, kept by a time service")


def _opencv() -> Finding:
    from edge.capture.opencv import build

    found = build()
    return opencv(found.version, found.folder, found.backends)


def opencv(version: str, folder: Path, backends: Sequence[str]) -> Finding:
    """What there is to say of a cv2 and its ways of decoding."""
    told = f"{version} from {folder}, {', '.join(backends) or 'no video at all'}"
    if "FFmpeg" not in backends:
        return wrong(
            "opencv", told, "files and streams need OpenCV with FFmpeg: pip install opencv-python"
        )
    return ok("opencv", told)


def accelerators(found: gpu.Gpu | None, is_installed: Callable[[str], bool]) -> Iterator[Finding]:
    """What runs networks on a machine beside its CPU.

    Args:
        found: its GPU.
        is_installed: whether a Python module is there.
    """
    if found is None:
        yield ok("gpu", "none that NVIDIA's driver shows")
        return
    yield ok("gpu", str(found))
    if not any(map(is_installed, tensorrt_library.NAMES)):
        yield warning(
            "tensorrt", "not installed, so ONNX Runtime runs the network",
            "on a Jetson apt-get install python3-libnvinfer, and let the environment see the "
            "system's packages (python3 -m venv --system-site-packages)",
        )  # fmt: skip
        return
    try:
        yield ok("tensorrt", str(tensorrt_library.load_library()))
    except EngineError as error:
        yield wrong("tensorrt", str(error))
    if not is_installed("pycuda"):
        yield warning(
            "pycuda", "not installed, and TensorRT's engines are run by it",
            "pip install 'wayside[tensorrt]', where CUDA's headers are",
        )  # fmt: skip
