"""Drafts in memory, bounded, until the next commit takes them."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from edge.evidence.port import Name, Shot
from edge.publish.clock import ClockState
from edge.publish.rows import ROW_OVERHEAD_BYTES
from protos.ids import Lane


@dataclass(frozen=True, slots=True)
class Staged:
    """A draft on its way to the disk: serialised, still without a seq.

    Attributes:
        lane: of the event, or EVIDENCE for a picture.
        captured_ns: Unix time of its frame.
        clock: what was known of the clock.
        body: the message without what its seq decides.
        staged_ns: when it was appended, by the monotonic clock; None where nobody waits for it.
        shot: the picture that the event shows, or that this is.
        name: where the event's id is written once it is durable.
    """

    lane: Lane
    captured_ns: int
    clock: ClockState
    body: bytes
    staged_ns: int | None = None
    shot: Shot | None = None
    name: Name | None = None

    @property
    def is_picture(self) -> bool:
        """True where it is the picture itself, and no event that shows one."""
        return self.lane is Lane.EVIDENCE and self.shot is not None

    @property
    def bytes(self) -> int:
        """What it counts against a bound."""
        return len(self.body) + ROW_OVERHEAD_BYTES


class Staging:
    """A queue per lane, with one bound for all; when it is full, the least urgent go.

    Not safe for threads: its owner holds a lock.

    Args:
        max_bytes: what the drafts may occupy; those that are taken for a commit come on top,
            or an alarm would have to go because a commit holds everything less urgent.

    Attributes:
        last: number of the draft that was put last; drafts are numbered as they come.
        dropped: drafts that were given up, by lane; its owner clears it once it is recorded.
    """

    def __init__(self, max_bytes: int) -> None:
        self.last = 0
        self.dropped: Counter[Lane] = Counter()
        self._max_bytes = max_bytes
        self._queues: dict[Lane, deque[tuple[int, Staged]]] = {lane: deque() for lane in Lane}
        self._bytes = 0
        self._taken: list[tuple[int, Staged]] = []

    def __len__(self) -> int:
        return len(self._taken) + sum(len(queue) for queue in self._queues.values())

    @property
    def urgent(self) -> bool:
        """True where an alarm waits."""
        return bool(self._queues[Lane.ALARM])

    @property
    def oldest(self) -> int:
        """Number of the oldest draft that is here; all before are durable or dropped."""
        heads = [queue[0][0] for queue in self._queues.values() if queue]
        return min([number for number, _ in self._taken] + heads, default=self.last + 1)

    def put(self, drafts: Iterable[Staged]) -> None:
        """Add drafts, and drop the oldest of the least urgent lane while there are too many."""
        for draft in drafts:
            self.last += 1
            self._queues[draft.lane].append((self.last, draft))
            self._bytes += draft.bytes
        self._shrink()

    def take(self, max_bytes: int) -> list[Staged]:
        """Some drafts for a commit, most urgent first; `done` or `give_back` must follow.

        A picture comes with the event that names it, or after that one: never before, and as it is
        dropped before any event that could name it, that one is always here or durable.
        """
        size = 0
        for queue in self._queues.values():
            while queue and (not self._taken or size + queue[0][1].bytes <= max_bytes):
                if not self._is_named(queue[0][1]):
                    break
                size += queue[0][1].bytes
                self._taken.append(queue.popleft())
        self._bytes -= size
        return [draft for _, draft in self._taken]

    def done(self) -> None:
        """What was taken is durable."""
        self._taken.clear()

    def give_back(self) -> None:
        """What was taken could not be written: put it back where it was."""
        for number, draft in reversed(self._taken):
            self._queues[draft.lane].appendleft((number, draft))
            self._bytes += draft.bytes
        self._taken.clear()
        self._shrink()

    def _is_named(self, draft: Staged) -> bool:
        """True unless it is a picture whose event is still to be taken."""
        shot = draft.shot
        if not draft.is_picture or shot is None or shot.name.event_id:
            return True
        return any(taken.shot is shot for _, taken in self._taken)

    def _shrink(self) -> None:
        while self._bytes > self._max_bytes:
            lane = max(lane for lane, queue in self._queues.items() if queue)
            self._bytes -= self._queues[lane].popleft()[1].bytes
            self.dropped[lane] += 1
