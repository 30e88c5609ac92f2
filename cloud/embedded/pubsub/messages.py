"""A message, a consumer, an ack id."""

import enum
from dataclasses import dataclass, field

from cloud.embedded.pubsub.errors import invalid


class State(enum.Enum):
    """Where a message of a window stands."""

    QUEUED = enum.auto()
    """Behind another message of its ordering key."""
    READY = enum.auto()
    LEASED = enum.auto()
    DELAYED = enum.auto()
    """Waits for its retry policy's backoff."""
    FORWARDED = enum.auto()
    """On its way to the dead-letter topic."""


@dataclass(slots=True, eq=False)
class Consumer:
    """Somebody who takes messages, and how many of them he has not settled yet.

    Attributes:
        max_messages: as his flow control says; 0: no limit.
        max_bytes: as his flow control says; 0: no limit.
        ack_deadline_s: of his leases; 0: the subscription's.
    """

    max_messages: int = 0
    max_bytes: int = 0
    ack_deadline_s: int = 0
    messages: int = field(default=0, init=False)
    bytes: int = field(default=0, init=False)

    def has_room(self, size: int) -> bool:
        """True when a message of `size` bytes may be sent; a large one may come alone."""
        if self.messages == 0:
            return True
        if 0 < self.max_messages <= self.messages:
            return False
        return self.max_bytes <= 0 or self.bytes + size <= self.max_bytes

    def add(self, size: int) -> None:
        """Count a message in."""
        self.messages += 1
        self.bytes += size

    def remove(self, size: int) -> None:
        """Count a message out."""
        self.messages -= 1
        self.bytes -= size


@dataclass(slots=True, eq=False)
class Message:
    """A message of one subscription.

    Attributes:
        id: grows with each message of the server.
        published_ns: Unix time.
        ordering_key: empty where the subscription does not order.
        body: serialised PubsubMessage.
        attempts: deliveries so far, of this run of the server: to write down each would double
            the work of the disk, and Google promises no exact number either.
        lease: number of the newest lease, unique in this run of the server.
        due_s: monotonic time at which the lease or the backoff ends.
    """

    id: int
    published_ns: int
    ordering_key: str
    body: bytes
    state: State = State.READY
    attempts: int = 0
    lease: int = 0
    due_s: float = 0.0
    consumer: Consumer | None = None

    @property
    def size(self) -> int:
        return len(self.body)


def ack_id(subscription_id: int, message: Message) -> str:
    """The text by which a consumer names a delivery."""
    return f"{subscription_id:x}-{message.id:x}-{message.lease:x}"


def parse_ack_id(text: str, subscription_id: int) -> tuple[int, int]:
    """The message's id and the lease that an ack id stands for.

    Raises:
        StatusError: INVALID_ARGUMENT, it was not given out for this subscription.
    """
    try:
        subscription, message, lease = (int(part, 16) for part in text.split("-"))
    except ValueError as error:
        raise invalid(f"ack ID {text[:80]!r} was not given out by this server") from error
    if subscription != subscription_id:
        raise invalid("the ack ID belongs to another subscription")
    return message, lease
