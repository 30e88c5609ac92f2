"""Devices to Pub/Sub: a PUBACK only after Pub/Sub has taken the message (decision 5)."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

import structlog

from cloud.bridge.routing import Outgoing, Registry, dead_letter, upward
from cloud.bus.port import Publisher, is_refusal
from wayside.mqtt.messages import Message

_log = structlog.get_logger(__name__)


class Uplink:
    """Messages on their way up, none of which is remembered anywhere else.

    Args:
        publisher: the bus.
        registry: whose devices they are.
        ack: acknowledges a message to the broker.
        broken: called when Pub/Sub takes nothing now; it must break the MQTT connection, so
            that devices notice and send again what was in flight.
    """

    def __init__(
        self,
        publisher: Publisher,
        registry: Registry,
        ack: Callable[[Message], None],
        broken: Callable[[str], None],
    ) -> None:
        self._publisher = publisher
        self._registry = registry
        self._ack = ack
        self._broken = broken
        self._changed = threading.Condition()
        self._in_flight = 0
        self.taken = 0
        """Messages that came so far."""

    def take(self, message: Message) -> None:
        """Pass one message on; returns at once."""
        self._send(message, upward(self._registry, message.topic, message.payload), first=True)

    def refuse(self, message: Message, reason: str) -> None:
        """Send one message to the dead letter; returns at once."""
        refused = dead_letter(message.topic, message.payload, reason)
        self._send(message, refused, first=True)

    def drain(self, timeout_s: float) -> bool:
        """True once nothing is on its way any more, False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout_s)

    def _send(self, message: Message, outgoing: Outgoing, *, first: bool) -> None:
        if outgoing.refusal:
            _log.error("message refused", topic=message.topic, reason=outgoing.refusal)
        if first:
            with self._changed:
                self._in_flight += 1
                self.taken += 1
        future = self._publisher.publish(outgoing.topic, outgoing.data, outgoing.attributes)
        future.add_done_callback(lambda done: self._done(message, outgoing, done))

    def _done(self, message: Message, outgoing: Outgoing, future: "Future[str]") -> None:
        error = future.exception()
        if error is not None and is_refusal(error) and not outgoing.refusal:
            refused = dead_letter(message.topic, message.payload, str(error))
            self._send(message, refused, first=False)
            return
        if error is None:
            self._ack(message)
        else:
            self._broken(f"Pub/Sub does not take messages: {error}")
        with self._changed:
            self._in_flight -= 1
            self._changed.notify_all()
