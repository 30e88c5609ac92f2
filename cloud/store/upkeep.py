"""Work on an open store that comes round again and again, in steps."""

import threading
from collections.abc import Callable, Iterable

import structlog

from cloud.errors import StoreAwayError

_log = structlog.get_logger(__name__)


class UpkeepThread:
    """Does a work at once, and then again and again.

    Args:
        name: of the thread.
        work: one round, a step at each item.
        every_s: time between two rounds.
        failed: event to log when the store is away; the next round tries again.
    """

    def __init__(
        self, name: str, work: Callable[[], Iterable[int]], every_s: float, failed: str
    ) -> None:
        self._work = work
        self._every_s = every_s
        self._failed = failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the step that runs, and end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                for _ in self._work():
                    if self._stop.is_set():
                        return
            except StoreAwayError as error:
                _log.warning(self._failed, reason=str(error))
            if self._stop.wait(self._every_s):
                return
