"""How long a receipt may take before a batch goes out again."""

_GAIN = 1 / 8
"""Weight of a new observation, as TCP's for its round trip (RFC 6298, section 2)."""


class ReceiptTimeout:
    """Some times the smoothed time from PUBACK to receipt, doubled with each repetition.

    The time is observed from a batch's first PUBACK, also where it went out again since:
    that is too long rather than too short, so a slow cloud is learnt and not flooded.

    Args:
        min_s: never less.
        max_s: never more.
        factor: times the observed time.
    """

    def __init__(self, min_s: float, max_s: float, factor: float) -> None:
        self._min_s = min_s
        self._max_s = max_s
        self._factor = factor
        self.observed_s: float | None = None
        """Smoothed time from PUBACK to receipt, None before the first receipt."""

    def observe(self, seconds: float) -> None:
        """Take in the time that a receipt took."""
        known = self.observed_s
        self.observed_s = seconds if known is None else known + _GAIN * (seconds - known)

    def after(self, overdue: int) -> float:
        """Seconds to wait after the PUBACK of a batch that was overdue so many times."""
        once_s = max(self._min_s, self._factor * (self.observed_s or 0.0))
        return min(self._max_s, once_s * 2.0 ** min(overdue, 32))
