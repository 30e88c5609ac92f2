"""What is refused for good goes to the dead letter, with the reason, and is then acknowledged."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from cloud.bus import attributes as attr
from cloud.bus import topology
from cloud.bus.port import Publisher, Received, is_refusal
from protos import topics
from protos.errors import WireError

_MAX_ATTRIBUTE_BYTES = 1024
"""Pub/Sub takes no longer value."""

_OURS = frozenset({attr.REASON, attr.SOURCE, attr.SIZE})
_FORWARDED = "CloudPubSubDeadLetter"
_FORWARDED_ATTEMPTS = "CloudPubSubDeadLetterSourceDeliveryCount"
_FORWARDED_SUBSCRIPTION = "CloudPubSubDeadLetterSourceSubscription"
"""Written by Pub/Sub itself, where a subscription dead-letters what is never acknowledged."""

MAX_DEAD_LETTER_BYTES = 8 * 1024 * 1024
"""Of a refused payload, the rest is cut; Pub/Sub takes 10 MB a request."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message as it lies in the dead letter, and what it says of itself.

    Attributes:
        message_id: given by Pub/Sub to the dead letter, not to what was refused.
        data: the refused payload, perhaps cut.
        attributes: of the refused message, and `refusal_attributes`.
        published_ns: Unix time at which it was refused.
        ack_id: of the delivery that it came by.
    """

    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    published_ns: int
    ack_id: str

    @property
    def reason(self) -> str:
        """Why it was refused."""
        attempts = self.attributes.get(_FORWARDED_ATTEMPTS)
        said = self.attributes.get(attr.REASON, "")
        return said or (f"not settled in {attempts} deliveries" if attempts else "")

    @property
    def source(self) -> str:
        """The MQTT topic or the subscription that it came from, empty where nobody says."""
        forwarded = self.attributes.get(_FORWARDED_SUBSCRIPTION, "")
        return self.attributes.get(attr.SOURCE, forwarded)

    @property
    def device(self) -> str:
        """The device that it is from or for, empty where nobody knows."""
        device = self.attributes.get(attr.DEVICE_ID, "")
        if device or not self.source.startswith("/"):
            return device
        try:
            return topics.parse_uplink(self.source).device
        except WireError:
            return ""

    @property
    def size_bytes(self) -> int:
        """Of the refused payload; more than `data` holds, where that was cut."""
        said = self.attributes.get(attr.SIZE, "")
        # Not a copy of a device's: but who can publish there can write anything.
        is_number = said.isdecimal() and len(said) < 19
        return int(said) if is_number else len(self.data)

    def own_attributes(self) -> dict[str, str]:
        """Those that it had before it was refused."""
        return {
            name: value
            for name, value in self.attributes.items()
            if name not in _OURS and not name.startswith(_FORWARDED)
        }


def refusal_attributes(reason: str, source: str, size_bytes: int) -> dict[str, str]:
    """What a dead letter says of itself: why, from which topic or subscription, how large."""
    return {
        attr.REASON: fitting(reason),
        attr.SOURCE: fitting(source),
        attr.SIZE: str(size_bytes),
    }


def fitting(value: str) -> str:
    """A value cut to what an attribute may hold."""
    return value.encode()[:_MAX_ATTRIBUTE_BYTES].decode(errors="ignore")


def refuse(publisher: Publisher, received: Received, subscription: str, reason: str) -> None:
    """Publish a message to the dead letter; it is acknowledged once that holds it.

    Args:
        publisher: to Pub/Sub.
        received: the message; it comes again if the dead letter can't be reached.
        subscription: where it came from.
        reason: for people, kept in the attributes.
    """
    _log.error(
        "message refused", subscription=subscription, reason=reason,
        device_id=received.attributes.get(attr.DEVICE_ID), message_id=received.message_id,
    )  # fmt: skip
    said = refusal_attributes(reason, subscription, len(received.data))
    # The message's own attributes may be what Pub/Sub refuses; then it goes without them.
    _try(publisher, received, [{**received.attributes, **said}, said])


def _try(publisher: Publisher, received: Received, forms: Sequence[Mapping[str, str]]) -> None:
    """Publish with the first of these attributes, or with the next where they are refused."""

    def done(published: "Future[str]") -> None:
        error = published.exception()
        if error is None:
            received.ack()
        elif is_refusal(error) and len(forms) > 1:
            _try(publisher, received, forms[1:])
        else:
            _log.warning("dead letter not taken, the message comes again", error=str(error))
            received.nack()

    data = received.data[:MAX_DEAD_LETTER_BYTES]
    publisher.publish(topology.DEAD_LETTER, data, forms[0]).add_done_callback(done)
