"""Pub/Sub to devices: acknowledged once the broker has taken the message."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cloud.bridge.routing import Downward, downward
from cloud.bus.port import Received
from protos.errors import WireError
from wayside.errors import NotConnectedError
from wayside.mqtt.messages import FIRST_FAILURE


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
    """

    def __init__(
        self, publish: Callable[[Descent], None], refuse: Callable[[Received, str], None]
    ) -> None:
        self._publish = publish
        self._refuse = refuse
        self._lock = threading.Lock()
        self._waiting: deque[Descent] = deque()
        self._connections = 0
        self._in_flight: set[Descent] = set()

    def take(self, received: Received) -> None:
        """Pass one message of the subscription on, now or at the next connection."""
        try:
            down = downward(dict(received.attributes), received.data)
        except WireError as error:
            self._refuse(received, str(error))
            return
        self._send(Descent(received, down))

    def connected(self) -> None:
        """Send what waited for a connection."""
        with self._lock:
            self._connections += 1
            waiting = list(self._waiting)
            self._waiting.clear()
        for descent in waiting:
            self._send(descent)

    def disconnected(self) -> None:
        """What was in flight goes out again at the next connection."""
        with self._lock:
            self._waiting.extend(self._in_flight)
            self._in_flight.clear()

    def published(self, descent: Descent, code: int) -> None:
        """PUBACK. A device that is not there (0x10) asks again itself when it is."""
        with self._lock:
            self._in_flight.discard(descent)
        if code >= FIRST_FAILURE:
            reason = f"the broker refuses {descent.downward.topic} with reason code 0x{code:02x}"
            self._refuse(descent.received, reason)
            return
        descent.received.ack()

    def stop(self) -> None:
        """Give back to Pub/Sub whatever has not gone down."""
        with self._lock:
            remaining = [*self._waiting, *self._in_flight]
            self._waiting.clear()
            self._in_flight.clear()
        for descent in remaining:
            descent.received.nack()

    def _send(self, descent: Descent) -> None:
        while True:
            with self._lock:
                connections = self._connections
                self._in_flight.add(descent)
            try:
                self._publish(descent)
                return
            except NotConnectedError:
                with self._lock:
                    if descent not in self._in_flight:
                        return  # `disconnected` has moved it already
                    self._in_flight.discard(descent)
                    if connections == self._connections:
                        self._waiting.append(descent)
                        return
                    # A new connection came meanwhile, and has sent what waited: again.
