"""Memory and processor time of processes, sampled from outside while they work."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MB = 1e6


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process had used at a time.

    Attributes:
        at_s: since the sampling began.
        cpu_s: seconds of processor time, in user and in kernel mode, since the process began.
        rss_bytes: its resident set.
    """

    at_s: float
    cpu_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """A process over the time of its sampling; at least two samples."""

    name: str
    samples: Sequence[Sample]

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time between the first sample and the last."""
        return self.samples[-1].cpu_s - self.samples[0].cpu_s

    @property
    def max_rss_bytes(self) -> int:
        """The largest resident set that was seen."""
        return max(sample.rss_bytes for sample in self.samples)

    def after(self, at_s: float) -> "Usage":
        """What was sampled from a time on."""
        return Usage(self.name, [sample for sample in self.samples if sample.at_s >= at_s])

    def slope_bytes_a_minute(self) -> float:
        """How fast the resident set grows: the slope of the line of least squares."""
        times = np.array([sample.at_s for sample in self.samples])
        sizes = np.array([sample.rss_bytes for sample in self.samples], dtype=np.float64)
        return float(np.polyfit(times, sizes, 1)[0] * 60)


class Sampler:
    """Samples processes until it is left.

    Args:
        pids: by name.
        every_s: time between two samples.
        also: called with each sample, for what else is worth watching.
    """

    def __init__(
        self,
        pids: Mapping[str, int],
        every_s: float,
        also: Callable[[float], object] = lambda at_s: None,
    ) -> None:
        self._pids = dict(pids)
        self._every_s = every_s
        self._also = also
        self._samples: dict[str, list[Sample]] = {name: [] for name in pids}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._begun_s = 0.0

    def __enter__(self) -> "Sampler":
        self._begun_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def usages(self) -> list[Usage]:
        """What was seen of each process; once the sampling has ended."""
        return [Usage(name, samples) for name, samples in self._samples.items()]

    def _run(self) -> None:
        while True:
            at_s = time.monotonic() - self._begun_s
            for name, pid in self._pids.items():
                if (sample := _sample(pid, at_s)) is not None:
                    self._samples[name].append(sample)
            self._also(at_s)
            if self._stop.wait(self._every_s):
                return


def resident_bytes(pid: int) -> int:
    """The resident set of a process that runs."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def table(usages: Sequence[Usage], warm_s: float) -> str:
    """A line a process: its CPU, its memory, and how fast that grew once it was warm."""
    lines = [
        f"{'process':10} {'CPU s':>7} {'RSS MB first':>13} {'last':>6} {'max':>6} "
        f"{f'MB/min after {warm_s:.0f} s':>20}"
    ]
    for usage in usages:
        first, last = usage.samples[0].rss_bytes, usage.samples[-1].rss_bytes
        slope = usage.after(warm_s).slope_bytes_a_minute() / MB
        lines.append(
            f"{usage.name:10} {usage.cpu_s:7.1f} {first / MB:13.0f} {last / MB:6.0f} "
            f"{usage.max_rss_bytes / MB:6.0f} {slope:20.2f}"
        )
    return "\n".join(lines)


def _sample(pid: int, at_s: float) -> Sample | None:
    """None once the process has ended; fields as proc(5) has them, from its third, the state."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] == "Z":
        return None
    user, system, pages = int(fields[11]), int(fields[12]), int(fields[21])
    return Sample(at_s, (user + system) / _TICKS_A_SECOND, pages * _PAGE_BYTES)
