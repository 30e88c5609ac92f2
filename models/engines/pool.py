"""What serves one caller at a time, as many as there are callers at once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Own = TypeVar("Own")


class Pool(Generic[Own]):
    """Makes another one when all are in use, and keeps what comes back. Any thread may borrow.

    Args:
        make: one more.
        at_most: that many; who comes then waits until one comes back. None: no limit.
    """

    def __init__(self, make: Callable[[], Own], at_most: int | None = None) -> None:
        self._make = make
        self._places = None if at_most is None else threading.Semaphore(at_most)
        self._lock = threading.Lock()
        self._idle: list[Own] = []
        self._is_closed = False

    @contextmanager
    def borrowed(self) -> Iterator[Own]:
        """One that nobody else has meanwhile; the last that came back, as its memory is warm.

        One that was in use when an error came is dropped: nobody knows in which state it is.
        """
        with self._place():
            with self._lock:
                found = self._idle.pop() if self._idle else None
            one = self._make() if found is None else found
            yield one
            self.put(one)

    def put(self, one: Own) -> None:
        """Take one in that is free; after `close` it is let go."""
        with self._lock:
            if not self._is_closed:
                self._idle.append(one)

    def close(self) -> None:
        """Let go of what is idle now, and of the rest when it comes back."""
        with self._lock:
            self._is_closed = True
            self._idle.clear()

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._places is None:
            yield
            return
        with self._places:
            yield
