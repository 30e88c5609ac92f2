"""The bus: messages to a topic, messages from a subscription, each until it is acknowledged.

Topics and subscriptions are named as in `topology`; the adapter knows the project.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from cloud.errors import BusError, BusRefusedError


def is_refusal(error: BaseException) -> bool:
    """True when Pub/Sub will never take this message, False when trying again can help."""
    return isinstance(error, BusRefusedError)


@dataclass(frozen=True, slots=True)
class Flow:
    """How much of a subscription may be on its way to us, delivered and not acknowledged.

    Attributes:
        max_messages: messages at most.
        max_bytes: bytes at most; one message that is larger still comes, alone.
    """

    max_messages: int = 1000
    max_bytes: int = 64 * 1024 * 1024


def _nothing() -> None:
    """Stand for an acknowledgement that nobody waits for."""


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A message of a subscription; it comes again unless `ack` is called.

    Attributes:
        data: the payload.
        attributes: copies of the batch header and more, for people and filters.
        message_id: given by Pub/Sub, the same in every delivery.
        published_ns: Unix time at which Pub/Sub took it.
        delivery_attempt: 1, 2, ... where the subscription dead-letters; else 0, or meaningless.
        ack: call it once the message is taken care of; from any thread, and it does not block.
        nack: call it to have the message again soon; from any thread, and it does not block.
    """

    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_id: str = ""
    published_ns: int = 0
    delivery_attempt: int = 0
    ack: Callable[[], None] = _nothing
    nack: Callable[[], None] = _nothing


Outcome = str | BusError
"""What became of a message: its id once Pub/Sub holds it durably, or why Pub/Sub does not.

A BusRefusedError says that it never will, any other BusError that trying again can help.
"""


class Publisher(Protocol):
    """Messages to topics. Any thread may call it."""

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        """Hand a message over; waits only while too many are on their way already.

        Returns:
            A future that always completes, within `publish_timeout_s` and some seconds: with
            the message id once Pub/Sub holds the message durably, with BusRefusedError where
            it never will, with BusError where trying again can help. Its callbacks run in a
            thread of the bus and must not block; those of a refused message may publish.
        """

    def close(self, timeout_s: float = 10.0) -> None:
        """Send what was handed over, wait for it, then disconnect.

        What is not sent by `timeout_s` fails with BusError, and so does a later `publish`.
        """


class Sender(Publisher, Protocol):
    """A publisher for those who send by the thousand: it calls back, and makes no futures."""

    def send(
        self,
        topic: str,
        data: bytes,
        attributes: Mapping[str, str],
        done: Callable[[Outcome], None],
    ) -> None:
        """Hand a message over; waits only while too many are on their way already.

        Args:
            topic: its id, as in `topology`.
            data: the payload.
            attributes: for people and filters.
            done: is always called, once, within `publish_timeout_s` and some seconds: by a
                thread of the bus, or by this one where nothing was sent. It must not block; that
                of a refused message may send.
        """


class Subscription(Protocol):
    """A subscription that is being listened to."""

    @property
    def listening(self) -> bool:
        """False while Pub/Sub refuses it: it was deleted, or the rights are missing."""

    def stop(self) -> None:
        """No further message after this; what is not acknowledged now comes again later."""


class Subscriber(Protocol):
    """Messages from subscriptions. Any thread may call it."""

    def subscribe(
        self, subscription: str, callback: Callable[[Received], None], flow: Flow | None = None
    ) -> Subscription:
        """Begin to listen; returns at once, and keeps listening through every outage.

        Args:
            subscription: its id, as in `topology`.
            callback: gets each message, one at a time, in a thread of this subscription. It
                should return soon and acknowledge later. A message whose callback raised is
                logged and comes again.
            flow: default: `Flow()`.
        """

    def close(self) -> None:
        """Stop every subscription, then disconnect."""
