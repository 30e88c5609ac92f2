"""Messages to Google's client, and what became of each."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial

import structlog
from google.api_core.exceptions import GoogleAPIError
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError
from google.pubsub_v1 import PublisherClient, types

from cloud.bus.client import publisher_client, retry, translate
from cloud.bus.port import is_refusal
from cloud.bus.settings import BusSettings
from cloud.bus.topology import topic_path
from cloud.errors import BusError, BusRefusedError

_RESERVED = frozenset({"self", "topic", "data", "ordering_key", "retry", "timeout"})
"""Parameters of the library's `publish`, which takes attributes as keyword arguments."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Message:
    data: bytes
    attributes: Mapping[str, str]


class GooglePublisher:
    """A publisher over google-cloud-pubsub, which sends messages in batches.

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
        self._unbatched = PublisherClient(transport=self._client.transport)
        self._one_by_one = ThreadPoolExecutor(1, thread_name_prefix="bus-one-by-one")
        self._lock = threading.Lock()
        self._pending: set[Future[str]] = set()
        self._closed = False

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        """Hand a message over; see `port.Publisher`."""
        message = _Message(data, attributes or {})
        path = topic_path(self._settings.project, topic)
        future: Future[str] = Future()
        future.set_running_or_notify_cancel()  # what is on its way cannot be cancelled
        if reserved := _RESERVED.intersection(message.attributes):
            future.set_exception(BusRefusedError(f"attribute names {sorted(reserved)} are taken"))
            return future
        with self._lock:
            self._pending.add(future)
        try:
            sent = self._client.publish(path, data, **message.attributes)
        except (MessageTooLargeError, TypeError, RuntimeError) as error:
            self._fail(future, translate(error, f"publish to {path}"))
            return future
        sent.add_done_callback(partial(self._on_sent, future, path, message))
        return future

    def close(self, timeout_s: float = 10.0) -> None:
        """Send what was handed over, then disconnect; see `port.Publisher`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            pending = set(self._pending)
        self._client.stop()
        _, late = wait(pending, timeout_s)
        for future in late:
            self._fail(future, BusError("not published before the publisher was closed"))
        if late:
            # The library's threads still try, and would fall over a closed channel.
            _log.warning("bus closed with messages unsent", messages=len(late))
            self._one_by_one.shutdown(wait=False, cancel_futures=True)
            return
        self._one_by_one.shutdown()
        self._client.transport.close()

    def _on_sent(
        self, future: "Future[str]", path: str, message: "_Message", sent: "Future[str]"
    ) -> None:
        error = sent.exception()
        if error is None:
            self._succeed(future, sent.result())
            return
        failure = translate(error, f"publish to {path}")
        if not is_refusal(failure):
            self._fail(future, failure)
            return
        try:
            self._one_by_one.submit(self._send_alone, future, path, message)
        except RuntimeError:  # closed meanwhile
            self._fail(future, BusError(f"publish to {path}: the publisher was closed"))

    def _send_alone(self, future: "Future[str]", path: str, message: "_Message") -> None:
        try:
            response = self._unbatched.publish(
                topic=path,
                messages=[types.PubsubMessage(data=message.data, attributes=message.attributes)],
                retry=retry(self._settings),
                timeout=self._settings.attempt_timeout_s,
            )
        except GoogleAPIError as error:
            self._fail(future, translate(error, f"publish to {path}"))
        else:
            self._succeed(future, response.message_ids[0])

    def _succeed(self, future: "Future[str]", message_id: str) -> None:
        if self._take(future):
            future.set_result(message_id)

    def _fail(self, future: "Future[str]", error: BusError) -> None:
        if self._take(future):
            future.set_exception(error)

    def _take(self, future: "Future[str]") -> bool:
        """True for the first who asks: only he may complete the future."""
        with self._lock:
            if future not in self._pending:
                return False
            self._pending.remove(future)
            return True
