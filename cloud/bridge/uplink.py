"""Devices to Pub/Sub: a PUBACK only after Pub/Sub has taken the message (decision 5)."""

import threading
from collections.abc import Callable
from functools import partial

import structlog

from cloud.bridge.routing import Outgoing, Registry, dead_letter, upward
from cloud.bus.port import Outcome, Sender, is_refusal
from cloud.errors import BusError
from wayside.mqtt.messages import Message

_log = structlog.get_logger(__name__)


class Uplink:
    """Messages on their way up, none of which is remembered anywhere else.

    Args:
        sender: to the bus.
        registry: whose devices they are.
        ack: acknowledges a message to the broker.
        broken: called when Pub/Sub takes nothing now; it must break the MQTT connection, so
            that devices notice and send again what was in flight.
    """

    def __init__(
        self,
        sender: Sender,
        registry: Registry,
        ack: Callable[[Message], None],
        broken: Callable[[str], None],
    ) -> None:
        self._sender = sender
        self._registry = registry
        self._ack = ack
        self._broken = broken
        self._changed = threading.Condition()
        self._settled = 0
        self._drains = False
        self.taken = 0
        """Messages that came so far; only the thread that takes them counts."""

    def take(self, message: Message) -> None:
        """Pass one message on; returns at once."""
        self.taken += 1
        self._send(message, upward(self._registry, message.topic, message.payload))

    def refuse(self, message: Message, reason: str) -> None:
        """Send one message to the dead letter; returns at once."""
        self.taken += 1
        self._send(message, dead_letter(message.topic, message.payload, reason))

    def drain(self, timeout_s: float) -> bool:
        """True once nothing is on its way any more, False if that takes longer."""
        with self._changed:
            self._drains = True
            return self._changed.wait_for(lambda: self._settled == self.taken, timeout_s)

    def _send(self, message: Message, outgoing: Outgoing) -> None:
        if outgoing.refusal:
            _log.error("message refused", topic=message.topic, reason=outgoing.refusal)
        done = partial(self._done, message, outgoing)
        self._sender.send(outgoing.topic, outgoing.data, outgoing.attributes, done)

    def _done(self, message: Message, outgoing: Outgoing, outcome: Outcome) -> None:
        if not isinstance(outcome, BusError):
            self._ack(message)
        elif is_refusal(outcome) and not outgoing.refusal:
            self._send(message, dead_letter(message.topic, message.payload, str(outcome)))
            return
        else:
            self._broken(f"Pub/Sub does not take messages: {outcome}")
        with self._changed:
            self._settled += 1
            if self._drains:
                self._changed.notify_all()
