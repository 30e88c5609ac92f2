"""What was measured of objects within the last seconds, and how fast it changes.

Kept are up to SLOTS moments of the window, evenly spread in time, and always the last frame: memory
and work are the same at every frame rate.
"""

import numpy as np
from numpy.typing import NDArray

from edge.rules.latch import NS_PER_S
from edge.rules.objects import F64

SLOTS = 12
_MIN_SPREAD = 0.14
"""Standard deviation of the times seen, in windows, below which nothing is said; those of half a
window, evenly seen, have half the square root of a twelfth: 0.144."""
_FIRST, _SECOND = np.triu_indices(SLOTS, 1)


class Trail:
    """C measures of N objects over a window.

    Args:
        measures: C.
        window_s: how far back it reaches.
    """

    def __init__(self, measures: int, window_s: float) -> None:
        self._window_ns = round(window_s * NS_PER_S)
        self._step_ns = self._window_ns // (SLOTS - 2)
        self._newest = 0
        self._begun_ns = -self._window_ns
        self._values = np.empty((SLOTS, measures, 0))
        # Each object's own, for one that was not seen in the last frame of a slot was measured
        # before it: at the slot's time it would seem slower or faster than it is.
        self._times_ns = np.empty((SLOTS, 0), np.int64)

    def grow(self, count: int) -> None:
        """There are `count` more objects, of which nothing is known."""
        added = np.full((*self._values.shape[:2], count), np.nan)
        self._values = np.concatenate((self._values, added), axis=2)
        # Before all frames, no two the same: their measures are NaN.
        before_ns = -2 * self._window_ns - np.arange(SLOTS, dtype=np.int64)
        times_ns = np.repeat(before_ns[:, None], count, axis=1)
        self._times_ns = np.concatenate((self._times_ns, times_ns), axis=1)

    def keep(self, columns: NDArray[np.bool_]) -> None:
        """Forget the objects whose column is False."""
        self._values = self._values[:, :, columns]
        self._times_ns = self._times_ns[:, columns]

    def see(self, now_ns: int, columns: NDArray[np.intp], values: F64) -> None:
        """Take in what a frame shows.

        Args:
            now_ns: its time.
            columns: (S,) of the objects that are seen.
            values: (C, S), NaN where not known.
        """
        if now_ns - self._begun_ns >= self._step_ns:
            self._newest = (self._newest + 1) % SLOTS
            self._begun_ns = now_ns
            self._values[self._newest] = np.nan
            self._times_ns[self._newest] = now_ns
        self._times_ns[self._newest, columns] = now_ns
        self._values[self._newest, :, columns] = values.T

    def mean_slopes(self, now_ns: int, columns: NDArray[np.intp]) -> F64:
        """(C, S), change in a second by least squares; NaN where seen for less than half of it."""
        age_s = (self._times_ns.take(columns, axis=1) - now_ns) / NS_PER_S
        values = self._values[:, :, columns]
        is_known = np.isfinite(values[:, 0]) & (age_s >= -self._window_ns / NS_PER_S)
        age_s = np.where(is_known, age_s, 0.0)
        values = np.where(is_known[:, None], values, 0.0)
        count = np.maximum(np.count_nonzero(is_known, axis=0), 1)
        mean_age = age_s.sum(axis=0) / count
        mean = values.sum(axis=0) / count
        variance = np.square(age_s).sum(axis=0) / count - np.square(mean_age)
        covariance = (age_s[:, None] * values).sum(axis=0) / count - mean_age * mean
        is_enough = variance >= (_MIN_SPREAD * self._window_ns / NS_PER_S) ** 2
        slopes: F64 = np.where(is_enough, covariance / np.where(is_enough, variance, 1.0), np.nan)
        return slopes

    def median_lines(self, now_ns: int, columns: NDArray[np.intp]) -> tuple[F64, F64]:
        """Slope in a second, and value now, of the first measure; (S,) each, NaN as above.

        The slope is the median of those between every two moments (Sen 1968, "Estimates of the
        regression coefficient based on Kendall's tau", J. Am. Stat. Assoc. 63), so that a few
        boxes that are wrong move nothing.
        """
        age_s = (self._times_ns.take(columns, axis=1) - now_ns) / NS_PER_S
        window_s = self._window_ns / NS_PER_S
        is_recent = age_s >= -window_s
        values = np.where(is_recent, self._values[:, 0, columns], np.nan)
        slope = _median((values[_SECOND] - values[_FIRST]) / (age_s[_SECOND] - age_s[_FIRST]))
        ages = np.where(np.isfinite(values), age_s, 0.0)
        is_enough = -ages.min(axis=0) >= window_s / 2
        slope = np.where(is_enough, slope, np.nan)
        return slope, _median(values - slope * age_s)


def _median(values: F64) -> F64:
    """(S,), the median of each column of (M, S) that is not NaN; NaN where all are."""
    ranked = np.sort(values, axis=0)  # NaN last
    count = np.count_nonzero(~np.isnan(ranked), axis=0)
    lower, each = np.maximum(count - 1, 0) // 2, np.arange(values.shape[1])
    upper = np.minimum(count // 2, len(ranked) - 1)
    medians: F64 = (ranked[lower, each] + ranked[upper, each]) / 2
    return medians
