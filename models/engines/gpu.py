"""The GPU of this machine, asked of the CUDA driver itself: no package is needed for that.

Reference: https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__DEVICE.html
"""

import ctypes
from dataclasses import dataclass

_DRIVER = "libcuda.so.1"
_NAME_BYTES = 256
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of cuda.h."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """What an engine is built for.

    Attributes:
        name: as the driver says it, `Orin`.
        compute_capability: major and minor.
    """

    name: str
    compute_capability: tuple[int, int]

    def __str__(self) -> str:
        major, minor = self.compute_capability
        return f"{self.name} ({major}.{minor})"


def find_gpu(driver: str = _DRIVER) -> Gpu | None:
    """The first GPU; None where there is none, or no driver for it."""
    try:
        cuda = ctypes.CDLL(driver)
    except OSError:
        return None
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    failed = (
        cuda.cuInit(0)
        or cuda.cuDeviceGet(ctypes.byref(device), 0)
        or cuda.cuDeviceGetName(name, _NAME_BYTES, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(minor), _CAPABILITY_MINOR, device)
    )
    if failed:
        return None
    return Gpu(name.value.decode(errors="replace"), (major.value, minor.value))
