"""Whose frame is inferred next, where several cameras share a network.

Two rules, and nothing but what they are given decides:

1. Who has a guaranteed rate and is due goes first, the earliest deadline of them before the others
   (EDF, Liu and Layland 1973, without preemption). All guarantees hold whenever they are
   together at most 15 of 16 of what the network carries.
2. Else it is the turn of who was served longest ago. One turn of 16 is given by this rule even
   while guarantees are due, so guarantees that are too much starve nobody.

There is a turn as long as anybody waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.capture.thinning import NS_PER_S

GUARANTEED_IN_A_ROW = 15
"""Turns that guarantees get at most before one goes to who was served longest ago."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who has a frame to be inferred.

    Attributes:
        feed: who.
        since_ns: since when, by the monotonic clock.
    """

    feed: int
    since_ns: int


class _Served:
    """What is remembered of a feed.

    Args:
        interval_ns: between two guaranteed turns; None: nothing is guaranteed.
        last: number of its last turn.
    """

    __slots__ = ("_due_ns", "_interval_ns", "last")

    def __init__(self, interval_ns: int | None, last: int) -> None:
        self._interval_ns = interval_ns
        self._due_ns = 0
        self.last = last

    def due_from_ns(self, since_ns: int) -> int | None:
        """From when on its next guaranteed turn is due; None: nothing is guaranteed.

        Who had no frame for more than an interval does not save up turns for later.
        """
        if self._interval_ns is None:
            return None
        return max(self._due_ns, since_ns - self._interval_ns)

    def deadline_ns(self, since_ns: int) -> int:
        """Until when the guaranteed turn that is due must be given."""
        assert self._interval_ns is not None
        return max(self._due_ns + self._interval_ns, since_ns)

    def serve(self, since_ns: int, turn: int) -> None:
        """It had this turn, with a frame that waited since then."""
        self.last = turn
        if self._interval_ns is not None:
            self._due_ns = self.deadline_ns(since_ns)


class Turns:
    """Gives turns to feeds, which are numbered in the order in which they came."""

    def __init__(self) -> None:
        self._known: dict[int, _Served] = {}
        self._turn = 0
        self._guaranteed = 0

    def join(self, feed: int, min_fps: float | None = None) -> None:
        """Somebody new, who counts as having been served just now.

        Args:
            feed: not known so far.
            min_fps: turns a second that it is guaranteed while it has frames; None: none.
        """
        interval_ns = None if min_fps is None else round(NS_PER_S / min_fps)
        self._known[feed] = _Served(interval_ns, self._turn)

    def leave(self, feed: int) -> None:
        """Somebody who will not come again."""
        del self._known[feed]

    def choose(self, waiting: Sequence[Waiting], now_ns: int) -> Waiting:
        """Whose turn it is; asking changes nothing.

        Args:
            waiting: at least one.
            now_ns: by the monotonic clock.
        """
        if self._guaranteed < GUARANTEED_IN_A_ROW:
            due = [one for one in waiting if self._is_due(one, now_ns)]
            if due:
                return min(due, key=self._deadline)
        return min(waiting, key=lambda one: (self._known[one.feed].last, one.feed))

    def served(self, one: Waiting, now_ns: int) -> None:
        """The turn that was given was used: `one` as it was, at the same time."""
        in_a_row = self._guaranteed
        is_guaranteed = in_a_row < GUARANTEED_IN_A_ROW and self._is_due(one, now_ns)
        self._guaranteed = in_a_row + 1 if is_guaranteed else 0
        self._turn += 1
        self._known[one.feed].serve(one.since_ns, self._turn)

    def _is_due(self, one: Waiting, now_ns: int) -> bool:
        due_ns = self._known[one.feed].due_from_ns(one.since_ns)
        return due_ns is not None and due_ns <= now_ns

    def _deadline(self, one: Waiting) -> tuple[int, int]:
        return self._known[one.feed].deadline_ns(one.since_ns), one.feed
