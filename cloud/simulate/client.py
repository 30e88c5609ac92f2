"""One MQTT connection on an asyncio loop, by paho's hooks for foreign loops.

`wayside.mqtt` gives every connection a thread, which is right for one and wrong for 2,000. Here
paho reads and writes when the loop says that the socket is ready; only the TCP and TLS
handshakes, which paho does blocking, run in threads. All else happens in the loop's thread.
"""

import asyncio
import contextlib
import socket
import ssl
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from wayside.errors import NotConnectedError
from wayside.mqtt.messages import Will
from wayside.mqtt.settings import MqttSettings

MAX_IN_FLIGHT = 64


class Listener(Protocol):
    """Who is told what happens on a connection."""

    def on_puback(self, mid: int, code: int) -> None:
        """PUBACK; on 3.1.1 the code is always 0."""

    def on_message(self, topic: str, payload: bytes) -> None:
        """A message came down."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where connections go, and what they share.

    Attributes:
        settings: the broker.
        tls: for every connection, None for plain text.
        threads: in which connections are begun.
    """

    settings: MqttSettings
    tls: ssl.SSLContext | None
    threads: Executor


class Connection:
    """From CONNECT to its end; a new one is made for the next.

    Attributes:
        closed: set at the end, however it came.
    """

    def __init__(self, broker: Broker, client_id: str, will: Will, listener: Listener) -> None:
        self._broker = broker
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[str] = self._loop.create_future()
        self._client = self._make_client(client_id, will)
        self.closed = asyncio.Event()

    async def open(self) -> None:
        """Return once the broker has said yes.

        Raises:
            NotConnectedError: it did not.
        """
        settings = self._broker.settings
        connect = partial(self._client.connect, settings.host, settings.port, settings.keepalive_s)
        if self._is_v5:
            connect = partial(connect, clean_start=True)
        try:
            await self._loop.run_in_executor(self._broker.threads, connect)
            self._hook()
            refusal = await asyncio.wait_for(self._answer, settings.connect_timeout_s)
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            self._abandon()
            raise NotConnectedError(str(error) or "no answer to CONNECT") from error
        if refusal:
            self._abandon()
            raise NotConnectedError(refusal)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send with QoS 1; returns the id that `on_puback` will name.

        Raises:
            NotConnectedError: the connection has ended.
        """
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise NotConnectedError(paho.error_string(sent.rc))
        return sent.mid

    def subscribe(self, topic_filter: str) -> None:
        """Subscribe with QoS 1."""
        self._client.subscribe(topic_filter, qos=1)

    def keep_alive(self) -> None:
        """Ping after a long silence, and end where no answer comes; call it each second."""
        self._client.loop_misc()

    def disconnect(self) -> None:
        """End it in order: the broker publishes no last will."""
        self._client.disconnect()

    def drop(self) -> None:
        """Break it without a word, as a network does."""
        sock = self._client.socket()
        if isinstance(sock, socket.socket):  # a TLS one as well
            with contextlib.suppress(OSError):  # it is gone already
                sock.shutdown(socket.SHUT_RDWR)

    @property
    def _is_v5(self) -> bool:
        return self._broker.settings.protocol != "3.1.1"

    def _make_client(self, client_id: str, will: Will) -> paho.Client:
        settings = self._broker.settings
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if self._is_v5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if self._is_v5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.on_socket_open = _send_at_once
        client.connect_timeout = settings.connect_timeout_s
        client.max_inflight_messages_set(MAX_IN_FLIGHT)
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password())
        return client

    def _hook(self) -> None:
        """From here on, in the loop's thread, paho is told when the socket is ready.

        Not before: paho opens the socket in another thread, and there writes CONNECT itself.
        """
        client, sock = self._client, self._client.socket()
        if sock is None:
            raise ConnectionError("the broker closed the connection")
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_no_write
        self._loop.add_reader(sock.fileno(), self._read, sock)
        if client.want_write():
            self._loop.add_writer(sock.fileno(), client.loop_write)

    def _abandon(self) -> None:
        """Leave no socket behind, wherever opening it stopped."""
        self._client.disconnect()
        self.drop()
        self._client.loop_read()  # sees the end, and closes

    def _read(self, sock: Any) -> None:
        self._client.loop_read()
        # What TLS has decrypted already makes no socket readable; a closed one has fileno -1.
        while isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0 and sock.pending():
            self._client.loop_read()

    def _on_want_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        self._loop.add_writer(sock.fileno(), client.loop_write)

    def _on_no_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock.fileno())

    def _on_socket_close(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        self._loop.remove_reader(sock.fileno())
        self._loop.remove_writer(sock.fileno())

    def _on_connect(
        self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self._answered(f"refused: {code}" if code.is_failure else "")

    def _on_disconnect(
        self, client: paho.Client, userdata: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self._answered(f"closed: {code}")
        self.closed.set()

    def _on_publish(
        self, client: paho.Client, userdata: Any, mid: int, code: ReasonCode, properties: Any
    ) -> None:
        self._listener.on_puback(mid, code.value)

    def _on_message(self, client: paho.Client, userdata: Any, received: paho.MQTTMessage) -> None:
        self._listener.on_message(received.topic, bytes(received.payload))

    def _answered(self, refusal: str) -> None:
        if not self._answer.done():
            self._answer.set_result(refusal)


def _send_at_once(client: paho.Client, userdata: Any, sock: Any) -> None:
    """No Nagle: a small PUBLISH would wait for the broker's delayed TCP ACK."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
