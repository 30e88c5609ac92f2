"""How long a receipt may take before a batch goes out again."""

_GAIN_UP = 1 / 2
_GAIN_DOWN = 1 / 8
"""Weights of a new observation. Down as TCP's for its round trip (RFC 6298, section 2); up at
once, because a cloud that gets slower must not be told everything twice while that is learnt."""

_MAX_DOUBLINGS = 32


class ReceiptTimeout:
    """Some times the smoothed time from PUBACK to receipt, doubled while receipts stay away.

    The time is observed from a batch's first PUBACK, also where it went out again since:
    that is too long rather than too short, so a slow cloud is learnt and not flooded. What
    doubles is the timeout of all batches (RFC 6298, section 5.5): the next receipt ends it.

    Args:
        min_s: never less.
        max_s: never more.
        factor: times the observed time.
    """

    def __init__(self, min_s: float, max_s: float, factor: float) -> None:
        self._min_s = min_s
        self._max_s = max_s
        self._factor = factor
        self._doublings = 0
        self._doubled_until_s = float("-inf")
        self.observed_s: float | None = None
        """Smoothed time from PUBACK to receipt, None before the first receipt."""

    def observe(self, seconds: float) -> None:
        """Take in the time that a receipt took."""
        known = self.observed_s
        self._doublings = 0
        if known is None:
            self.observed_s = seconds
        else:
            gain = _GAIN_UP if seconds > known else _GAIN_DOWN
            self.observed_s = known + gain * (seconds - known)

    def missed(self, now_s: float) -> None:
        """A receipt is overdue; those that went out before the last doubling say nothing new."""
        if now_s >= self._doubled_until_s and self._doublings < _MAX_DOUBLINGS:
            self._doublings += 1
            self._doubled_until_s = now_s + self.after(0)

    def after(self, overdue: int) -> float:
        """Seconds to wait after the PUBACK of a batch that was overdue so many times."""
        once_s = max(self._min_s, self._factor * (self.observed_s or 0.0))
        doublings = max(self._doublings, min(overdue, _MAX_DOUBLINGS))
        return min(self._max_s, once_s * 2.0**doublings)
