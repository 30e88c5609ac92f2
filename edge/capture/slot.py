"""Between the thread that reads and the threads that infer: bounded, whatever they do.

A live camera's slot holds one frame, the newest; a slow consumer costs old frames, never
memory or latency (decision 2). A file's queue makes its reader wait instead. Either may be asked
to let fewer frames a second through than the camera brings.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from edge.capture.clock import Nanoseconds
from edge.capture.port import Frame
from edge.capture.thinning import Thinning

Cause = Literal["newer", "too_old", "rate", "still"]
"""Why a frame was dropped: a newer one came first, it was older than it may be, there are more of
them a second than are wanted, or nothing moves in it."""


class Gate(Protocol):
    """Says which frames are worth inferring."""

    def takes(self, frame: Frame) -> bool:
        """True where the frame is; each is asked about once, in order."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A frame and when it was read, in ns of the monotonic clock."""

    frame: Frame
    read_ns: int


@dataclass(frozen=True, slots=True)
class Waits:
    """That a frame waits to be taken, in ns of the monotonic clock.

    Attributes:
        since_ns: since when one does; where newer ones replaced it, when the first of them came.
        read_ns: when the one was read that would be taken.
    """

    since_ns: int
    read_ns: int


class Slot(ABC):
    """Where one thread puts frames and others take them, in the same order.

    Attributes:
        capacity: frames that it holds.

    Args:
        capacity: as above.
        thinning: frames that it refuses are dropped; None: all are wanted.
        gate: likewise, of those that are left.
    """

    def __init__(
        self, capacity: int, thinning: Thinning | None = None, gate: Gate | None = None
    ) -> None:
        self.capacity = capacity
        self._changed = threading.Condition()
        self._frames: deque[Arrival] = deque()
        self._closed = False
        self._thinning = thinning
        self._gate = gate
        self._dropped: dict[Cause, int] = {"newer": 0, "too_old": 0}
        if thinning is not None:
            self._dropped["rate"] = 0
        if gate is not None:
            self._dropped["still"] = 0
        self._tell: Callable[[], None] = lambda: None
        self._waits: Waits | None = None

    def listen(self, tell: Callable[[], None]) -> None:
        """Have somebody told of each frame that comes, and of the end.

        Args:
            tell: is called without a lock, by whoever puts or closes.
        """
        self._tell = tell

    def put(self, frame: Frame) -> bool:
        """Hand a frame over; False when the slot is closed and nobody will take it."""
        cause = self._unwanted(frame)
        with self._changed:
            if cause is not None:
                self._dropped[cause] += 1
                return not self._closed
            self._make_room()
            if self._closed:
                return False
            arrival = Arrival(frame, time.monotonic_ns())
            self._frames.append(arrival)
            self._waits = Waits(
                self._waits.since_ns if self._waits else arrival.read_ns, self._frames[0].read_ns
            )
            self._changed.notify_all()
        self._tell()
        return True

    def _unwanted(self, frame: Frame) -> Cause | None:
        """Why nobody is to look at the frame; without the lock, as motion takes time to see."""
        if self._thinning is not None and not self._thinning.takes(frame.captured_ns):
            return "rate"
        if self._gate is not None and not self._gate.takes(frame):
            return "still"
        return None

    def take(self) -> Arrival | None:
        """The next frame, waiting for it; None when the slot is closed and empty."""
        with self._changed:
            while (arrival := self._next()) is None:
                if self._closed:
                    return None
                self._changed.wait()
            return arrival

    def poll(self) -> Arrival | None:
        """The next frame, None where none waits."""
        with self._changed:
            return self._next()

    @property
    def waits(self) -> Waits | None:
        """Whether a frame waits to be taken, and for how long; None: none does."""
        return self._waits

    @property
    def is_over(self) -> bool:
        """True where it is closed and empty: nothing will ever be taken."""
        return self._closed and not self._frames

    def close(self, *, discard: bool = False) -> None:
        """Take no further frames and wake everybody; those inside can still be taken.

        Args:
            discard: throw those inside away.
        """
        with self._changed:
            self._closed = True
            if discard:
                self._frames.clear()
                self._waits = None
            self._changed.notify_all()
        self._tell()

    @property
    def dropped(self) -> Mapping[Cause, int]:
        """Frames dropped so far, by cause."""
        with self._changed:
            return dict(self._dropped)

    def _next(self) -> Arrival | None:
        """The next frame that is fresh; the lock is held."""
        while self._frames:
            arrival = self._frames.popleft()
            self._waits = None
            if self._frames:
                read_ns = self._frames[0].read_ns
                self._waits = Waits(read_ns, read_ns)
            self._changed.notify_all()
            if self._is_fresh(arrival):
                return arrival
            self._dropped["too_old"] += 1
        return None

    @abstractmethod
    def _make_room(self) -> None:
        """Return when one more frame fits, or the slot is closed; the lock is held."""

    def _is_fresh(self, arrival: Arrival) -> bool:
        return True


class Inlet(Protocol):
    """Where a camera's frames are put: one slot, or several."""

    def put(self, frame: Frame) -> bool:
        """Hand a frame over; False when nobody will take it."""

    def close(self, *, discard: bool = False) -> None:
        """Take no further frames."""


class Fork:
    """Every frame goes into several slots, the same picture into each: nobody may write on it.

    Args:
        slots: of these; a queue that is full makes the others wait, and none loses a frame.
    """

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = tuple(slots)

    def put(self, frame: Frame) -> bool:
        """Hand a frame over; False when one of the slots is closed."""
        frame.image.setflags(write=False)
        return all(slot.put(frame) for slot in self._slots)

    def close(self, *, discard: bool = False) -> None:
        """Close all of them."""
        for slot in self._slots:
            slot.close(discard=discard)


class LatestFrameSlot(Slot):
    """Holds one frame: the newest.

    Args:
        max_frame_age_ms: an older frame is dropped instead of taken.
        now_ns: the clock by which frames were captured.
        thinning: see `Slot`.
        gate: see `Slot`.
    """

    def __init__(
        self,
        max_frame_age_ms: int,
        now_ns: Nanoseconds,
        thinning: Thinning | None = None,
        gate: Gate | None = None,
    ) -> None:
        super().__init__(1, thinning, gate)
        self._max_age_ns = max_frame_age_ms * 1_000_000
        self._now_ns = now_ns

    def _make_room(self) -> None:
        if self._frames and not self._closed:
            self._frames.clear()
            self._dropped["newer"] += 1

    def _is_fresh(self, arrival: Arrival) -> bool:
        return self._now_ns() - arrival.frame.captured_ns <= self._max_age_ns


class FrameQueue(Slot):
    """Holds a few frames and loses none: `put` waits for room.

    Args:
        capacity: frames it holds.
        thinning: see `Slot`.
    """

    def _make_room(self) -> None:
        while len(self._frames) >= self.capacity and not self._closed:
            self._changed.wait()
