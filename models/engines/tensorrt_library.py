"""Which TensorRT this machine has: NVIDIA's `tensorrt`, 8.6 to 11, or `tensorrt_rtx`.

Both are the same API under two names. What differs between versions is asked of the module
itself, not of its number, wherever it can be: see `models.compile.tensorrt.network`.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Literal, cast

from models.errors import EngineError

Name = Literal["tensorrt", "tensorrt_rtx"]

NAMES: tuple[Name, ...] = ("tensorrt", "tensorrt_rtx")
"""In order of preference: a Jetson has the first only, and it is tuned for its own GPU."""

OLDEST = (8, 6)

_INSTALL = (
    "TensorRT is not installed: on a Jetson apt-get install python3-libnvinfer, and let the "
    "environment see the system's packages; on a PC pip install tensorrt-rtx-cu13"
)


@dataclass(frozen=True, slots=True)
class Library:
    """A TensorRT that can be used.

    Attributes:
        name: of its Python module.
        version: as it says it, `10.3.0`.
        module: itself; its types are those of the version.
    """

    name: Name
    version: str
    module: ModuleType

    @property
    def is_rtx(self) -> bool:
        """True for TensorRT-RTX, whose engines are compiled to the end where they are loaded."""
        return self.name == "tensorrt_rtx"

    def __str__(self) -> str:
        return f"{'TensorRT-RTX' if self.is_rtx else 'TensorRT'} {self.version}"


def is_installed() -> bool:
    """True where one of them could be imported; nothing is."""
    return any(find_spec(name) is not None for name in NAMES)


def can_run() -> bool:
    """True where pycuda, which runs its engines, could be imported; nothing is."""
    return find_spec("pycuda") is not None


def load_library(name: Name | None = None) -> Library:
    """A TensorRT of this machine; the import takes a moment, in which no other Python runs.

    Args:
        name: the one that is wanted; default: the first of `NAMES` that is there.

    Raises:
        EngineError: it is not installed, cannot be loaded, or is too old.
    """
    wanted = NAMES if name is None else (name,)
    there = next((one for one in wanted if find_spec(one) is not None), None)
    if there is None:
        raise EngineError(_INSTALL)
    try:
        return _checked(there, _imported(there))
    except (ImportError, OSError) as error:
        raise EngineError(
            f"{there} cannot be loaded: {error}; see that the libraries of its own version are "
            "installed"
        ) from error


def _imported(name: Name) -> ModuleType:
    if name == "tensorrt":
        import tensorrt

        return cast(ModuleType, tensorrt)
    import tensorrt_rtx

    return cast(ModuleType, tensorrt_rtx)


def _checked(name: Name, module: ModuleType) -> Library:
    version = str(module.__version__)
    major, minor = (int(part) for part in version.split(".")[:2])
    if name == "tensorrt" and (major, minor) < OLDEST:
        raise EngineError(f"TensorRT {version} is too old: 8.6 or newer is needed")
    return Library(name, version, module)
