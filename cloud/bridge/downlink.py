"""Pub/Sub to devices: acknowledged once the broker has taken the message."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from cloud.bridge.rate_limit import RateLimit
from cloud.bridge.routing import Downward, downward
from cloud.bus.port import Received
from protos.errors import WireError
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import FIRST_FAILURE

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """A message on its way down; handed to MQTT and got back with the PUBACK."""

    received: Received
    downward: Downward


class Downlink:
    """Messages on their way down; those that find no connection wait for the next one.

    How many can wait is bounded by the flow limits of the subscription.

    Args:
        publish: hands a message to MQTT; raises NotConnectedError.
        refuse: sends a refused message to the dead letter, with the reason.
        limit: how many messages a device may be sent.
    """

    def __init__(
        self,
        publish: Callable[[Descent], None],
        refuse: Callable[[Received, str], None],
        limit: RateLimit,
    ) -> None:
        self._publish = publish
        self._refuse = refuse
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[Descent] = deque()
        self._connections = 0
        self._in_flight: set[Descent] = set()

    def take(self, received: Received) -> None:
        """Pass one message of the subscription on, now or at the next connection.

        What is too much for its device goes back to Pub/Sub, which brings it again later.
        """
        try:
            down = downward(dict(received.attributes), received.data)
        except WireError as error:
            self._refuse(received, str(error))
            return
        admitted, is_news = self._limit.admits(down.device)
        if is_news:
            _log.warning("too many messages for a device, they come later",
                         device_id=down.device, topic=down.topic)  # fmt: skip
        if not admitted:
            received.nack()
            return
        self._send(Descent(received, down))

    def connected(self) -> None:
        """Send what waited for a connection."""
        with self._changed:
            self._connections += 1
            waiting = list(self._waiting)
            self._waiting.clear()
        for descent in waiting:
            self._send(descent)

    def disconnected(self) -> None:
        """What was in flight goes out again at the next connection."""
        with self._changed:
            self._waiting.extend(self._in_flight)
            self._in_flight.clear()

    def published(self, descent: Descent, code: int) -> None:
        """PUBACK. A device that is not there (0x10) asks again itself when it is."""
        with self._changed:
            self._in_flight.discard(descent)
            self._changed.notify_all()
        if code >= FIRST_FAILURE:
            reason = f"the broker refuses {descent.downward.topic} with reason code 0x{code:02x}"
            self._refuse(descent.received, reason)
            return
        descent.received.ack()

    def drain(self, timeout_s: float) -> bool:
        """True once the broker has taken all that was handed to it, False if that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_flight, timeout_s)

    def stop(self) -> None:
        """Give back to Pub/Sub whatever has not gone down."""
        with self._changed:
            remaining = [*self._waiting, *self._in_flight]
            self._waiting.clear()
            self._in_flight.clear()
        for descent in remaining:
            descent.received.nack()

    def _send(self, descent: Descent) -> None:
        while True:
            with self._changed:
                connections = self._connections
                self._in_flight.add(descent)
            try:
                self._publish(descent)
                return
            except NotConnectedError:
                with self._changed:
                    if descent not in self._in_flight:
                        return  # `disconnected` has moved it already
                    self._in_flight.discard(descent)
                    if connections == self._connections:
                        self._waiting.append(descent)
                        return
                    # A new connection came meanwhile, and has sent what waited: again.
