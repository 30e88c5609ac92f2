"""The middle and the quartiles of what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something takes, ms.

    Attributes:
        low_ms: a quarter of the runs takes less.
        median_ms: half of them.
        high_ms: three quarters.
        runs: how many there were.
    """

    low_ms: float
    median_ms: float
    high_ms: float
    runs: int

    @classmethod
    def of(cls, took_s: Sequence[float]) -> "Timing":
        """Of one run or more, seconds each."""
        if len(took_s) == 1:
            (only_s,) = took_s
            return cls(only_s * 1e3, only_s * 1e3, only_s * 1e3, 1)
        low, median, high = quantiles(took_s, n=4, method="inclusive")
        return cls(low * 1e3, median * 1e3, high * 1e3, len(took_s))
