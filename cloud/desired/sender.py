"""Messages for devices from the outbox to Pub/Sub; any number of processes may do that.

    outbox.take -> publish -> confirmed -> outbox.remove

A message is forgotten only once Pub/Sub holds it. What a process that dies had taken is free again
when its lease ends, and goes out once more.
"""

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import timedelta
from functools import partial

import structlog

from cloud.bus import attributes as attr
from cloud.bus import topology
from cloud.bus.dead_letters import refuse
from cloud.bus.port import Publisher, Received, is_refusal
from cloud.desired.outbox import DownlinkOutbox, Waiting
from cloud.errors import StoreAwayError
from wayside.backoff import Backoff

SUBSCRIPTION = "downlink"
"""To which it was to go: who replays its dead letter puts it there."""

LEASE = timedelta(seconds=15)
"""Longer than a publish takes; how long a message waits whose sender has died."""

_MAX_AT_ONCE = 100
_MAX_IN_FLIGHT = 400
_log = structlog.get_logger(__name__)


class DownlinkSender:
    """Publishes what waits, in a thread of its own.

    Args:
        outbox: where it waits.
        publisher: to Pub/Sub.
        poll_s: between two looks into the outbox, where commands put theirs.
        lease: for how long a message is taken.
        backoff: the waits while the database is away.
    """

    def __init__(
        self,
        outbox: DownlinkOutbox,
        publisher: Publisher,
        poll_s: float = 1.0,
        lease: timedelta = LEASE,
        backoff: Backoff | None = None,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._poll_s = poll_s
        self._lease = lease
        self._backoff = backoff or Backoff(0.2, 10.0)
        self._in_flight: dict[int, Waiting] = {}
        self._landed: queue.SimpleQueue[tuple[Waiting, BaseException | None]] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="downlink", daemon=True)

    @property
    def running(self) -> bool:
        """True while messages are sent."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def wake(self) -> None:
        """Look into the outbox now."""
        self._wake.set()

    def stop(self) -> None:
        """End; what Pub/Sub has not confirmed by then, the next sender sends again."""
        self._stop.set()
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._wake.wait(self._round())
        self._let_go()

    def _round(self) -> float:
        """Forget what was confirmed, send what waits; seconds until the next look."""
        try:
            self._settle()
            room = min(_MAX_AT_ONCE, _MAX_IN_FLIGHT - len(self._in_flight))
            taken = self._outbox.take(room, self._lease, self._in_flight) if room > 0 else []
        except StoreAwayError as error:
            wait_s = self._backoff.next_s()
            _log.warning("fleet database away", retry_s=round(wait_s, 1), reason=str(error))
            return wait_s
        self._backoff.reset()
        for waiting in taken:
            self._send(waiting)
        return 0.0 if len(taken) == _MAX_AT_ONCE else self._poll_s

    def _send(self, waiting: Waiting) -> None:
        self._in_flight[waiting.number] = waiting
        names = {attr.DEVICE_ID: waiting.device, attr.SUB_FOLDER: waiting.sub_folder}
        future = self._publisher.publish(topology.DOWNLINK, waiting.payload, names)
        future.add_done_callback(partial(self._on_published, waiting, names))

    def _on_published(
        self, waiting: Waiting, names: Mapping[str, str], done: "Future[str]"
    ) -> None:
        error = done.exception()
        if error is None or not is_refusal(error):
            self._on_landed(waiting, error)
            return
        refused = Received(
            waiting.payload, names,
            ack=lambda: self._on_landed(waiting, None),
            nack=lambda: self._on_landed(waiting, error),
        )  # fmt: skip
        refuse(self._publisher, refused, SUBSCRIPTION, str(error))

    def _on_landed(self, waiting: Waiting, error: BaseException | None) -> None:
        self._landed.put((waiting, error))
        self._wake.set()

    def _settle(self) -> None:
        """Forget what Pub/Sub has; what it has not is free again once its lease has ended.

        Raises:
            StoreAwayError: the database does not answer; what was confirmed goes out again.
        """
        confirmed = []
        while not self._landed.empty():
            waiting, error = self._landed.get()
            self._in_flight.pop(waiting.number, None)
            if error is None:
                confirmed.append(waiting.number)
            else:
                _log.warning("message for a device not published, it is tried again",
                             device_id=waiting.device, reason=str(error))  # fmt: skip
        if confirmed:
            self._outbox.remove(confirmed)

    def _let_go(self) -> None:
        try:
            self._settle()
            if self._in_flight:
                self._outbox.give_back(self._in_flight)
        except StoreAwayError as error:
            _log.warning("fleet database away, messages go out again", reason=str(error))
