"""Not too fast for the line that events share, not too slow to be honest. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class TokenBucket:
    """How long to wait so that a rate is kept; short bursts go through.

    Args:
        bytes_per_s: that may pass.
        burst_s: of unused time that may be made up for.
    """

    bytes_per_s: float
    burst_s: float = 1.0
    _tokens: float = field(default=0.0, init=False)
    _at_s: float | None = field(default=None, init=False)

    def wait_s(self, taken: int, now_s: float) -> float:
        """Seconds to wait after bytes were taken.

        Args:
            taken: bytes.
            now_s: monotonic time.
        """
        elapsed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        most = self.bytes_per_s * self.burst_s
        self._tokens = min(most, self._tokens + elapsed_s * self.bytes_per_s) - taken
        return max(0.0, -self._tokens / self.bytes_per_s)


@dataclass(slots=True)
class MinimumRate:
    """Whether a sender is too slow: over a window of waiting for it, it has sent too little.

    Only time spent waiting counts; what a rate limit of our own takes is nobody's fault.

    Args:
        bytes_per_s: that must come.
        window_s: of waiting over which they must have.
    """

    bytes_per_s: float
    window_s: float
    _waited_s: float = field(default=0.0, init=False)
    _got: int = field(default=0, init=False)

    def is_too_slow(self, waited_s: float, got: int) -> bool:
        """After a wait.

        Args:
            waited_s: how long it was.
            got: bytes that came of it.
        """
        self._waited_s += waited_s
        self._got += got
        if self._waited_s < self.window_s:
            return False
        is_slow = self._got < self.bytes_per_s * self._waited_s
        self._waited_s, self._got = 0.0, 0
        return is_slow
