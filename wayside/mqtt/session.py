"""Connection after connection."""

import threading
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

import structlog

from wayside.backoff import Backoff
from wayside.errors import NotConnectedError
from wayside.mqtt.connection import Connection, Outcome, Plan
from wayside.mqtt.credentials import FreshTls, check_password, password_problem
from wayside.mqtt.messages import Listener, Message, Will
from wayside.mqtt.settings import MqttSettings

_GOODBYE_S = 2.0

_log = structlog.get_logger(__name__)
C = TypeVar("C")


class MqttSession(Generic[C]):
    """A connection to a broker, made again whenever it breaks, by the credentials of then.

    Args:
        settings: the broker.
        client_id: unique at the broker; two clients of one id throw each other out.
        listener: who is told.
        will: makes the last will of each new connection.
        will_on: the protocols whose connections have one.
        manual_ack: the listener acknowledges each message itself, by `ack`.
        receive_maximum: unacknowledged messages that the broker may have on the way to us.
        max_in_flight: PUBLISH packets without PUBACK that we may have on the way.
        user_properties: messages carry those of MQTT 5.
        backoff: the waits between connections.

    Raises:
        MqttSettingsError: certificates, key or password cannot be read.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        listener: Listener[C],
        will: Callable[[], Will] | None = None,
        will_on: Collection[str] = ("5", "3.1.1"),
        manual_ack: bool = False,
        receive_maximum: int = 64,
        max_in_flight: int = 64,
        user_properties: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._listener = listener
        self._will = will
        self._will_on = will_on
        self._manual_ack = manual_ack
        self._receive_maximum = receive_maximum
        self._max_in_flight = max_in_flight
        self._user_properties = user_properties
        self._backoff = backoff or Backoff(settings.retry_initial_s, settings.retry_max_s)
        self._stop = threading.Event()
        self._current: Connection[C] | None = None
        self._thread: threading.Thread | None = None
        self._tls = FreshTls(settings)
        check_password(settings)

    @property
    def connected(self) -> bool:
        """True while a connection stands."""
        connection = self._current
        return connection is not None and connection.up

    def start(self) -> None:
        """Begin to connect, in a thread of its own; returns at once."""
        self._thread = threading.Thread(
            target=self._run, name=f"mqtt-{self._client_id}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Disconnect in order (no last will) and wait for the thread.

        A broker that reads nothing any more is left without a goodbye after 2 s.
        """
        self._stop.set()
        connection = self._current
        if connection is not None:
            connection.disconnect()
        if self._thread is None:
            return
        self._thread.join(_GOODBYE_S)
        connection = self._current  # one may have been made since
        if connection is not None and self._thread.is_alive():
            connection.abort()
        self._thread.join()

    def publish(self, topic: str, payload: bytes, context: C, *, retain: bool = False) -> None:
        """Hand a QoS 1 message to the connection; `on_published(context, code)` follows.

        Raises:
            NotConnectedError: there is no connection; nothing was sent.
        """
        self._standing().publish(topic, payload, context, retain)

    def tell(self, topic: str, payload: bytes) -> None:
        """Hand a QoS 0 message to the connection; nobody learns whether it arrives.

        Raises:
            NotConnectedError: there is no connection; nothing was sent.
        """
        self._standing().tell(topic, payload)

    def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe with QoS 1; a refusal breaks the connection, which is then tried again.

        Raises:
            NotConnectedError: there is no connection.
        """
        self._standing().client.subscribe([(item, 1) for item in filters])

    def unsubscribe(self, filters: Sequence[str], timeout_s: float | None) -> None:
        """Ask for no further messages, and wait until the broker has said yes; None: do not wait.

        Whatever it had sent before has come by then. What it keeps in its queue for us still
        comes, as acknowledgements make room for it. The listener must not wait.

        Raises:
            NotConnectedError: there is no connection, or no answer within `timeout_s`.
        """
        self._standing().unsubscribe(filters, timeout_s)

    def ack(self, message: Message) -> None:
        """Acknowledge a message, unless its connection is gone and it will come again anyway."""
        connection = self._current
        if connection is not None and connection.number == message.connection:
            connection.ack(message)

    def disconnect(self, reason: str) -> None:
        """Break the connection on purpose; a new one is made after a wait."""
        _log.warning("mqtt disconnects on purpose", client_id=self._client_id, reason=reason)
        connection = self._current
        if connection is not None:
            connection.disconnect()

    def _standing(self) -> Connection[C]:
        connection = self._current
        if connection is None or not connection.up:
            raise NotConnectedError(f"no connection to {self._settings.host}:{self._settings.port}")
        return connection

    def _plan(self, protocol: str) -> Plan[C]:
        return Plan(
            settings=self._settings,
            client_id=self._client_id,
            listener=self._listener,
            will=self._will() if self._will is not None and protocol in self._will_on else None,
            tls=self._tls.context(),
            manual_ack=self._manual_ack,
            receive_maximum=self._receive_maximum,
            max_in_flight=self._max_in_flight,
            user_properties=self._user_properties,
        )

    def _run(self) -> None:
        preferred = "3.1.1" if self._settings.protocol == "3.1.1" else "5"
        protocol = preferred
        while not self._stop.is_set():
            was_up, outcome = self._live(protocol)
            if outcome.wrong_protocol and self._settings.protocol == "auto" and protocol == "5":
                protocol = "3.1.1"
                continue
            if was_up:
                self._backoff.reset()
                self._listener.on_disconnected(outcome.reason)
            # MQTT 5 gets another chance each time: a broker that died on a CONNECT looks like
            # one that does not know it.
            tried, protocol = protocol, preferred
            if self._stop.is_set():
                break
            wait_s = self._backoff.next_s()
            _log.warning(
                "mqtt not connected", client_id=self._client_id, host=self._settings.host,
                port=self._settings.port, protocol=tried, reason=outcome.reason,
                retry_s=round(wait_s, 1),
            )  # fmt: skip
            self._stop.wait(wait_s)

    def _live(self, protocol: str) -> tuple[bool, Outcome]:
        """One connection from its beginning to its end: did it ever stand, and why it ended."""
        try:
            connection = Connection(protocol, self._plan(protocol))
        except (OSError, UnicodeDecodeError) as error:
            # A password file that is being replaced is missing or half written for a moment.
            return False, Outcome(password_problem(self._settings, error))
        self._current = connection
        outcome = connection.live(self._stop)
        self._current = None
        return connection.was_up, outcome
