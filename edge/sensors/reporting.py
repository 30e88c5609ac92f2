"""Which readings are told: changes, and one now and then. Pure."""

_NS_PER_S = 1_000_000_000


class Reporting:
    """Tells the first reading, each that differs enough from the last one told, and one at times.

    Measured from what was told last, a slow drift is told as well, and a tremble is not.

    Args:
        every_s: a reading is told at least once in so many s, changed or not.
        min_change: a smaller change is none; None: changes alone are not told.
    """

    def __init__(self, every_s: float, min_change: float | None) -> None:
        self._every_ns = round(every_s * _NS_PER_S)
        self._min_change = min_change
        self._told: tuple[int, float] | None = None

    def is_due(self, at_ns: int, value: float) -> bool:
        """True where this reading is to be told; it counts as told then.

        Args:
            at_ns: when it was read; times increase.
            value: in the sensor's unit.
        """
        if self._told is not None:
            told_ns, told = self._told
            has_changed = self._min_change is not None and abs(value - told) >= self._min_change
            if not has_changed and at_ns - told_ns < self._every_ns:
                return False
        self._told = (at_ns, value)
        return True
