"""Erasures carried out beside everything else that a process does, one after the other."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from cloud.erasure.erasing import Erasing, outcome_of
from cloud.erasure.ranges import ErasedRange
from cloud.errors import CloudError, StoreAwayError
from cloud.store.port import EventStore
from wayside.backoff import Backoff

if TYPE_CHECKING:
    from cloud.fleet.erasures import Erasure, Erasures

_log = structlog.get_logger(__name__)


class ErasureWorker:
    """Takes what is asked for out of the table of erasures, which is its only memory.

    Whatever has not ended when it starts goes on from the begin, which is harmless. Two processes
    may carry the same one out: whoever comes second finds nothing.

    Args:
        erasures: the table.
        store: its bytes go last; a deletion by a writer that came late is seen to here, too.
        erasing: the erasure of a range that was asked for at a time.
        poll_s: time between two looks into the table, where commands put theirs.
        retry_s: time until one that failed is tried again.
    """

    def __init__(
        self,
        erasures: "Erasures",
        store: EventStore,
        erasing: Callable[[ErasedRange, int], Erasing],
        poll_s: float = 2.0,
        retry_s: float = 60.0,
    ) -> None:
        self._erasures = erasures
        self._store = store
        self._erasing = erasing
        self._poll_s = poll_s
        self._retry_s = retry_s
        self._due_s: dict[int, float] = {}  # when one that failed is tried again, monotonic
        self._backoff = Backoff(poll_s, retry_s)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="erasure", daemon=True)

    @property
    def running(self) -> bool:
        """True while erasures are carried out."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """Look into the table now."""
        self._wake.set()

    def stop(self) -> None:
        """Finish the step that runs, and end; the next start does the rest."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            wait_s = self._round()
            if not self._stop.is_set():
                self._wake.wait(wait_s)

    def _round(self) -> float:
        """Carry out what waits and is due; seconds until the next look."""
        try:
            for erasure in self._erasures.waiting():
                if self._stop.is_set():
                    break
                if time.monotonic() < self._due_s.get(erasure.number, 0.0):
                    continue
                if self._carry_out(erasure):
                    self._due_s.pop(erasure.number, None)
                else:
                    self._due_s[erasure.number] = time.monotonic() + self._retry_s
            self._store.expunge()
        except StoreAwayError as error:
            wait_s = self._backoff.next_s()
            _log.warning("erasures wait", retry_s=round(wait_s, 1), reason=str(error))
            return wait_s
        self._backoff.reset()
        return self._poll_s

    def _carry_out(self, erasure: "Erasure") -> bool:
        """True where it ended, or was told to stop."""
        number, erased = erasure.number, erasure.erased
        _log.info("erasing", number=number, device_id=erased.device, asked_by=erasure.asked_by)
        self._erasures.take(number)
        try:
            erasing = self._erasing(erased, erasure.begun_ns)
            found = erasing.find()
            for _ in erasing.steps():
                if self._stop.is_set():
                    return True
            self._store.expunge()
        except Exception as error:  # noqa: BLE001
            # One that we did not foresee must not hold up the others either.
            foreseen = isinstance(error, (CloudError, OSError))
            _log.error("not erased", number=number, retry_s=self._retry_s, reason=str(error),
                       exc_info=not foreseen)  # fmt: skip
            self._erasures.fail(number, str(error) or type(error).__name__)
            return False
        self._erasures.end(number, outcome_of(found))
        _log.info("erased", number=number, outcome=outcome_of(found))
        return True
