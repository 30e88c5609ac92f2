"""One paho client, from CONNECT to its end."""

import contextlib
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from wayside.errors import NotConnectedError
from wayside.mqtt.gathering import GatheringClient, GatheringSocket
from wayside.mqtt.loop import NetworkLoop
from wayside.mqtt.messages import FIRST_FAILURE, Listener, Message, Will
from wayside.mqtt.refusals import certificate_refusal
from wayside.mqtt.settings import MqttSettings

_UNSUPPORTED_PROTOCOL = 0x84

_log = structlog.get_logger(__name__)
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Plan(Generic[C]):
    """What a connection is made from."""

    settings: MqttSettings
    client_id: str
    listener: Listener[C]
    will: Will | None
    tls: ssl.SSLContext | None
    manual_ack: bool
    receive_maximum: int
    max_in_flight: int
    user_properties: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why a connection ended.

    Attributes:
        reason: in words.
        wrong_protocol: another protocol version might have done better.
        certificate_refused: the broker does not take our certificate, or asks for one.
    """

    reason: str
    wrong_protocol: bool = False
    certificate_refused: bool = False


class Connection(Generic[C]):
    """One paho client from CONNECT to its end."""

    def __init__(self, protocol: str, plan: Plan[C]) -> None:
        self._plan = plan
        self.protocol = protocol
        self.number = secrets.randbits(63)
        self.was_up = False
        self.up = False
        self._reason = ""
        self._refused_protocol = False
        self._refused_certificate = ""
        self._socket: GatheringSocket | None = None
        self._answered = False
        self._closed = False
        self._lock = threading.Lock()
        self._contexts: dict[int, C] = {}
        self._early: dict[int, int] = {}
        self._told: set[int] = set()
        self._unsubscribed = threading.Condition()
        self._unsubacks: set[int] = set()
        self.client = self._make_client()
        self._loop = NetworkLoop(self.client)

    def live(self, stop: threading.Event) -> Outcome:
        """Connect, stay until the connection ends, and say why it did."""
        settings = self._plan.settings
        try:
            self._connect(settings)
        except (OSError, ValueError) as error:
            self._loop.close()
            refusal = certificate_refusal(error)
            return Outcome(
                refusal or str(error) or type(error).__name__, certificate_refused=bool(refusal)
            )
        try:
            if not self._await_answer():
                return Outcome("no answer to CONNECT", wrong_protocol=True)
            if stop.is_set():
                self.client.disconnect()
            while not self._closed:
                self._loop.turn()
        finally:
            self.up = False
            self._loop.close()
            self._unhook()
        return Outcome(
            self._reason,
            wrong_protocol=self._refused_protocol,
            certificate_refused=bool(self._refused_certificate),
        )

    def publish(self, topic: str, payload: bytes, context: C, retain: bool) -> None:
        sent = self.client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise NotConnectedError(paho.error_string(sent.rc))
        # No lock may be held around publish(): the PUBACK can be here before it returns.
        with self._lock:
            code = self._early.pop(sent.mid, None)
            if code is None:
                self._contexts[sent.mid] = context
        if code is not None:
            self._plan.listener.on_published(context, code)

    def tell(self, topic: str, payload: bytes) -> None:
        sent = self.client.publish(topic, payload, qos=0)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise NotConnectedError(paho.error_string(sent.rc))
        # paho calls `on_publish` for it too, perhaps already, and its ids are those of QoS 1.
        with self._lock:
            if self._early.pop(sent.mid, None) is None:
                self._told.add(sent.mid)

    def unsubscribe(self, filters: Sequence[str], timeout_s: float | None) -> None:
        with self._unsubscribed:
            result, mid = self.client.unsubscribe(list(filters))
            if result != paho.MQTT_ERR_SUCCESS or mid is None:
                raise NotConnectedError(paho.error_string(result))
            self._unsubacks.discard(mid)  # of long ago, and not waited for
            if timeout_s is None:
                return
            if not self._unsubscribed.wait_for(lambda: mid in self._unsubacks, timeout_s):
                raise NotConnectedError(f"no answer to UNSUBSCRIBE within {timeout_s:.1f} s")
            self._unsubacks.remove(mid)

    def ack(self, message: Message) -> None:
        if self._plan.manual_ack and message.qos == 1:
            self._loop.ack(message.mid)

    def disconnect(self) -> None:
        self.client.disconnect()

    def abort(self) -> None:
        """End it without waiting for what is still to be written."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is gone already
                self._socket.shutdown()

    def _await_answer(self) -> bool:
        """True once CONNECT was answered, False if that takes too long: then it is over."""
        end_s = time.monotonic() + self._plan.settings.connect_timeout_s
        while not self._answered:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                if self._socket is not None:
                    self._socket.close()
                return False
            self._loop.turn(left_s)
        return True

    def _make_client(self) -> GatheringClient:
        plan = self._plan
        v5 = self.protocol == "5"
        client = GatheringClient(
            CallbackAPIVersion.VERSION2,
            client_id=plan.client_id,
            clean_session=None if v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=plan.manual_ack,
        )
        client.connect_timeout = plan.settings.connect_timeout_s
        client.max_inflight_messages_set(plan.max_in_flight)
        if plan.tls is not None:
            client.tls_set_context(plan.tls)
        if plan.settings.username is not None:
            client.username_pw_set(plan.settings.username, plan.settings.password())
        if plan.will is not None:
            will = plan.will
            client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = (
            self._on_message_with_properties if plan.user_properties else self._on_message
        )
        return client

    def _unhook(self) -> None:
        """Break the circle of references, so that the client's sockets go with the connection."""
        client = self.client
        client.on_socket_open = client.on_connect = client.on_disconnect = client.on_publish = None
        client.on_subscribe = client.on_unsubscribe = client.on_message = None

    def _connect(self, settings: MqttSettings) -> None:
        if self.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.ReceiveMaximum = self._plan.receive_maximum
            self.client.connect(
                settings.host, settings.port, settings.keepalive_s,
                clean_start=True, properties=properties,
            )  # fmt: skip
        else:
            self.client.connect(settings.host, settings.port, settings.keepalive_s)

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """No Nagle: a small PUBLISH would wait up to 40 ms for the broker's delayed TCP ACK."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            self._reason = f"refused: {code}"
            self._refused_protocol = code.value == _UNSUPPORTED_PROTOCOL
            self._answered = True
            client.disconnect()
            return
        self.up = self.was_up = True
        self._answered = True
        _log.info(
            "mqtt connected", client_id=self._plan.client_id,
            host=self._plan.settings.host, protocol=self.protocol,
        )  # fmt: skip
        self._plan.listener.on_connected(self.protocol)

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self.up = False
        if self._socket is not None:
            self._refused_certificate = certificate_refusal(self._socket.failure)
        if not self._answered:
            # A 3.1.1 broker may simply close on a CONNECT that it does not understand.
            self._refused_protocol = not self._refused_certificate
        self._reason = self._refused_certificate or self._reason or str(code)
        self._answered = True
        self._closed = True

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, code: ReasonCode, properties: Any
    ) -> None:
        with self._lock:
            if mid not in self._contexts:
                if mid in self._told:
                    self._told.remove(mid)
                else:
                    self._early[mid] = code.value
                return
            context = self._contexts.pop(mid)
        self._plan.listener.on_published(context, code.value)

    def _on_subscribe(
        self, client: paho.Client, userdata: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        refused = [str(code) for code in codes if code.value >= FIRST_FAILURE]
        if refused:
            self._reason = f"subscription refused: {', '.join(refused)}"
            client.disconnect()

    def _on_unsubscribe(
        self, client: paho.Client, userdata: Any, mid: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        with self._unsubscribed:
            self._unsubacks.add(mid)
            self._unsubscribed.notify_all()

    def _on_message(self, client: paho.Client, userdata: Any, received: paho.MQTTMessage) -> None:
        self._plan.listener.on_message(self._message(received))

    def _on_message_with_properties(
        self, client: paho.Client, userdata: Any, received: paho.MQTTMessage
    ) -> None:
        properties = tuple(getattr(received.properties, "UserProperty", ()))
        message = self._message(received)._replace(user_properties=properties)
        self._plan.listener.on_message(message)

    def _message(self, received: paho.MQTTMessage) -> Message:
        return Message(
            topic=received.topic,
            payload=bytes(received.payload),
            qos=received.qos,
            retain=received.retain,
            duplicate=received.dup,
            mid=received.mid,
            connection=self.number,
        )
