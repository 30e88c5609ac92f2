"""The session against a real Mosquitto, and against brokers that misbehave."""

import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, free_port, wait_until
from wayside.backoff import Backoff
from wayside.errors import MqttSettingsError, NotConnectedError
from wayside.mqtt.messages import Message, Will
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings


class Recorder:
    """Keeps what a session tells."""

    def __init__(self) -> None:
        self.connections: list[str] = []
        self.ends: list[str] = []
        self.messages: list[Message] = []
        self.published: list[tuple[str, int]] = []
        self.then: Callable[[], None] = lambda: None

    def connected_times(self, count: int) -> bool:
        return len(self.connections) >= count

    def ended_times(self, count: int) -> bool:
        return len(self.ends) >= count

    def on_connected(self, protocol: str) -> None:
        self.connections.append(protocol)
        self.then()

    def on_disconnected(self, reason: str) -> None:
        self.ends.append(reason)

    def on_message(self, message: Message) -> None:
        self.messages.append(message)

    def on_published(self, context: str, code: int) -> None:
        self.published.append((context, code))


Session = tuple[MqttSession[str], Recorder]
Start = Callable[..., Session]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sessions, which end with the test."""
    sessions: list[MqttSession[str]] = []

    def begin(
        settings: MqttSettings,
        client_id: str = "test",
        filters: tuple[str, ...] = (),
        will: Callable[[], Will] | None = None,
        *,
        manual_ack: bool = False,
        user_properties: bool = False,
        older: bool = False,
        wait: bool = True,
    ) -> Session:
        recorder = Recorder()
        session = MqttSession(
            settings,
            client_id=client_id,
            listener=recorder,
            will=will,
            will_on=("3.1.1",) if older else ("5", "3.1.1"),
            manual_ack=manual_ack,
            user_properties=user_properties,
            backoff=Backoff(0.02, 0.05),
        )
        if filters:
            recorder.then = lambda: session.subscribe(filters)
        session.start()
        sessions.append(session)
        if wait:
            wait_until(lambda: recorder.connections, "connection")
        return session, recorder

    yield begin
    for session in sessions:
        session.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ServerProcess]:
    server = mosquitto(tmp_path / "broker")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_messages_come_and_go(broker: ServerProcess, start: Start, protocol: str) -> None:
    settings = MqttSettings.model_validate({"port": broker.port, "protocol": protocol})
    _, listening = start(settings, "listener", ("/a/#",))
    session, recorder = start(settings, "speaker")
    assert session.connected
    assert recorder.connections == [protocol]

    def delivered() -> bool:
        with contextlib.suppress(NotConnectedError):
            session.publish("/a/b", b"payload", "context")
        return bool(listening.messages)

    wait_until(delivered, "message")
    message = listening.messages[0]
    assert (message.topic, message.payload, message.qos) == ("/a/b", b"payload", 1)
    wait_until(lambda: recorder.published, "PUBACK")
    assert recorder.published[-1][0] == "context"


def test_the_reason_code_tells_that_nobody_is_there(broker: ServerProcess, start: Start) -> None:
    session, recorder = start(MqttSettings(port=broker.port))
    session.publish("/nobody", b"", "one")
    wait_until(lambda: recorder.published, "PUBACK")
    assert recorder.published == [("one", 0x10)]


def test_the_session_comes_back_after_a_restart(broker: ServerProcess, start: Start) -> None:
    session, recorder = start(MqttSettings(port=broker.port), filters=("/a",))
    for count in (1, 2):
        broker.kill()
        wait_until(partial(recorder.ended_times, count), "end")
        with pytest.raises(NotConnectedError):
            session.publish("/a", b"", "lost")
        broker.start()
        wait_until(partial(recorder.connected_times, count + 1), "new connection")
    wait_until(lambda: session.connected, "standing")
    session.publish("/a", b"", "kept")
    wait_until(lambda: recorder.messages, "message after the restart")
    assert ("lost", 0) not in recorder.published


def test_an_acknowledgement_that_comes_too_late_harms_no_later_connection(
    broker: ServerProcess, start: Start
) -> None:
    settings = MqttSettings(port=broker.port)
    session, recorder = start(settings, "taker", ("/a",), manual_ack=True)
    speaker, _ = start(settings, "speaker")
    wait_until(lambda: session.connected, "subscribed")

    def came() -> bool:
        speaker.publish("/a", b"x", "x")
        return bool(recorder.messages)

    wait_until(came, "message")
    session.ack(recorder.messages[0])
    old = recorder.messages[0]
    session.disconnect("test")
    wait_until(lambda: len(recorder.connections) == 2, "new connection")
    wait_until(lambda: session.connected, "standing")
    session.ack(old)  # of a connection that is gone
    known = len(recorder.messages)
    wait_until(lambda: came() and len(recorder.messages) > known, "message on the new connection")
    session.ack(recorder.messages[-1])
    session.unsubscribe(["/a"], 10)
    assert len(recorder.connections) == 2, "the broker had nothing against it"


def test_the_last_will_is_published_for_a_broken_connection_and_not_for_an_orderly_end(
    broker: ServerProcess, start: Start
) -> None:
    settings = MqttSettings(port=broker.port)
    _, listening = start(settings, "listener", ("/will",))
    numbers = iter(range(100))

    def will() -> Will:
        return Will("/will", str(next(numbers)).encode(), retain=False)

    first, _ = start(settings, "device", will=will)
    first.stop()
    start(settings, "device", will=will)
    start(settings, "device", will=will, wait=False)  # throws the one before out
    wait_until(lambda: listening.messages, "last will")
    assert int(listening.messages[0].payload) >= 1, "the one that said goodbye left no will"


def test_will_of_one_protocol_is_no_will_of_the_other(broker: ServerProcess, start: Start) -> None:
    _, listening = start(MqttSettings(port=broker.port), "listener", ("/will",))
    for protocol in ("5", "3.1.1"):
        settings = MqttSettings.model_validate({"port": broker.port, "protocol": protocol})
        will = partial(Will, "/will", protocol.encode(), retain=False)
        session, recorder = start(settings, "device", will=will, older=True)
        start(settings, "device", wait=False)  # throws the one before out
        wait_until(partial(recorder.ended_times, 1), "end without a goodbye")
        session.stop()
    wait_until(lambda: listening.messages, "last will")
    assert {message.payload for message in listening.messages} == {b"3.1.1"}


def test_what_is_told_is_sent_once_and_takes_no_puback_of_another(
    broker: ServerProcess, start: Start
) -> None:
    settings = MqttSettings(port=broker.port)
    _, listening = start(settings, "listener", ("/told", "/sent"))
    session, recorder = start(settings, "speaker")
    for number in range(200):
        session.tell("/told", b"%d" % number)
        session.publish("/sent", b"", f"{number}")
    wait_until(lambda: len(listening.messages) == 400, "all messages")
    told = [message for message in listening.messages if message.topic == "/told"]
    assert [message.payload for message in told] == [b"%d" % number for number in range(200)]
    assert {message.qos for message in told} == {0}
    wait_until(lambda: len(recorder.published) == 200, "PUBACKs")
    assert [context for context, _ in recorder.published] == [str(n) for n in range(200)]
    session.stop()
    with pytest.raises(NotConnectedError):
        session.tell("/told", b"lost")


def test_answer_that_nobody_waited_for_ends_no_later_wait(
    broker: ServerProcess, start: Start
) -> None:
    settings = MqttSettings(port=broker.port)
    session, recorder = start(settings, "taker", ("/a",))
    session.unsubscribe(["/a"], None)
    session.unsubscribe(["/a"], 10)
    session.publish("/a", b"", "nobody")
    wait_until(lambda: recorder.published, "PUBACK")
    assert recorder.published == [("nobody", 0x10)]


def test_user_properties_come_only_where_they_are_asked_for(
    broker: ServerProcess, start: Start
) -> None:
    settings = MqttSettings(port=broker.port)
    _, asking = start(settings, "asking", ("/a",), user_properties=True)
    _, silent = start(settings, "silent", ("/a",))
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("a", "1"), ("b", "2"), ("a", "3")]

    def both_have(count: int) -> bool:
        return len(asking.messages) == len(silent.messages) == count

    try:
        wait_until(client.is_connected, "connection")
        client.publish("/a", b"", qos=1, properties=properties)
        wait_until(partial(both_have, 1), "message")
        client.publish("/a", b"", qos=1)
        wait_until(partial(both_have, 2), "message")
    finally:
        client.disconnect()
        client.loop_stop()
    assert [message.user_properties for message in asking.messages] == [
        (("a", "1"), ("b", "2"), ("a", "3")), (),
    ]  # fmt: skip
    assert [message.user_properties for message in silent.messages] == [(), ()]


def test_a_subscription_that_the_broker_refuses_breaks_the_connection(start: Start) -> None:
    """Mosquitto grants every subscription, so a broker of a few bytes refuses it here."""
    served: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(b"\x20\x02\x00\x00")  # CONNACK, accepted
                subscribe = client.recv(4096)
                served.append(subscribe)
                client.sendall(b"\x90\x03" + subscribe[2:4] + b"\x80")  # SUBACK, refused
                client.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        port = int(listener.getsockname()[1])
        session, recorder = start(MqttSettings(port=port, protocol="3.1.1"), filters=("/a",))
        thread.join()
        session.stop()
    assert len(served) == 2
    assert recorder.ends[0].startswith("subscription refused")


def test_wrong_credentials_are_named_and_tried_again(tmp_path: Path, start: Start) -> None:
    broker = mosquitto(tmp_path / "broker", "allow_anonymous false")
    password = tmp_path / "password"
    password.write_text("secret\n")
    broker.start()
    try:
        session, recorder = start(
            MqttSettings(port=broker.port, username="device", password_file=password), wait=False
        )
        wait_until(lambda: b"not authorised" in broker.log.read_bytes().lower(), "refusal")
        password.unlink()  # as in the middle of a rotation: the session lives on
        assert not session.connected
        assert recorder.connections == []
    finally:
        broker.stop()


def test_credentials_that_cannot_be_read_are_an_error_at_once(tmp_path: Path) -> None:
    gone, empty, binary = tmp_path / "gone", tmp_path / "empty", tmp_path / "binary"
    empty.touch()
    binary.write_bytes(b"\xff\xfe")

    def refused(**given: object) -> str:
        with pytest.raises(MqttSettingsError) as caught:
            MqttSession(MqttSettings.model_validate(given), client_id="test", listener=Recorder())
        return str(caught.value)

    unread = "cannot be read: No such file or directory; check the path and who may read it"
    assert refused(password_file=gone) == f"mqtt.password_file: {gone} {unread}"
    assert "binary is not UTF-8 text; its first line" in refused(password_file=binary)
    assert refused(tls={"ca_file": gone}) == f"mqtt.tls.ca_file: {gone} {unread}"
    assert f"mqtt.tls.ca_file: {empty}: no PEM certificates" in refused(tls={"ca_file": empty})
    own = refused(tls={"cert_file": empty, "key_file": gone})
    assert own.startswith(f"mqtt.tls.cert_file: {empty}, mqtt.tls.key_file: {gone}")
    trusting = MqttSettings.model_validate({"tls": {}})
    assert not MqttSession(trusting, client_id="test", listener=Recorder()).connected


def test_a_session_can_be_stopped_while_nobody_answers(start: Start) -> None:
    session, recorder = start(MqttSettings(port=free_port()), wait=False)
    with pytest.raises(NotConnectedError):
        session.subscribe(["/a"])
    session.disconnect("test")
    session.stop()
    assert recorder.connections == []


def test_a_frozen_broker_does_not_hold_the_stop(broker: ServerProcess, start: Start) -> None:
    session, recorder = start(MqttSettings(port=broker.port))
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        for _ in range(40):
            session.publish("/a", bytes(1_000_000), "never")
        session.stop()
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    assert recorder.published == []


def test_connections_leave_no_file_descriptors_behind(broker: ServerProcess, start: Start) -> None:
    session, recorder = start(MqttSettings(port=broker.port))
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    gc.disable()
    try:
        for count in range(2, 8):
            session.disconnect("test")
            wait_until(partial(recorder.connected_times, count), "new connection")
    finally:
        gc.enable()
    assert len(list(descriptors.iterdir())) <= before + 2


# Brokers that know only 3.1.1, played by a door before the real one.


class Door:
    """Passes connections on to a broker, unless they begin with an MQTT 5 CONNECT.

    Args:
        port: of the broker.
        answer: what such a CONNECT gets before the connection is closed.
    """

    def __init__(self, port: int, answer: bytes) -> None:
        self._broker = port
        self._answer = answer
        self.refused = 0
        self.open = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()
        for sock in self._sockets:
            sock.close()

    def cut(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            head = client.recv(4096)
            level = head[head.index(b"MQTT") + 4]
            if level == 5 and not self.open:
                self.refused += 1
                client.sendall(self._answer)
                client.close()
                continue
            broker = socket.create_connection(("127.0.0.1", self._broker))
            broker.sendall(head)
            self._sockets += [client, broker]
            for source, sink in ((client, broker), (broker, client)):
                thread = threading.Thread(target=self._copy, args=(source, sink))
                self._threads.append(thread)
                thread.start()

    @staticmethod
    def _copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(4096):
                sink.sendall(block)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=[b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00", b""],
                ids=["CONNACK 1", "CONNACK 0x84", "silent close"])  # fmt: skip
def door(broker: ServerProcess, request: pytest.FixtureRequest) -> Iterator[Door]:
    server = Door(broker.port, request.param)
    yield server
    server.close()


def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(door: Door, start: Start) -> None:
    session, recorder = start(MqttSettings(port=door.port), filters=("/a",))
    assert recorder.connections == ["3.1.1"]
    assert door.refused == 1
    session.publish("/a", b"x", "x")
    wait_until(lambda: recorder.published == [("x", 0)], "PUBACK")


def test_a_broker_that_has_learnt_mqtt_5_is_spoken_to_in_5(door: Door, start: Start) -> None:
    _, recorder = start(MqttSettings(port=door.port))
    door.open = True
    door.cut()
    wait_until(lambda: len(recorder.connections) == 2, "new connection")
    assert recorder.connections == ["3.1.1", "5"]


def test_a_fixed_version_is_never_changed(door: Door, start: Start) -> None:
    session, recorder = start(MqttSettings(port=door.port, protocol="5"), wait=False)
    wait_until(lambda: door.refused >= 3, "it tries again")
    session.stop()
    assert recorder.connections == []
