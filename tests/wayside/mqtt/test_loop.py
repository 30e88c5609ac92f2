"""The network loop, against a broker that the test plays byte by byte."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from wayside.mqtt.gathering import GatheringClient
from wayside.mqtt.loop import NetworkLoop

CONNACK = b"\x20\x02\x00\x00"


def publish(mid: int, payload: bytes = b"x") -> bytes:
    """A PUBLISH of QoS 1 to topic `t`, of less than 128 bytes (MQTT 3.1.1, 3.3)."""
    body = b"\x00\x01t" + mid.to_bytes(2, "big") + payload
    return bytes([0x32, len(body)]) + body


def puback(mid: int) -> bytes:
    return b"\x40\x02" + mid.to_bytes(2, "big")


@dataclass
class Peers:
    """A client on a loop, and the broker's end of its connection."""

    client: GatheringClient
    loop: NetworkLoop
    broker: socket.socket
    messages: list[MQTTMessage] = field(default_factory=list)


@pytest.fixture
def peers() -> Iterator[Peers]:
    client = GatheringClient(
        CallbackAPIVersion.VERSION2, client_id="c", protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False, manual_ack=True,
    )  # fmt: skip
    loop = NetworkLoop(client)
    with socket.create_server(("127.0.0.1", 0)) as server:
        client.connect("127.0.0.1", server.getsockname()[1])
        broker, _ = server.accept()
    broker.settimeout(5)
    made = Peers(client, loop, broker)
    client.on_message = lambda _client, _userdata, message: made.messages.append(message)
    loop.turn(5)
    assert broker.recv(1000)[0] == 0x10, "CONNECT"
    broker.sendall(CONNACK)
    loop.turn(5)
    assert client.is_connected()
    yield made
    broker.close()
    while client.socket() is not None:
        loop.turn(0.1)
    loop.close()


def test_packets_that_came_together_are_all_handled_in_one_turn(peers: Peers) -> None:
    peers.broker.sendall(b"".join(publish(mid) for mid in range(1, 51)))
    peers.loop.turn(5)
    assert [message.mid for message in peers.messages] == list(range(1, 51))


def test_a_packet_that_came_in_parts_is_handled_once_it_is_whole(peers: Peers) -> None:
    packet = publish(7, b"payload")
    for part in (packet[:1], packet[1:5], packet[5:-1]):
        peers.broker.sendall(part)
        peers.loop.turn(5)
    assert peers.messages == []
    peers.broker.sendall(packet[-1:])
    peers.loop.turn(5)
    assert [(message.mid, message.payload) for message in peers.messages] == [(7, b"payload")]


def test_acknowledgements_of_other_threads_wake_a_turn_and_go_out_together(peers: Peers) -> None:
    turned = threading.Thread(target=peers.loop.turn, args=(5,))
    turned.start()

    def acknowledge() -> None:
        for mid in (1, 2, 515):
            peers.loop.ack(mid)

    acknowledging = threading.Thread(target=acknowledge)
    acknowledging.start()
    acknowledging.join()
    turned.join(5)
    assert not turned.is_alive()
    peers.loop.turn(0)  # what came after the first one woke it
    received = b""
    while len(received) < 12:
        received += peers.broker.recv(1000)
    assert received == puback(1) + puback(2) + puback(515)


def test_an_acknowledgement_within_a_turn_goes_out_by_its_end(peers: Peers) -> None:
    peers.client.on_message = lambda _client, _userdata, message: peers.loop.ack(message.mid)
    peers.broker.sendall(publish(3))
    peers.loop.turn(5)
    assert peers.broker.recv(1000) == puback(3)


def test_an_acknowledgement_goes_before_what_is_asked_after_it(peers: Peers) -> None:
    """The answer to UNSUBSCRIBE says what the broker has left only to who has acknowledged all."""
    peers.loop.ack(5)
    peers.client.unsubscribe("t")
    peers.loop.turn(5)
    received = peers.broker.recv(1000)
    assert received.startswith(puback(5))
    assert received[4] == 0xA2, "UNSUBSCRIBE"


def test_what_another_thread_publishes_wakes_a_turn(peers: Peers) -> None:
    publishing = threading.Timer(0.05, peers.client.publish, ("t", b"hello", 1))
    publishing.start()
    peers.loop.turn(5)
    peers.loop.turn(0)
    assert b"hello" in peers.broker.recv(1000)
    publishing.join()


def test_a_packet_that_a_turn_takes_before_paho_has_told_of_it_leaves_no_other_behind(
    peers: Peers,
) -> None:
    """paho queues a packet, and only then notes that the loop is told and tells it."""
    client, told = peers.client, peers.client._call_socket_register_write

    def tell_late() -> None:
        peers.broker.sendall(publish(1))
        peers.loop.turn(5)  # for another reason: it writes what is queued
        told()

    client._call_socket_register_write = tell_late  # type: ignore[method-assign]
    client.publish("t", b"first", 1)
    client._call_socket_register_write = told  # type: ignore[method-assign]
    peers.loop.turn(5)

    woken: list[object] = []
    wake = client.on_socket_register_write
    assert wake is not None
    client.on_socket_register_write = lambda *arguments: (woken.append(1), wake(*arguments))  # type: ignore[assignment, func-returns-value]
    client.publish("t", b"second", 1)
    assert woken
    peers.loop.turn(5)
    received = b""
    while b"second" not in received:
        received += peers.broker.recv(1000)


def test_a_broker_that_never_stops_does_not_hold_up_what_is_to_be_written(peers: Peers) -> None:
    peers.broker.sendall(b"".join(publish(mid) for mid in range(1, 1001)))
    peers.loop.ack(9)
    peers.loop.turn(5)
    assert 1 <= len(peers.messages) < 1000
    assert peers.broker.recv(1000) == puback(9)
    while len(peers.messages) < 1000:
        peers.loop.turn(5)


def test_the_end_of_a_connection_ends_the_turns(peers: Peers) -> None:
    ends: list[object] = []
    peers.client.on_disconnect = lambda *args: ends.append(args)
    peers.broker.close()
    peers.loop.turn(5)
    assert peers.client.socket() is None
    assert len(ends) == 1
    peers.loop.turn(5)  # returns at once: there is nothing to wait for
    peers.loop.ack(1)  # nobody is there to be told
