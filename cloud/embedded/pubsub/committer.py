"""The storage's thread: what was asked for while it committed goes into the next commit.

One fsync then pays for all requests that wait (group commit); they are done in the order in which
they were asked for, and told in that order.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import structlog

from cloud.embedded.pubsub.errors import unavailable
from cloud.embedded.pubsub.storage import Storage

MAX_WORK_ITEMS = 2000
"""Pieces of work in one transaction."""

Work = Callable[[Storage], Any]
T = TypeVar("T")
_Item = tuple[Work, "asyncio.Future[Any]"]
_log = structlog.get_logger(__name__)


class Committer:
    """Runs work on the storage, in the order of `submit`.

    Args:
        storage: used by this thread alone from now on, and closed by it.
        loop: on which the futures live.
    """

    def __init__(self, storage: Storage, loop: asyncio.AbstractEventLoop) -> None:
        self._storage = storage
        self._loop = loop
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="pubsub-storage", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Storage], T]) -> "asyncio.Future[T]":
        """A future of the work's result, which is durable when it is there.

        The future fails with StatusError (UNAVAILABLE) where the disk does not take it; then
        nothing of the work was done.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        # Nobody has to wait for it: failures are logged here, whoever listens.
        future.add_done_callback(_mark_seen)
        self._queue.put((work, future))
        return future

    def close(self) -> None:
        """Do what was asked for, then close the storage."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            items, more = self._gather()
            if items:
                self._commit(items)
        self._storage.close()

    def _gather(self) -> tuple[list[_Item], bool]:
        """Wait for work, then take all that waits; False when there will be no more."""
        items: list[_Item] = []
        item = self._queue.get()
        while item is not None:
            items.append(item)
            if self._queue.empty() or len(items) >= MAX_WORK_ITEMS:
                return items, True
            item = self._queue.get()
        return items, False

    def _commit(self, items: list[_Item]) -> None:
        results: list[Any] = []
        try:
            self._storage.begin()
            results.extend(work(self._storage) for work, _ in items)
            self._storage.commit()
        except sqlite3.Error as error:
            self._storage.rollback()
            _log.error("pubsub storage failed", error=str(error), requests=len(items))
            failure = unavailable(f"the server's disk does not take it: {error}")
            self._tell([(future, None, failure) for _, future in items])
        else:
            pairs = zip(items, results, strict=True)
            self._tell([(future, result, None) for (_, future), result in pairs])

    def _tell(self, outcomes: "list[tuple[asyncio.Future[Any], Any, Exception | None]]") -> None:
        self._loop.call_soon_threadsafe(_settle, outcomes)


def _settle(outcomes: "list[tuple[asyncio.Future[Any], Any, Exception | None]]") -> None:
    for future, result, failure in outcomes:
        if future.cancelled():
            continue
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)


def _mark_seen(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()
