"""How a graphics card of NVIDIA's does, asked of its driver: no package is needed for that.

Reference: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html
A Jetson's GPU has this library too, but tells nothing by it: see `board`.
"""

import ctypes
from typing import NamedTuple

_LIBRARY = "libnvidia-ml.so.1"
_TEMPERATURE_GPU = 0
"""NVML_TEMPERATURE_GPU of nvml.h."""


class GpuLoad(NamedTuple):
    """How busy and how warm; None: it does not tell."""

    percent: float | None
    temperature_c: float | None


class _Utilization(ctypes.Structure):
    """`nvmlUtilization_t`: percent of the time, over the last period that was sampled."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Nvml:
    """The first card of this machine, if there is one.

    Args:
        library: of the driver.
    """

    def __init__(self, library: str = _LIBRARY) -> None:
        self._nvml: ctypes.CDLL | None = None
        self._card = ctypes.c_void_p()
        try:
            nvml = ctypes.CDLL(library)
        except OSError:
            return
        card = ctypes.byref(self._card)
        failed = nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByIndex_v2(0, card)
        self._nvml = None if failed else nvml

    def read(self) -> GpuLoad:
        """How it does now."""
        if self._nvml is None:
            return GpuLoad(None, None)
        busy, degrees = _Utilization(), ctypes.c_uint()
        no_load = self._nvml.nvmlDeviceGetUtilizationRates(self._card, ctypes.byref(busy))
        no_heat = self._nvml.nvmlDeviceGetTemperature(
            self._card, _TEMPERATURE_GPU, ctypes.byref(degrees)
        )
        return GpuLoad(
            None if no_load else float(busy.gpu), None if no_heat else float(degrees.value)
        )
