"""Messages to Google's client in requests of many, and what became of each.

    publish -> gathering -> a request when full or due -> retried while Pub/Sub is away -> done

Requests are of our own making, by the API's own client: the library's publisher above it
(google.cloud.pubsub_v1) takes ten times the CPU a message (decision 45).
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog
from google.api_core.exceptions import GoogleAPIError

from cloud.bus.batches import Batch, Gathering, size_of
from cloud.bus.client import publisher_client, retry, translate
from cloud.bus.port import Outcome, is_refusal
from cloud.bus.settings import BusSettings
from cloud.bus.topology import topic_path
from cloud.errors import BusError, BusRefusedError

MAX_REQUEST_BYTES = 10_000_000
"""Pub/Sub takes no more (https://cloud.google.com/pubsub/quotas#resource_limits)."""

_log = structlog.get_logger(__name__)


class GooglePublisher:
    """A publisher over Google's API, which sends messages in batches.

    Google refuses a batch for one bad message in it. Each message of a refused batch is therefore
    sent once more, alone, and only the bad one is refused.

    Args:
        settings: where Pub/Sub is.

    Raises:
        BusError: there are no credentials for Google.
    """

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._client = publisher_client(settings)
        self._retry = retry(settings, lambda: not self._closed)
        self._senders = ThreadPoolExecutor(settings.parallel_requests, "bus-publish")
        self._is_sender = threading.local()
        self._paths: dict[str, str] = {}
        self._lock = threading.Lock()
        self._opened = threading.Condition(self._lock)
        self._settled = threading.Condition(self._lock)
        self._gathering = Gathering(
            settings.batch_messages, settings.batch_bytes, settings.batch_latency_ms / 1000
        )
        self._unsettled: set[Batch] = set()
        self._messages = 0
        self._bytes = 0
        self._closed = False
        self._clock = threading.Thread(target=self._send_due, name="bus-due", daemon=True)
        self._clock.start()

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        """Hand a message over; see `port.Publisher`."""
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()  # what is on its way cannot be cancelled
        self.send(topic, data, attributes or {}, partial(_complete, future))
        return future

    def send(
        self,
        topic: str,
        data: bytes,
        attributes: Mapping[str, str],
        done: Callable[[Outcome], None],
    ) -> None:
        """Hand a message over; see `port.Sender`."""
        path = self._paths.get(topic) or self._path(topic)
        try:
            self._hand_over(path, data, attributes, done)
        except (TypeError, ValueError) as error:
            done(BusRefusedError(f"publish to {path}: {error}"))
        except BusError as error:
            done(error)

    def close(self, timeout_s: float = 10.0) -> None:
        """Send what was handed over, then disconnect; see `port.Publisher`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._opened.notify()
            self._settled.notify_all()
            for batch in self._gathering.take_all():
                self._submit(batch)
            self._settled.wait_for(lambda: not self._unsettled, timeout_s)
            late = list(self._unsettled)
        for batch in late:
            self._fail(batch, BusError("not published before the publisher was closed"))
        if late:
            messages = sum(len(batch.dones) for batch in late)
            _log.warning("bus closed with messages unsent", messages=messages)
        transport: Any = self._client.transport
        transport.close()  # a request that still tries ends with its channel
        self._senders.shutdown(wait=not late, cancel_futures=True)
        self._clock.join()

    def _path(self, topic: str) -> str:
        path = self._paths[topic] = topic_path(self._settings.project, topic)
        return path

    def _hand_over(
        self, path: str, data: bytes, attributes: Mapping[str, str], done: Callable[[Outcome], None]
    ) -> None:
        if len(data) > MAX_REQUEST_BYTES:
            limit = f"{len(data)} bytes, and {MAX_REQUEST_BYTES} at most are taken"
            raise BusRefusedError(f"publish to {path}: {limit}")
        size_bytes = size_of(data, attributes)
        with self._lock:
            if self._is_full(size_bytes):
                self._wait_for_room(size_bytes)
            if self._closed:
                raise BusError(f"publish to {path}: the publisher was closed")
            batch = self._gathering.batch_for(path, size_bytes) or self._open(path)
            batch.add(data, attributes, size_bytes, done)
            self._messages += 1
            self._bytes += size_bytes
            if self._gathering.close_full(batch):
                self._submit(batch)

    def _open(self, path: str) -> Batch:
        """A new batch; one that had no room goes out."""
        batch, ready = self._gathering.open(path, time.monotonic())
        if ready is not None:
            self._submit(ready)
        self._unsettled.add(batch)
        self._opened.notify()
        return batch

    def _is_full(self, size_bytes: int) -> bool:
        limits = self._settings
        return (
            self._messages >= limits.in_flight_messages
            or self._bytes + size_bytes > limits.in_flight_bytes
        )

    def _wait_for_room(self, size_bytes: int) -> None:
        """Return when one more may be on its way; at once in a callback, which must not block."""
        if not getattr(self._is_sender, "yes", False):
            self._settled.wait_for(lambda: self._closed or not self._is_full(size_bytes))

    def _send_due(self) -> None:
        """Have open batches go out in time."""
        with self._lock:
            while not self._closed:
                self._submit_due()
                due_s = self._gathering.next_due_s()
                self._opened.wait(None if due_s is None else max(0.0, due_s - time.monotonic()))

    def _submit(self, batch: Batch) -> None:
        self._gathering.started(batch.topic)
        self._senders.submit(self._send, batch)

    def _send(self, batch: Batch) -> None:
        self._is_sender.yes = True
        try:
            self._request(batch)
        except Exception:  # noqa: BLE001
            # Whatever it was, nobody may wait for ever.
            _log.exception("publish broke off", topic=batch.topic)
            self._fail(batch, BusError(f"publish to {batch.topic}: broken off, see the log"))

    def _request(self, batch: Batch) -> None:
        try:
            response = self._client.publish(
                request=batch.request, retry=self._retry, timeout=self._settings.attempt_timeout_s
            )
        except (GoogleAPIError, ValueError) as error:  # ValueError: closed meanwhile
            failure = translate(error, f"publish to {batch.topic}")
            if len(batch.dones) > 1 and is_refusal(failure):
                self._send_apart(batch)
            else:
                self._fail(batch, failure)
        else:
            self._succeed(batch, list(response.message_ids))

    def _send_apart(self, batch: Batch) -> None:
        with self._lock:
            if batch not in self._unsettled:
                return  # closed meanwhile
            ones = batch.apart()
            self._unsettled.remove(batch)
            self._unsettled.update(ones)
            self._gathering.started(batch.topic, len(ones) - 1)
        for one in ones:
            self._send(one)

    def _succeed(self, batch: Batch, message_ids: Sequence[str]) -> None:
        if len(message_ids) != len(batch.dones):
            counts = f"{len(message_ids)} ids for {len(batch.dones)} messages"
            self._fail(batch, BusError(f"publish to {batch.topic}: Pub/Sub answers {counts}"))
        elif self._settle(batch):
            for done, message_id in zip(batch.dones, message_ids, strict=True):
                _tell(done, message_id)

    def _fail(self, batch: Batch, error: BusError) -> None:
        if self._settle(batch):
            for done in batch.dones:
                _tell(done, error)

    def _settle(self, batch: Batch) -> bool:
        """True for the first who asks: only he may tell what became of the batch."""
        with self._lock:
            if batch not in self._unsettled:
                return False
            self._unsettled.remove(batch)
            self._messages -= len(batch.dones)
            self._bytes -= batch.size_bytes
            self._settled.notify_all()
            self._gathering.ended(batch.topic)
            self._submit_due()
            if self._gathering.has_open(batch.topic):
                self._opened.notify()
            return True

    def _submit_due(self) -> None:
        if not self._closed:
            for batch in self._gathering.take_due(time.monotonic()):
                self._submit(batch)


def _tell(done: Callable[[Outcome], None], outcome: Outcome) -> None:
    """Call who waits; an error of his is nobody else's, as with the callbacks of a Future."""
    try:
        done(outcome)
    except Exception:  # noqa: BLE001
        _log.exception("who was told what became of a message failed")


def _complete(future: "Future[str]", outcome: Outcome) -> None:
    if isinstance(outcome, BusError):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
