"""The GPU of this machine, asked of the CUDA driver itself: no package is needed for that.

Reference: https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__DEVICE.html
"""

import ctypes
from dataclasses import dataclass

_DRIVER = "libcuda.so.1"
_NAME_BYTES = 256
_MULTIPROCESSORS, _CAPABILITY_MAJOR, _CAPABILITY_MINOR = 16, 75, 76
"""CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, _COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """What an engine is built for.

    Attributes:
        name: as the driver says it, `Orin`.
        compute_capability: major and minor.
        multiprocessors: how many; boards of several sizes are all called `Orin`.
        memory_bytes: of the GPU; on a board that of the system.
    """

    name: str
    compute_capability: tuple[int, int]
    multiprocessors: int
    memory_bytes: int

    def __str__(self) -> str:
        major, minor = self.compute_capability
        memory_gib = round(self.memory_bytes / 2**30)
        return f"{self.name} ({major}.{minor}), {self.multiprocessors} SMs, {memory_gib} GiB"


def find_gpu(driver: str = _DRIVER) -> Gpu | None:
    """The first GPU; None where there is none, or no driver for it."""
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return None
    device, major, minor, count = (ctypes.c_int() for _ in range(4))
    memory = ctypes.c_size_t()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    failed = (
        cuda.cuInit(0)
        or cuda.cuDeviceGet(ctypes.byref(device), 0)
        or cuda.cuDeviceGetName(name, _NAME_BYTES, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(minor), _CAPABILITY_MINOR, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(count), _MULTIPROCESSORS, device)
        or cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    )
    if failed:
        return None
    capability = major.value, minor.value
    return Gpu(name.value.decode(errors="replace"), capability, count.value, memory.value)
