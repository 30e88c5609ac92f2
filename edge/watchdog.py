"""Ends a process in which a piece of work is stuck (decision 1: crash-only).

Two watchers, for a stuck thread may hold the GIL or not. A thread looks at the work in
progress and ends the process with exit code 70 and every stack on stderr. It also re-arms
`faulthandler.dump_traceback_later`, which needs no GIL: when even that thread cannot run,
the process ends from C, with the stacks and exit code 1, the only one faulthandler has.
"""

import faulthandler
import threading
import time
from collections.abc import Callable
from types import TracebackType

from wayside import process

_STDERR_FD = 2


class Watchdog:
    """Watches work in progress; idle is never stuck, however long it lasts.

    Args:
        stuck_after_s: a piece of work that takes longer is stuck.
        tick_s: how often the thread looks.
        grace_s: how much longer the watcher without the GIL waits.
        alive: told at each look at which nothing is stuck.
    """

    def __init__(
        self,
        stuck_after_s: float,
        *,
        tick_s: float = 0.5,
        grace_s: float = 5.0,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self.stuck_after_s = stuck_after_s
        self._tick_s = tick_s
        self._grace_s = grace_s
        self._alive = alive
        self._since_s: dict[object, tuple[str, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        self._arm()  # not by the thread, which a stuck GIL might never let begin
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def working(self, what: str) -> "_Work":
        """A context around a piece of work that must come back in time."""
        return _Work(self._since_s, what)

    def stuck(self, now_s: float) -> str | None:
        """The name of a piece of work that is stuck at `now_s` of the monotonic clock."""
        for what, since_s in list(self._since_s.values()):
            if now_s - since_s > self.stuck_after_s:
                return what
        return None

    def _arm(self) -> None:
        faulthandler.dump_traceback_later(
            self.stuck_after_s + self._grace_s, exit=True, file=_STDERR_FD
        )

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._tick_s):
                self._arm()
                what = self.stuck(time.monotonic())
                if what is not None:
                    process.crash("stuck", work=what, seconds=self.stuck_after_s)
                self._alive()
        finally:
            faulthandler.cancel_dump_traceback_later()


class _Work:
    __slots__ = ("_since_s", "_what")

    def __init__(self, since_s: dict[object, tuple[str, float]], what: str) -> None:
        self._since_s = since_s
        self._what = what

    def __enter__(self) -> None:
        self._since_s[self] = (self._what, time.monotonic())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        del self._since_s[self]
