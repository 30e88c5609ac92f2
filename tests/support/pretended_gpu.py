"""pycuda and TensorRT's runtime as far as our adapter calls them, on NumPy.

No GPU is to be had on a development machine, and pycuda cannot be built there. This shows that the
adapter itself is whole: buffers, slots, threads, closing. It is as strict as CUDA where the adapter
could go wrong: every call needs a context that is current in its thread, and memory is not used
once it was freed. That the real ones do what is pretended here is shown by `tests/gpu/` alone.

References: https://documen.tician.de/pycuda/driver.html,
https://docs.nvidia.com/deeplearning/tensorrt/latest/_static/python-api/
"""

import threading
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.engines.tensorrt_library import Library

Shape = tuple[int, ...]


class CudaError(Exception):
    """As pycuda.driver.Error."""


class PretendedCuda:
    """As the module pycuda.driver."""

    Error = CudaError

    def __init__(self) -> None:
        self.memory: dict[int, NDArray[np.uint8]] = {}
        self.lock = threading.Lock()
        self._next = 256
        self._stacks = threading.local()

    def init(self) -> None:
        """Nothing to do."""

    def Device(self, number: int) -> Any:  # noqa: N802 - pycuda's own name
        assert number == 0
        context = SimpleNamespace(push=self._push, pop=self._pop)
        return SimpleNamespace(retain_primary_context=lambda: context)

    def Stream(self) -> Any:  # noqa: N802 - pycuda's own name
        self.require_context()
        return SimpleNamespace(handle=7, synchronize=self.require_context)

    def pagelocked_empty(self, shape: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        self.require_context()
        return np.empty(shape, dtype)

    def mem_alloc(self, size: int) -> "Allocation":
        self.require_context()
        with self.lock:
            address, self._next = self._next, self._next + size + 256
            self.memory[address] = np.zeros(size, np.uint8)
        return Allocation(self, address)

    def memcpy_htod_async(self, to: "Allocation", source: NDArray[Any], stream: Any) -> None:
        self.require_context()
        content = np.frombuffer(source.tobytes(), np.uint8)
        self.memory[int(to)][: content.size] = content

    def memcpy_dtoh_async(self, to: NDArray[Any], source: "Allocation", stream: Any) -> None:
        self.require_context()
        content = self.memory[int(source)][: to.nbytes].tobytes()
        to[:] = np.frombuffer(content, to.dtype)

    def require_context(self) -> None:
        if not getattr(self._stacks, "depth", 0):
            raise CudaError("invalid device context")

    def _push(self) -> None:
        self._stacks.depth = getattr(self._stacks, "depth", 0) + 1

    def _pop(self) -> None:
        self.require_context()
        self._stacks.depth -= 1


class Allocation:
    """Memory of the device."""

    def __init__(self, cuda: PretendedCuda, address: int) -> None:
        self._cuda, self._address = cuda, address

    def __int__(self) -> int:
        return self._address

    def free(self) -> None:
        self._cuda.require_context()
        del self._cuda.memory[self._address]


class _Mode(Enum):
    INPUT = 1
    OUTPUT = 2


def pretended_library(cuda: PretendedCuda, most: int = 64, output: Shape = (-1, 3)) -> Library:
    """A TensorRT whose every engine takes x (batch, 3) and returns twice and square of it."""
    shapes = {"x": (-1, 3), "twice": output, "square": output}

    class Context:
        def __init__(self) -> None:
            cuda.require_context()
            self._shape: Shape = (-1, 3)
            self._addresses: dict[str, int] = {}

        def set_input_shape(self, name: str, shape: Shape) -> None:
            assert name == "x"
            self._shape = tuple(shape)

        def get_tensor_shape(self, name: str) -> Shape:
            return self._shape if shapes[name] == (-1, 3) else shapes[name]

        def set_tensor_address(self, name: str, address: int) -> None:
            self._addresses[name] = address

        def execute_async_v3(self, stream: int) -> bool:
            cuda.require_context()
            size = 12 * self._shape[0]
            x = cuda.memory[self._addresses["x"]][:size].view(np.float32)
            for name, y in (("twice", x + x), ("square", x * x)):
                cuda.memory[self._addresses[name]][:size] = y.view(np.uint8)
            return True

    engine = SimpleNamespace(
        num_io_tensors=3,
        get_tensor_name=list(shapes).__getitem__,
        get_tensor_mode=lambda name: _Mode.INPUT if name == "x" else _Mode.OUTPUT,
        get_tensor_shape=shapes.__getitem__,
        get_tensor_dtype=lambda name: "float32",
        get_tensor_profile_shape=lambda name, profile: ((1, 3), (1, 3), (most, 3)),
        create_execution_context=Context,
    )
    module = SimpleNamespace(
        Logger=_Logger,
        Runtime=lambda logger: SimpleNamespace(
            deserialize_cuda_engine=lambda content: engine if content == b"engine" else None
        ),
        TensorIOMode=_Mode,
        nptype=np.dtype,
    )
    return Library("tensorrt", "10.3.0", cast(ModuleType, module))


class _Logger:
    ERROR = 1

    def __init__(self, level: int) -> None:
        assert level == self.ERROR
