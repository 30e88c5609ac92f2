"""When old events may go, so that a fleet that comes back does not drown its broker.

The limiter is the virtual scheduling of ATM's generic cell rate algorithm (ITU-T I.371, annex
A): one number, the time from which on the next event conforms, so that no rounding errors
accumulate.
"""

from collections.abc import Callable

BURST_S = 1.0
"""So long must nothing have gone for a second's worth to go at once."""


class Pace:
    """When the next old events may go.

    Within any T seconds, at most `max_per_s` x (T + BURST_S) events and one batch go.

    Args:
        max_per_s: events a second.
        start_max_s: the longest wait before a replay begins.
        share: a number from 0 to 1 by chance, so that devices do not begin together.
    """

    def __init__(self, max_per_s: float, start_max_s: float, share: Callable[[], float]) -> None:
        self._max_per_s = max_per_s
        self._start_max_s = start_max_s
        self._share = share
        self._conforms_s = float("-inf")
        self._starts_s = float("-inf")

    def begin(self, backlog: int, now_s: float) -> None:
        """A connection stands, with so many old events.

        The wait is by chance up to the time that the replay itself takes: who has little to
        say need not wait for those who have much.
        """
        longest_s = min(self._start_max_s, backlog / self._max_per_s)
        self._starts_s = now_s + self._share() * longest_s

    def opens_s(self, *, urgent: bool) -> float:
        """From when on old events may go; urgent ones skip the wait at the beginning."""
        return self._conforms_s if urgent else max(self._conforms_s, self._starts_s)

    def spend(self, events: int, now_s: float) -> None:
        """So many old events go out now."""
        begun_s = max(self._conforms_s, now_s - BURST_S)
        self._conforms_s = begun_s + events / self._max_per_s
