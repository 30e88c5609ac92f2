"""Between the thread that reads and the threads that infer: bounded, whatever they do.

A live camera's slot holds one frame, the newest; a slow consumer costs old frames, never
memory or latency (decision 2). A file's queue makes its reader wait instead.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from edge.capture.clock import Nanoseconds
from edge.capture.port import Frame

Cause = Literal["newer", "too_old"]
"""Why a frame was dropped: a newer one came first, or it was older than it may be."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A frame and when it was read, in ns of the monotonic clock."""

    frame: Frame
    read_ns: int


class Slot(ABC):
    """Where one thread puts frames and others take them, in the same order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames: deque[Arrival] = deque()
        self._closed = False
        self._dropped: dict[Cause, int] = {"newer": 0, "too_old": 0}

    @abstractmethod
    def put(self, frame: Frame) -> bool:
        """Hand a frame over; False when the slot is closed and nobody will take it."""

    def take(self) -> Arrival | None:
        """The next frame, waiting for it; None when the slot is closed and empty."""
        with self._changed:
            while True:
                while not self._frames:
                    if self._closed:
                        return None
                    self._changed.wait()
                arrival = self._frames.popleft()
                self._changed.notify_all()
                if self._is_fresh(arrival):
                    return arrival
                self._dropped["too_old"] += 1

    def close(self, *, discard: bool = False) -> None:
        """Take no further frames and wake everybody; those inside can still be taken.

        Args:
            discard: throw those inside away.
        """
        with self._changed:
            self._closed = True
            if discard:
                self._frames.clear()
            self._changed.notify_all()

    @property
    def dropped(self) -> Mapping[Cause, int]:
        """Frames dropped so far, by cause."""
        with self._changed:
            return dict(self._dropped)

    def _is_fresh(self, arrival: Arrival) -> bool:
        return True


class LatestFrameSlot(Slot):
    """Holds one frame: the newest.

    Args:
        max_frame_age_ms: an older frame is dropped instead of taken.
        now_ns: the clock by which frames were captured.
    """

    def __init__(self, max_frame_age_ms: int, now_ns: Nanoseconds) -> None:
        super().__init__()
        self._max_age_ns = max_frame_age_ms * 1_000_000
        self._now_ns = now_ns

    def put(self, frame: Frame) -> bool:
        with self._changed:
            if self._closed:
                return False
            if self._frames:
                self._frames.clear()
                self._dropped["newer"] += 1
            self._frames.append(Arrival(frame, time.monotonic_ns()))
            self._changed.notify()
            return True

    def _is_fresh(self, arrival: Arrival) -> bool:
        return self._now_ns() - arrival.frame.captured_ns <= self._max_age_ns


class FrameQueue(Slot):
    """Holds a few frames and loses none: `put` waits for room.

    Args:
        capacity: frames it holds.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity

    def put(self, frame: Frame) -> bool:
        with self._changed:
            while len(self._frames) >= self._capacity and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._frames.append(Arrival(frame, time.monotonic_ns()))
            self._changed.notify_all()
            return True
