"""The bridge between a real Mosquitto and a real Pub/Sub server."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import Literal

import pytest

from cloud.bridge.bridge import Bridge
from cloud.bridge.settings import BridgeSettings
from cloud.bus import topology
from cloud.bus.apply import ensure
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.google_subscriber import GoogleSubscriber
from cloud.bus.port import Received
from cloud.bus.settings import BusSettings
from protos import codec, topics
from protos.ids import Lane
from tests.protos import samples
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, wait_until
from tests.support.pubsub import embedded_pubsub
from wayside.backoff import Backoff
from wayside.mqtt.messages import Message
from wayside.mqtt.session import MqttSession
from wayside.mqtt.settings import MqttSettings

DEVICE = "gate-cam-01"
WAIT_S = 10.0


@dataclass
class Device:
    """A device of few words: publishes what it is told, remembers what it hears."""

    port: int
    connected: threading.Event = field(default_factory=threading.Event)
    pubacks: "Queue[tuple[str, int]]" = field(default_factory=Queue)
    heard: "Queue[Message]" = field(default_factory=Queue)

    def __enter__(self) -> "Device":
        self.session: MqttSession[str] = MqttSession(
            MqttSettings(port=self.port),
            client_id=DEVICE,
            listener=self,
            backoff=Backoff(0.05, 0.2),
        )
        self.session.start()
        assert self.connected.wait(WAIT_S)
        return self

    def __exit__(self, *exception: object) -> None:
        self.session.stop()

    def on_connected(self, protocol: str) -> None:
        self.session.subscribe([topics.commands_filter(DEVICE), topics.config(DEVICE)])
        self.connected.set()

    def on_disconnected(self, reason: str) -> None:
        self.connected.clear()

    def on_message(self, message: Message) -> None:
        self.heard.put(message)

    def on_published(self, context: str, code: int) -> None:
        self.pubacks.put((context, code))

    def publish(self, payload: bytes, name: str = "", lane: Lane = Lane.ALARM) -> None:
        self.session.publish(topics.events(DEVICE, lane), payload, name)


@dataclass
class Line:
    """What a test has at hand."""

    broker: ServerProcess
    pubsub: ServerProcess
    bus: BusSettings
    publisher: GooglePublisher
    subscriber: GoogleSubscriber
    bridge: Callable[..., Bridge]

    def listen(self, subscription: str) -> "Queue[Received]":
        """Messages of a subscription, acknowledged as they come."""
        queue: Queue[Received] = Queue()

        def take(received: Received) -> None:
            queue.put(received)
            received.ack()

        self.subscriber.subscribe(subscription, take)
        return queue


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    broker = mosquitto(tmp_path / "broker")
    pubsub = embedded_pubsub(tmp_path / "pubsub")
    broker.start()
    pubsub.start()
    bus = BusSettings(endpoint=f"127.0.0.1:{pubsub.port}", attempt_timeout_s=2.0)
    ensure(bus)
    publisher, subscriber = GooglePublisher(bus), GoogleSubscriber(bus)
    bridges: list[Bridge] = []

    def bridge(protocol: Literal["auto", "3.1.1"] = "auto", **settings: object) -> Bridge:
        mqtt = MqttSettings(
            port=broker.port, protocol=protocol, retry_initial_s=0.05, retry_max_s=0.3
        )
        new = Bridge(
            BridgeSettings.model_validate(settings), mqtt, bus.project, publisher, subscriber
        )
        bridges.append(new)
        new.start()
        wait_until(lambda: new.connected, "the bridge's connection")
        return new

    yield Line(broker, pubsub, bus, publisher, subscriber, bridge)
    for started in bridges:
        started.stop()
    subscriber.close()
    publisher.close()
    pubsub.stop()
    broker.stop()


def batch(first_seq: int = 1) -> bytes:
    message = samples.event_batch()
    message.first_seq = first_seq
    for seq, event in enumerate(message.events, first_seq):
        event.seq = seq
    return codec.encode(message)


def test_batch_goes_up_with_its_attributes(line: Line) -> None:
    events = line.listen("ingest")
    line.bridge()
    with Device(line.broker.port) as device:
        device.publish(batch(), "first")
        received = events.get(timeout=WAIT_S)
        assert device.pubacks.get(timeout=WAIT_S) == ("first", 0)
    assert received.data == batch()
    assert received.attributes["deviceId"] == DEVICE
    assert received.attributes["lane"] == "alarm"


def test_garbage_is_dead_lettered_and_the_next_message_passes(line: Line) -> None:
    events, dead = line.listen("ingest"), line.listen("dead-letter")
    line.bridge()
    with Device(line.broker.port) as device:
        device.publish(bytes(range(256)) * 8192, "garbage")
        device.publish(batch(), "good")
        refused = dead.get(timeout=WAIT_S)
        assert events.get(timeout=WAIT_S).data == batch()
        names = {device.pubacks.get(timeout=WAIT_S)[0] for _ in range(2)}
    assert names == {"garbage", "good"}, "a refused message must not come again"
    assert "2097152 bytes is too large" in refused.attributes["reason"]
    assert refused.attributes["source"] == topics.events(DEVICE, Lane.ALARM)


def test_receipt_goes_down_and_config_is_retained(line: Line) -> None:
    line.bridge()
    with Device(line.broker.port) as device:
        attributes = {"deviceId": DEVICE, "subFolder": "commands/receipts"}
        line.publisher.publish(topology.DOWNLINK, codec.encode(samples.receipt()), attributes)
        heard = device.heard.get(timeout=WAIT_S)
        assert heard.topic == topics.command(DEVICE, topics.RECEIPTS)
        assert heard.payload == codec.encode(samples.receipt())
        config = {"deviceId": DEVICE, "subFolder": "config"}
        line.publisher.publish(topology.DOWNLINK, codec.encode(samples.desired_state()), config)
        assert device.heard.get(timeout=WAIT_S).topic == topics.config(DEVICE)
    with Device(line.broker.port) as late:
        assert late.heard.get(timeout=WAIT_S).retain


def test_downlink_without_an_address_is_dead_lettered(line: Line) -> None:
    dead = line.listen("dead-letter")
    line.bridge()
    line.publisher.publish(topology.DOWNLINK, b"lost", {"deviceId": "Nobody!"}).result(WAIT_S)
    refused = dead.get(timeout=WAIT_S)
    assert refused.data == b"lost"
    assert "'Nobody!' is not allowed" in refused.attributes["reason"]


def test_nothing_is_acknowledged_while_pubsub_is_away(line: Line) -> None:
    events = line.listen("ingest")
    line.bridge()
    line.pubsub.kill()
    with Device(line.broker.port) as device:
        device.publish(batch(), "first")
        line.pubsub.start()
        assert events.get(timeout=30).data == batch()
        assert device.pubacks.get(timeout=WAIT_S) == ("first", 0)


def test_bridge_comes_back_after_the_broker(line: Line) -> None:
    events = line.listen("ingest")
    bridge = line.bridge()
    line.broker.kill()
    wait_until(lambda: not bridge.connected, "the loss of the broker")
    attributes = {"deviceId": DEVICE, "subFolder": "config"}
    line.publisher.publish(topology.DOWNLINK, b"\x08\x01", attributes).result(WAIT_S)
    line.broker.start()
    wait_until(lambda: bridge.connected, "the bridge's connection")
    with Device(line.broker.port) as device:
        assert device.heard.get(timeout=WAIT_S).payload == b"\x08\x01", "it waited for the broker"
        device.publish(batch(), "after")
        assert events.get(timeout=WAIT_S).data == batch()


def test_two_bridges_share_the_messages_and_one_may_go(line: Line) -> None:
    events = line.listen("ingest")
    leaving, _ = line.bridge(), line.bridge()
    seqs = range(1, 201, 2)
    with Device(line.broker.port) as device:
        for seq in seqs:
            device.publish(batch(seq), str(seq))
            if seq == 101:
                leaving.stop()
        taken = {device.pubacks.get(timeout=WAIT_S) for _ in seqs}
    assert taken == {(str(seq), 0) for seq in seqs}
    received = [codec.read_header(events.get(timeout=WAIT_S).data).first_seq for _ in seqs]
    assert sorted(received) == list(seqs), "each once: nobody was killed"
    assert events.empty()


def test_a_stranger_in_the_usual_group_takes_nothing_from_bridges_with_their_own(
    line: Line,
) -> None:
    events = line.listen("ingest")
    line.bridge(share_group="s3cret-word")
    with Device(line.broker.port) as stranger:
        stranger.session.subscribe([topics.shared("bridge", topics.EVENTS_FILTER)])
        for first_seq in range(1, 60, 2):
            stranger.publish(batch(first_seq))
        received = {events.get(timeout=WAIT_S).attributes["firstSeq"] for _ in range(30)}
    assert len(received) == 30


def test_bridge_that_stops_sees_its_queue_at_the_broker_through(line: Line) -> None:
    events = line.listen("ingest")
    bridge = line.bridge(receive_maximum=2)
    seqs = range(1, 61, 2)
    with Device(line.broker.port) as device:
        os.kill(line.pubsub.pid, signal.SIGSTOP)
        stopping = threading.Thread(target=bridge.stop)
        try:
            for seq in seqs:
                device.publish(batch(seq), str(seq))
            taken = {device.pubacks.get(timeout=WAIT_S) for _ in seqs}
            stopping.start()
        finally:
            os.kill(line.pubsub.pid, signal.SIGCONT)
        stopping.join(WAIT_S)
    assert taken == {(str(seq), 0) for seq in seqs}
    received = [codec.read_header(events.get(timeout=WAIT_S).data).first_seq for _ in seqs]
    assert sorted(received) == list(seqs)
    assert not bridge.connected


def test_bridge_does_not_wait_for_ever_for_a_frozen_pubsub(line: Line) -> None:
    bridge = line.bridge(drain_timeout_s=0.5)
    with Device(line.broker.port) as device:
        os.kill(line.pubsub.pid, signal.SIGSTOP)
        try:
            device.publish(batch(), "first")
            assert device.pubacks.get(timeout=WAIT_S) == ("first", 0)
            begun_s = time.monotonic()
            bridge.stop()
            assert time.monotonic() - begun_s < WAIT_S
        finally:
            os.kill(line.pubsub.pid, signal.SIGCONT)


def test_second_bridge_on_the_older_protocol_stands_by_at_double_the_work(line: Line) -> None:
    events = line.listen("ingest")
    leaving, _ = line.bridge(protocol="3.1.1"), line.bridge(protocol="3.1.1")
    with Device(line.broker.port) as device:
        device.publish(batch(1), "both")
        copies = [events.get(timeout=WAIT_S).data for _ in range(2)]
        assert copies == [batch(1), batch(1)]
        leaving.stop()
        device.publish(batch(3), "one")
        assert events.get(timeout=WAIT_S).data == batch(3)
    assert events.empty()
