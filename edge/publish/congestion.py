"""How many old batches of a lane may be without a receipt at once.

The line from here to the store, whoever else uses it, carries what it carries: who waits for
receipts before sending more never drowns it. The bound grows and shrinks as TCP's window does
(RFC 5681, section 3.1): by one for each receipt in time until the first is overdue, from then
on by one for a whole window of them; one that is overdue halves it.
"""

INITIAL_BATCHES = 4
"""As TCP begins (RFC 3390): a short break costs nobody a wait, a fleet of them no flood."""


class Congestion:
    """A bound that follows the receipts; never less than one batch.

    Args:
        max_batches: never more.

    Attributes:
        window: batches, as a fraction grows until it is one more.
    """

    def __init__(self, max_batches: int) -> None:
        self._max = float(max(1, max_batches))
        self._threshold = self._max
        self._halved_until_s = float("-inf")
        self.window = min(self._max, float(INITIAL_BATCHES))

    def in_time(self) -> None:
        """A receipt came for a batch that went out once."""
        step = 1.0 if self.window < self._threshold else 1.0 / self.window
        self.window = min(self._max, self.window + step)

    def overdue(self, now_s: float, hold_s: float) -> None:
        """A receipt is overdue; others that are within `hold_s` seconds say nothing new."""
        if now_s >= self._halved_until_s:
            self._halved_until_s = now_s + hold_s
            self.window = self._threshold = max(1.0, self.window / 2)
