"""A subscriber that keeps an account of what became of each delivery."""

import threading
from collections.abc import Callable
from dataclasses import replace

from cloud.bus.port import Flow, Received, Subscriber, Subscription


class WatchedSubscriber:
    """Passes everything on to another subscriber, and counts.

    Attributes:
        delivered: message ids, one a delivery.
        acked: message ids.
        nacked: message ids, one a refusal.
    """

    def __init__(self, inner: Subscriber) -> None:
        self.delivered: list[str] = []
        self.acked: list[str] = []
        self.nacked: list[str] = []
        self._inner = inner
        self._lock = threading.Lock()

    def subscribe(
        self, subscription: str, callback: Callable[[Received], None], flow: Flow | None = None
    ) -> Subscription:
        def deliver(received: Received) -> None:
            def ack() -> None:
                self._note(self.acked, received)
                received.ack()

            def nack() -> None:
                self._note(self.nacked, received)
                received.nack()

            self._note(self.delivered, received)
            callback(replace(received, ack=ack, nack=nack))

        return self._inner.subscribe(subscription, deliver, flow)

    def close(self) -> None:
        self._inner.close()

    def _note(self, account: list[str], received: Received) -> None:
        with self._lock:
            account.append(received.message_id)
