"""Who uses the open file now, so that it may be put in another's place while nobody does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Readers:
    """Many use something at the same time, or one has it alone. Any thread may call it.

    Who wants it alone waits for those who use it, and the next ones wait for that; so a use must
    not lie within another one of the same thread.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._using = 0
        self._is_taken = False

    @contextmanager
    def using(self) -> Iterator[None]:
        """Use it beside others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken)
            self._using += 1
        try:
            yield
        finally:
            with self._changed:
                self._using -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Have it, once nobody uses it any more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken)
            self._is_taken = True
            self._changed.wait_for(lambda: self._using == 0)
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()
