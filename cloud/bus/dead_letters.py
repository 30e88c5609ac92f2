"""What is refused for good goes to the dead letter, with the reason, and is then acknowledged."""

from concurrent.futures import Future

import structlog

from cloud.bus import attributes as attr
from cloud.bus import topology
from cloud.bus.port import Publisher, Received

_MAX_ATTRIBUTE_BYTES = 1024
"""Pub/Sub takes no longer value."""

_log = structlog.get_logger(__name__)


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
    attributes = {
        **received.attributes, **refusal_attributes(reason, subscription, len(received.data))
    }  # fmt: skip
    _log.error(
        "message refused", subscription=subscription, reason=reason,
        device_id=received.attributes.get(attr.DEVICE_ID), message_id=received.message_id,
    )  # fmt: skip

    def done(published: "Future[str]") -> None:
        if (error := published.exception()) is None:
            received.ack()
        else:
            _log.warning("dead letter not taken, the message comes again", error=str(error))
            received.nack()

    publisher.publish(topology.DEAD_LETTER, received.data, attributes).add_done_callback(done)
