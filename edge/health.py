"""How the agent and its machine do: from the kernel's files and the disk, without a library."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from edge.board import gpu_percent, temperature_c
from edge.nvml import GpuLoad, Nvml
from protos.v1.device_state_pb2 import DeviceState


class HealthProbe:
    """Measures the agent's process, the disk under its outbox, the machine's heat and its GPU.

    Args:
        folder: whose disk is looked at.
        proc: where the kernel's process files are.
        sys: where the kernel's files of devices are.
        card: asks a graphics card; None: NVIDIA's driver, where there is one.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        *,
        proc: Path = Path("/proc/self"),
        sys: Path = Path("/sys"),
        card: Callable[[], GpuLoad] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._proc = proc
        self._sys = sys
        self._card = card or Nvml().read
        self._clock = clock
        self._started_s = self._asked_s = clock()
        self._cpu_s = _cpu_seconds()

    def read(self) -> DeviceState.Health:
        """The state of now; `cpu_percent` is the agent's since the last call, 100 a core."""
        now_s, cpu_s = self._clock(), _cpu_seconds()
        elapsed_s = now_s - self._asked_s
        percent = 100.0 * (cpu_s - self._cpu_s) / elapsed_s if elapsed_s > 0 else 0.0
        self._asked_s, self._cpu_s = now_s, cpu_s
        card = self._card()
        busy = gpu_percent(self._sys) if card.percent is None else card.percent
        warm = [temperature_c(self._sys), card.temperature_c]
        return DeviceState.Health(
            cpu_percent=percent,
            temperature_c=max((told for told in warm if told is not None), default=None),
            gpu_percent=busy,
            memory_bytes=_resident_bytes(self._proc / "statm"),
            disk_free_bytes=shutil.disk_usage(self._folder).free,
            uptime_s=int(now_s - self._started_s),
        )


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def _resident_bytes(statm: Path) -> int:
    """The second number of statm(5) is the resident set in pages."""
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
