"""Results that are handed on together, in the order of their frames."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from edge.infer.port import Found, Model
from models.detections import Image


@dataclass(frozen=True, slots=True, eq=False)
class Inferred(Generic[Found]):
    """What was found in a frame.

    Attributes:
        number: of the frame in its source.
        captured_ns: Unix time at which it was captured.
        read_ns: when it was read, by the monotonic clock.
        taken_ns: when its turn came.
        inferred_ns: when the network had looked at it.
        width_px: of the picture.
        height_px: of the picture.
        found: in the frame.
        picture: the frame's, read-only; None where nobody asked to keep it, for frames in flight
            cost caches and memory.
        model: that found it; None where the scheduler was not told.
    """

    number: int
    captured_ns: int
    read_ns: int
    taken_ns: int
    inferred_ns: int
    width_px: int
    height_px: int
    found: Found
    picture: Image | None = None
    model: Model | None = None


class Burst(Generic[Found]):
    """Up to `size` results; ready when it is sealed and all that joined are here.

    One thread at a time calls `join` and `seal`; any may call `put`.

    Args:
        size: results that make it full, 1 or more.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: list[Inferred[Found] | BaseException | None] = []
        self._missing = 0
        self._sealed = False
        self._lock = threading.Lock()
        self._ready = threading.Event()

    def join(self) -> int:
        """The place of one more result; the last one that fits seals the burst."""
        with self._lock:
            self._results.append(None)
            self._missing += 1
            self._sealed = len(self._results) == self._size
            return len(self._results) - 1

    def seal(self) -> None:
        """Nothing more will join."""
        with self._lock:
            self._sealed = True
            self._announce()

    @property
    def is_sealed(self) -> bool:
        """True where nothing more will join."""
        return self._sealed

    def put(self, place: int, result: Inferred[Found] | BaseException) -> None:
        """Hand in a result, or the error that stands for it."""
        with self._lock:
            self._results[place] = result
            self._missing -= 1
            self._announce()

    def wait(self) -> Sequence[Inferred[Found] | BaseException | None]:
        """The results, as soon as all are here."""
        self._ready.wait()
        return self._results

    def _announce(self) -> None:
        if self._sealed and not self._missing:
            self._ready.set()
