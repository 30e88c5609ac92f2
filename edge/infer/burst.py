"""Results that are handed on together, in the order of their frames."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from models.detections import Detections, Image


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """What was found in a frame. The picture is gone, as frames in flight cost caches and memory,
    unless somebody asked for it.

    Attributes:
        number: of the frame in its source.
        captured_ns: Unix time at which it was captured.
        read_ns: when it was read, by the monotonic clock.
        width_px: of the picture.
        height_px: of the picture.
        detections: of the frame.
        image: (H, W, 3), the picture where it is kept.
    """

    number: int
    captured_ns: int
    read_ns: int
    width_px: int
    height_px: int
    detections: Detections
    image: Image | None = None


class Burst:
    """Up to `size` results; ready when it is sealed and all that joined are here.

    One thread at a time calls `join` and `seal`; any may call `put`.

    Args:
        size: results that make it full, 1 or more.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._results: list[Inferred | BaseException | None] = []
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

    def put(self, place: int, result: Inferred | BaseException) -> None:
        """Hand in a result, or the error that stands for it."""
        with self._lock:
            self._results[place] = result
            self._missing -= 1
            self._announce()

    def wait(self) -> Sequence[Inferred | BaseException | None]:
        """The results, as soon as all are here."""
        self._ready.wait()
        return self._results

    def _announce(self) -> None:
        if self._sealed and not self._missing:
            self._ready.set()
