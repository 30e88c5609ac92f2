"""The one MQTT session of the device, shared by all who publish and listen."""

from collections.abc import Callable
from typing import Protocol

import structlog

from protos import topics
from wayside.backoff import Backoff
from wayside.mqtt.messages import Message, Will
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings

OnPuback = Callable[[int], None]
"""Told the reason code of the PUBACK; on MQTT 3.1.1 it is always 0."""

_MAX_IN_FLIGHT = 1000
"""The forwarder's window is smaller; nothing of ours may wait inside the MQTT client."""

_log = structlog.get_logger(__name__)


class Part(Protocol):
    """Who shares the session. Calls come from its network thread: be quick, never wait."""

    def on_connected(self) -> None:
        """A connection stands, subscriptions are on their way."""

    def on_disconnected(self, reason: str) -> None:
        """The connection is gone; PUBACKs that did not come will not come."""

    def on_message(self, topic: str, payload: bytes) -> None:
        """Something came down: a command, a receipt, the config. Others' topics are ignored."""


class Uplink:
    """Owns the session: connects again and again, subscribes, and tells its parts.

    Args:
        settings: the broker.
        device: id of the device, and the MQTT client id.
        will: makes the last will of each connection.
        backoff: the waits between connections.

    Raises:
        MqttSettingsError: certificates, key or password cannot be read.
    """

    def __init__(
        self,
        settings: MqttSettings,
        device: str,
        *,
        will: Callable[[], Will] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._filters = (topics.commands_filter(device), topics.config(device))
        self._parts: list[Part] = []
        self._session: MqttSession[OnPuback] = MqttSession(
            settings,
            client_id=device,
            listener=self,
            will=will,
            max_in_flight=_MAX_IN_FLIGHT,
            backoff=backoff,
        )

    @property
    def connected(self) -> bool:
        """True while a connection stands."""
        return self._session.connected

    def attach(self, part: Part) -> None:
        """Have a part told; before `start`."""
        self._parts.append(part)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._session.start()

    def stop(self) -> None:
        """Disconnect in order, without the last will."""
        self._session.stop()

    def reconnect(self, reason: str) -> None:
        """Break the connection on purpose and make a new one."""
        self._session.disconnect(reason)

    def publish(
        self, topic: str, payload: bytes, on_puback: OnPuback, *, retain: bool = False
    ) -> None:
        """Hand over a QoS 1 message; hold no lock that `on_puback` takes.

        Args:
            topic: where.
            payload: what.
            on_puback: called from the network thread, perhaps before this returns.
            retain: the broker is to keep it for those who subscribe later.

        Raises:
            NotConnectedError: there is no connection; nothing was sent.
        """
        self._session.publish(topic, payload, on_puback, retain=retain)

    # The session's listener.

    def on_connected(self, protocol: str) -> None:
        """Subscribe, then tell the parts."""
        self._session.subscribe(self._filters)
        for part in self._parts:
            part.on_connected()

    def on_disconnected(self, reason: str) -> None:
        """Tell the parts."""
        _log.warning("uplink lost", reason=reason)
        for part in self._parts:
            part.on_disconnected(reason)

    def on_message(self, message: Message) -> None:
        """Offer it to each part."""
        for part in self._parts:
            part.on_message(message.topic, message.payload)

    def on_published(self, context: OnPuback, code: int) -> None:
        """Tell who published."""
        context(code)
