"""How many messages a device may be sent: a token bucket each. No I/O.

One command that repeats without an end, or one writer gone wild, must not fill a device's link
nor the broker's queue for it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float
    is_empty: bool = False


class RateLimit:
    """Buckets of tokens by device; one thread uses them.

    A bucket that has filled up again says nothing that a new one would not, so only those of
    devices that were sent something within `burst / rate` seconds are kept.

    Args:
        rate: messages/s in the long run.
        burst: messages at once.
        clock: monotonic seconds.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        """Devices whose bucket is kept."""
        return len(self._buckets)

    def admits(self, device: str) -> tuple[bool, bool]:
        """Take a token.

        Returns:
            whether there was one, and whether this is the first time that there was none.
        """
        now_s = self._clock()
        bucket = self._buckets.pop(device, None) or _Bucket(self._burst, now_s)
        self._forget_full(now_s)
        self._buckets[device] = bucket
        bucket.tokens = min(self._burst, bucket.tokens + self._rate * (now_s - bucket.at_s))
        bucket.at_s = now_s
        was_empty, bucket.is_empty = bucket.is_empty, bucket.tokens < 1
        if not bucket.is_empty:
            bucket.tokens -= 1
        return not bucket.is_empty, bucket.is_empty and not was_empty

    def _forget_full(self, now_s: float) -> None:
        """The least recently used stand first."""
        idle_s = self._burst / self._rate
        while self._buckets:
            device, bucket = next(iter(self._buckets.items()))
            if now_s - bucket.at_s < idle_s:
                return
            del self._buckets[device]
