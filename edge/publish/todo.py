"""What is to be sent: fresh events, and old ones that wait for their turn.

Fresh is what became durable while a connection stood and could go at once. Everything else is
old: what gathered while offline, what has to go again, and what was fresh and stayed too long.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.publish.ranges import Ranges
from edge.publish.rows import Stream
from protos.ids import Lane

LIVE_S = 5.0
"""Seconds that a stream's fresh events may wait to be sent before they are old as well."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Events that might be sent now.

    Attributes:
        stream: of the events.
        first: the first seq.
        last: the last seq without a gap.
        old: False where they are fresh.
        ready_s: when they have waited long enough for company.
    """

    stream: Stream
    first: int
    last: int
    old: bool
    ready_s: float

    @property
    def urgency(self) -> tuple[bool, bool, Stream]:
        """What goes first: alarms, then what is fresh, then urgent lanes and old starts."""
        return self.stream.lane is not Lane.ALARM, self.old, self.stream


class Todo:
    """The events to send, each of them either fresh or old."""

    def __init__(self) -> None:
        self._fresh: dict[Stream, Ranges] = {}
        self._ready_s: dict[Stream, float] = {}
        self._old: dict[Stream, Ranges] = {}

    @property
    def old(self) -> int:
        """How many old events there are."""
        return sum(held.count for held in self._old.values())

    def add(self, stream: Stream, first: int, last: int, ready_s: float) -> None:
        """Events that are fresh, and wait for company until then."""
        self._fresh.setdefault(stream, Ranges()).add(first, last)
        self._ready_s.setdefault(stream, ready_s)

    def add_old(self, stream: Stream, first: int, last: int) -> None:
        """Events that are old, whatever they were before."""
        self._take(self._fresh, stream, first, last)
        self._old.setdefault(stream, Ranges()).add(first, last)

    def take(self, stream: Stream, first: int, last: int) -> int:
        """Take events out; how many of them were old."""
        self._take(self._fresh, stream, first, last)
        return self._take(self._old, stream, first, last)

    def take_lane(self, lane: Lane) -> Iterator[tuple[Stream, int, int]]:
        """Take out all that a lane has."""
        for table in (self._fresh, self._old):
            for stream in [stream for stream in table if stream.lane is lane]:
                for first, last in table.pop(stream):
                    yield stream, first, last
                self._ready_s.pop(stream, None)

    def age(self, before_s: float = float("inf")) -> None:
        """What was ready before that time is old from now on."""
        for stream in [one for one, ready_s in self._ready_s.items() if ready_s < before_s]:
            for first, last in self._fresh[stream]:
                self.add_old(stream, first, last)

    def starting_at(self, stream: Stream, seq: int) -> tuple[int, int] | None:
        """From the seq to the end of its range, or None where it is not to be sent."""
        for table in (self._old, self._fresh):
            found = table[stream].starting_at(seq) if stream in table else None
            if found is not None:
                return found
        return None

    def streams(self) -> set[Stream]:
        """The streams that have something to send."""
        return self._fresh.keys() | self._old.keys()

    def candidates(self) -> list[Candidate]:
        """The first events of each stream, fresh and old, in the order of sending."""
        fresh = [
            Candidate(stream, *held.first(), old=False, ready_s=self._ready_s[stream])
            for stream, held in self._fresh.items()
        ]
        old = [
            Candidate(stream, *held.first(), old=True, ready_s=float("-inf"))
            for stream, held in self._old.items()
        ]
        return sorted(fresh + old, key=lambda one: one.urgency)

    def _take(self, table: dict[Stream, Ranges], stream: Stream, first: int, last: int) -> int:
        held = table.get(stream)
        if held is None:
            return 0
        before = held.count
        held.remove(first, last)
        left = held.count
        if not left:
            del table[stream]
            if table is self._fresh:
                del self._ready_s[stream]
        return before - left
