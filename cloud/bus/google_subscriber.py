"""Messages from Google's client, subscribed again whenever it gives up."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from google.cloud.pubsub_v1 import SubscriberClient
from google.cloud.pubsub_v1.subscriber.futures import StreamingPullFuture
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler
from google.cloud.pubsub_v1.types import FlowControl

from cloud.bus.client import subscriber_client
from cloud.bus.port import Flow, Received
from cloud.bus.settings import BusSettings
from cloud.bus.topology import subscription_path
from wayside.backoff import Backoff

_STANDS_S = 2.0
"""A stream that was refused before counts as standing once it lasted this long."""

_log = structlog.get_logger(__name__)


class GoogleSubscriber:
    """A subscriber over google-cloud-pubsub's streaming pull.

    Args:
        settings: where Pub/Sub is.

    Raises:
        BusError: there are no credentials for Google.
    """

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._client = subscriber_client(settings)
        self._subscriptions: list[GoogleSubscription] = []

    def subscribe(
        self, subscription: str, callback: Callable[[Received], None], flow: Flow | None = None
    ) -> "GoogleSubscription":
        """Begin to listen; see `port.Subscriber`."""
        path = subscription_path(self._settings.project, subscription)
        backoff = Backoff(initial_s=0.1, max_s=max(0.1, self._settings.retry_max_s))
        chosen = flow or Flow()
        control = FlowControl(
            max_messages=chosen.max_messages,
            max_bytes=chosen.max_bytes,
            max_duration_per_lease_extension=self._settings.lease_s,
        )
        listening = GoogleSubscription(self._client, path, callback, control, backoff)
        self._subscriptions.append(listening)
        return listening

    def close(self) -> None:
        """Stop every subscription, then disconnect."""
        for subscription in self._subscriptions:
            subscription.stop()
        self._client.close()


class GoogleSubscription:
    """A streaming pull that is begun again whenever it ends.

    The library itself reconnects after an outage; what ends its stream is an error that it
    thinks final (a subscription that is not there, a permission), and a person may mend these.
    """

    def __init__(
        self,
        client: SubscriberClient,
        path: str,
        callback: Callable[[Received], None],
        flow: FlowControl,
        backoff: Backoff,
    ) -> None:
        self._client = client
        self._path = path
        self._callback = callback
        self._flow = flow
        self._backoff = backoff
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._stream: StreamingPullFuture | None = None
        self._opened_s = 0.0
        self._was_refused = False
        name = "bus-" + path.rpartition("/")[2]
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def listening(self) -> bool:
        """False from a stream's end until one stands again; see `port.Subscription`."""
        stream = self._stream
        if self._stopped.is_set() or stream is None or stream.done():
            return False
        return not self._was_refused or time.monotonic() - self._opened_s >= _STANDS_S

    def stop(self) -> None:
        """No further message after this; not to be called in the callback."""
        with self._lock:
            self._stopped.set()
            if self._stream is not None:
                self._stream.cancel()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._stopped.is_set():
                    return
                self._stream = self._open()
                self._opened_s = time.monotonic()
            # Not `result()`: what ended the stream is of no fixed type, and all are handled alike.
            error = self._stream.exception()
            if self._stopped.is_set():
                return
            self._was_refused = True
            wait_s = self._backoff.next_s()
            _log.warning("bus subscription ended", subscription=self._path, error=str(error),
                         retry_s=round(wait_s, 1))  # fmt: skip
            self._stopped.wait(wait_s)

    def _open(self) -> StreamingPullFuture:
        executor = ThreadPoolExecutor(1, thread_name_prefix=self._thread.name)
        return self._client.subscribe(
            self._path,
            callback=self._on_message,
            flow_control=self._flow,
            scheduler=ThreadScheduler(executor),
            await_callbacks_on_shutdown=True,
        )

    def _on_message(self, message: Message) -> None:
        self._backoff.reset()
        self._was_refused = False
        received = Received(
            data=message.data,
            attributes=dict(message.attributes),
            message_id=message.message_id,
            published_ns=round(message.publish_time.timestamp() * 1e6) * 1000,
            delivery_attempt=message.delivery_attempt or 0,
            ack=message.ack,
            nack=message.nack,
        )
        try:
            self._callback(received)
        except Exception:  # noqa: BLE001 - whatever it is, the next message is no worse for it
            _log.exception("bus callback failed", subscription=self._path,
                           message_id=message.message_id)  # fmt: skip
            message.nack()
