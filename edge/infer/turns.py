"""Whose frame is inferred next, where several cameras share a network.

Two rules, and nothing but what they are given decides:

1. Who has a guaranteed rate and is due goes first, the earliest deadline of them before the others
   (EDF, Liu and Layland 1973, without preemption). All guarantees hold whenever they are
   together at most 15 of 16 of what the network carries.
2. Else turns go by rounds, of which two are open at once: who waits has one turn in each, and the
   freshest frame of those who have one left goes first. One turn of 16 is given by this rule even
   while guarantees are due, so guarantees that are too much starve nobody.

Who was served longest ago instead of who is freshest would be as fair, and the frames would be
older: a camera's frame would have half of its interval behind it, on average, as it is taken. At
eight cameras with twice the frames that can be inferred, an inference's time is what that adds
(docs/adr/0070). A camera that is never the freshest waits for three rounds, and no longer.

There is a turn as long as anybody waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.capture.thinning import NS_PER_S

GUARANTEED_IN_A_ROW = 15
"""Turns that guarantees get at most before one goes by rounds."""

OPEN_ROUNDS = 2
"""Rounds that are open at once: the more, the fresher are the frames, and the longer may be the
time between two of one camera."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who has a frame to be inferred.

    Attributes:
        feed: who.
        since_ns: since when, by the monotonic clock.
        read_ns: when the frame was read, which may have replaced others that waited.
    """

    feed: int
    since_ns: int
    read_ns: int


class _Served:
    """What is remembered of a feed.

    Args:
        interval_ns: between two guaranteed turns; None: nothing is guaranteed.
        rounds: that it has had its turn in; who comes later or brings little saves none up.
    """

    __slots__ = ("_due_ns", "_interval_ns", "rounds")

    def __init__(self, interval_ns: int | None, rounds: int) -> None:
        self._interval_ns = interval_ns
        self._due_ns = 0
        self.rounds = rounds

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

    def serve(self, since_ns: int, rounds: int) -> None:
        """It had its turn in the last of so many rounds, with a frame that waited since then."""
        self.rounds = rounds
        if self._interval_ns is not None:
            self._due_ns = self.deadline_ns(since_ns)


class Turns:
    """Gives turns to feeds, which are numbered in the order in which they came."""

    def __init__(self) -> None:
        self._known: dict[int, _Served] = {}
        self._rounds = 0
        self._guaranteed = 0

    def join(self, feed: int, min_fps: float | None = None) -> None:
        """Somebody new, who has a turn in the round that is on.

        Args:
            feed: not known so far.
            min_fps: turns a second that it is guaranteed while it has frames; None: none.
        """
        interval_ns = None if min_fps is None else round(NS_PER_S / min_fps)
        self._known[feed] = _Served(interval_ns, self._rounds)

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
        rounds = self._rounds_of(waiting)
        left = [one for one in waiting if self._known[one.feed].rounds < rounds + OPEN_ROUNDS]
        return max(left, key=lambda one: (one.read_ns, -one.feed))

    def served(self, one: Waiting, waiting: Sequence[Waiting], now_ns: int) -> None:
        """The turn that was given was used: `one` of `waiting`, as they were at the same time."""
        in_a_row = self._guaranteed
        is_guaranteed = in_a_row < GUARANTEED_IN_A_ROW and self._is_due(one, now_ns)
        self._guaranteed = in_a_row + 1 if is_guaranteed else 0
        self._rounds = self._rounds_of(waiting)
        served = self._known[one.feed]
        rounds = max(served.rounds, self._rounds) + 1
        served.serve(one.since_ns, min(rounds, self._rounds + OPEN_ROUNDS))

    def _rounds_of(self, waiting: Sequence[Waiting]) -> int:
        """Rounds that are over: everybody who waits has had a turn in them."""
        return max(self._rounds, min(self._known[one.feed].rounds for one in waiting))

    def _is_due(self, one: Waiting, now_ns: int) -> bool:
        due_ns = self._known[one.feed].due_from_ns(one.since_ns)
        return due_ns is not None and due_ns <= now_ns

    def _deadline(self, one: Waiting) -> tuple[int, int]:
        return self._known[one.feed].deadline_ns(one.since_ns), one.feed
