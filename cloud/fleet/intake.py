"""Messages of devices from Pub/Sub into a table of the fleet's: in groups, whole, or later."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

import structlog

from cloud.bus.dead_letters import refuse
from cloud.bus.groups import GroupLimits, GroupReader
from cloud.bus.port import Publisher, Received, Subscriber
from cloud.errors import StoreAwayError
from protos.errors import InvalidPayloadError
from wayside.backoff import Backoff

_LIMITS = GroupLimits(max_messages=200, max_bytes=8 * 1024 * 1024, max_wait_s=0.25)
"""A message by itself costs its transaction: most of the work, with thousands of devices."""

_log = structlog.get_logger(__name__)
Message = TypeVar("Message")
Outcome = TypeVar("Outcome")


class Intake(ABC, Generic[Message, Outcome]):
    """Takes messages of a subscription, and acknowledges those that the table has.

    Args:
        subscription: its id.
        subscriber: from Pub/Sub.
        publisher: to the dead letter, for what cannot be read.
        backoff: the waits while the database is away.
    """

    def __init__(
        self,
        subscription: str,
        subscriber: Subscriber,
        publisher: Publisher,
        backoff: Backoff | None = None,
    ) -> None:
        self._subscription = subscription
        self._publisher = publisher
        self._backoff = backoff or Backoff(0.2, 10.0)
        self._reader = GroupReader(subscriber, subscription, self.take, _LIMITS)

    @property
    def running(self) -> bool:
        """True while messages are taken."""
        return self._reader.running

    def start(self) -> None:
        """Begin to take messages; returns at once."""
        self._reader.start()

    def stop(self) -> None:
        """Finish the messages that are kept now; the rest comes again."""
        self._reader.stop()

    def take(self, group: Sequence[Received]) -> None:
        """Keep messages, and acknowledge them."""
        found = [one for received in group if (one := self._readable(received)) is not None]
        if not found:
            return
        try:
            # Judged by when they came to Pub/Sub: they may have waited there for this process.
            outcomes = self.keep(
                [(message, received.published_ns or None) for received, message in found]
            )
        except StoreAwayError as error:
            for received, _ in found:
                received.nack()
            wait_s = self._backoff.next_s()
            _log.warning("fleet database away", retry_s=round(wait_s, 1), reason=str(error))
            self._reader.pause(wait_s)
            return
        self._backoff.reset()
        for received, _ in found:
            received.ack()
        self.kept(
            [
                (message, received.published_ns, outcome)
                for (received, message), outcome in zip(found, outcomes, strict=True)
            ]
        )

    def _readable(self, received: Received) -> tuple[Received, Message] | None:
        """What a message says; None where it went to the dead letter."""
        try:
            return received, self.read(received.data)
        except InvalidPayloadError as error:
            refuse(self._publisher, received, self._subscription, str(error))
            return None

    @abstractmethod
    def read(self, data: bytes) -> Message:
        """What a message says.

        Raises:
            InvalidPayloadError: nothing that can be kept.
        """

    @abstractmethod
    def keep(self, messages: Sequence[tuple[Message, int | None]]) -> Sequence[Outcome]:
        """Write messages, each with when it was published if that is known; what came of each.

        Raises:
            StoreAwayError: the database does not answer; nothing was written.
        """

    @abstractmethod
    def kept(self, messages: Sequence[tuple[Message, int, Outcome]]) -> None:
        """Messages that are in the table now: when each was published (0: unknown), what came."""
