"""The bridge between a real Mosquitto and a real Pub/Sub server."""

import os
import signal
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Literal

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from structlog.testing import capture_logs

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
from wayside.errors import MqttSettingsError
from wayside.mqtt.messages import NO_SUBSCRIBERS, SUCCESS, Message
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


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all, which takes seconds to start; each test has a project of its own.

    A test that kills or freezes it has it back at its end.
    """
    server = embedded_pubsub(tmp_path_factory.mktemp("pubsub"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def line(tmp_path: Path, pubsub: ServerProcess, request: pytest.FixtureRequest) -> Iterator[Line]:
    broker = mosquitto(tmp_path / "broker")
    broker.start()
    project = f"of-{zlib.crc32(request.node.name.encode()):08x}"
    bus = BusSettings(endpoint=f"127.0.0.1:{pubsub.port}", project=project, attempt_timeout_s=2.0)
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


# MQTT 3.1.1: one active bridge, the others stand by.

QUICK = {"presence_interval_s": 0.2, "presence_timeout_s": 0.8}


def bridges_of_the_older_protocol(line: Line, count: int) -> list[Bridge]:
    bridges = [line.bridge(protocol="3.1.1", **QUICK) for _ in range(count)]
    wait_until(lambda: all(bridge.settled for bridge in bridges), "one to be active")
    return bridges


def first_seqs(events: "Queue[Received]", count: int) -> list[int]:
    """The first seqs of so many batches, the copies among them left out."""
    seen: dict[int, None] = {}
    while len(seen) < count:
        seen[codec.read_header(events.get(timeout=WAIT_S).data).first_seq] = None
    return sorted(seen)


def test_of_three_bridges_on_the_older_protocol_one_passes_messages_on(line: Line) -> None:
    events = line.listen("ingest")
    bridges_of_the_older_protocol(line, 3)
    seqs = list(range(1, 41, 2))
    with Device(line.broker.port) as device:
        for seq in seqs:
            device.publish(batch(seq), str(seq))
        assert first_seqs(events, len(seqs)) == seqs
        for _ in seqs:
            assert device.pubacks.get(timeout=WAIT_S)[1] == SUCCESS
    assert events.empty(), "each once"


def more_than(things: Sequence[object], count: int) -> bool:
    return len(things) > count


def test_bridges_of_the_older_protocol_that_stop_one_by_one_leave_no_gap(line: Line) -> None:
    events = line.listen("ingest")
    bridges = bridges_of_the_older_protocol(line, 3)
    sent: list[int] = []
    stopped = threading.Event()
    codes = set()

    def publish_without_end(device: Device) -> None:
        for seq in range(1, 1_000_000, 2):
            device.publish(batch(seq), str(seq))
            sent.append(seq)
            codes.add(device.pubacks.get(timeout=WAIT_S)[1])
            if stopped.is_set():
                return

    with Device(line.broker.port) as device:
        publishing = threading.Thread(target=publish_without_end, args=[device])
        publishing.start()
        for bridge in bridges[:2]:
            bridge.stop()
            before = len(sent)
            wait_until(partial(more_than, sent, before + 20), "messages")
        stopped.set()
        publishing.join()
    assert codes == {SUCCESS}, "there was always somebody to take the device's messages"
    assert first_seqs(events, len(sent)) == sent


def test_bridge_of_the_older_protocol_is_active_again_after_the_broker(line: Line) -> None:
    events = line.listen("ingest")
    bridges = bridges_of_the_older_protocol(line, 2)
    line.broker.kill()
    wait_until(lambda: not any(bridge.settled for bridge in bridges), "the loss of the broker")
    line.broker.start()
    wait_until(lambda: all(bridge.settled for bridge in bridges), "one to be active")
    with Device(line.broker.port) as device:
        device.publish(batch(), "after")
        assert device.pubacks.get(timeout=WAIT_S) == ("after", SUCCESS)
        assert events.get(timeout=WAIT_S).data == batch()
    assert events.empty()


def test_pubsub_that_only_the_active_bridge_misses_makes_another_one_active(line: Line) -> None:
    events = line.listen("ingest")
    lost = BusSettings(endpoint="127.0.0.1:1", attempt_timeout_s=0.5, publish_timeout_s=0.5)
    away = GooglePublisher(lost)
    mqtt = MqttSettings(port=line.broker.port, protocol="3.1.1")
    settings = BridgeSettings.model_validate(QUICK)
    cut_off = Bridge(settings, mqtt, line.bus.project, away, line.subscriber)
    cut_off.start()
    try:
        wait_until(lambda: cut_off.settled, "it to be active")
        bridges_of_the_older_protocol(line, 1)
        with Device(line.broker.port) as device:
            device.publish(batch(1), "lost")

            def is_taken() -> bool:
                device.publish(batch(3), "again")
                return not events.empty()

            wait_until(is_taken, "the other bridge to take over")
        assert events.get(timeout=WAIT_S).data in (batch(1), batch(3))
    finally:
        cut_off.stop()
        away.close()


def test_what_was_retained_while_nobody_was_active_comes_with_the_next_one(line: Line) -> None:
    states = line.listen("fleet-state")
    [bridge] = bridges_of_the_older_protocol(line, 1)
    bridge.stop()
    state = codec.encode(samples.device_state())
    with Device(line.broker.port) as device:
        device.session.publish(topics.state(DEVICE), state, "state", retain=True)
        assert device.pubacks.get(timeout=WAIT_S) == ("state", NO_SUBSCRIBERS)
        bridges_of_the_older_protocol(line, 1)
        assert states.get(timeout=WAIT_S).data == state


def test_standby_sends_what_goes_down_as_well(line: Line) -> None:
    active, _ = bridges_of_the_older_protocol(line, 2)
    downwards = {"deviceId": DEVICE, "subFolder": "commands/restart"}
    payloads = {f"{number}".encode() for number in range(40)}
    with Device(line.broker.port) as device:
        for payload in payloads:
            line.publisher.publish(topology.DOWNLINK, payload, downwards)
        active.stop()
        heard: set[bytes] = set()
        while heard != payloads:
            heard.add(device.heard.get(timeout=WAIT_S).payload)
    assert heard == payloads


def test_bridge_whose_words_the_broker_does_not_pass_on_says_so_and_works(
    tmp_path: Path, line: Line
) -> None:
    access = tmp_path / "acl"
    access.write_text("topic readwrite /devices/#\n")  # of before there were words to pass on
    line.broker.stop()
    older = mosquitto(tmp_path / "older", f"acl_file {access}\nuser root", line.broker.port)
    older.start()
    events = line.listen("ingest")
    try:
        with capture_logs() as logs:
            bridges_of_the_older_protocol(line, 2)
        told = [log["remedy"] for log in logs if "over the bridges' words" in log["event"]]
        assert len(told) == 2
        assert told[0].startswith("have the broker's access list let bridges read and write")
        with Device(line.broker.port) as device:
            device.publish(batch(), "to both")
            copies = [events.get(timeout=WAIT_S).data for _ in range(2)]
            assert copies == [batch(), batch()]
    finally:
        older.stop()
        line.broker.start()


def test_secret_word_of_a_share_group_does_not_stand_in_a_topic(line: Line) -> None:
    with Device(line.broker.port) as curious:
        curious.session.subscribe([topics.PRESENCE_FILTER])
        line.bridge(protocol="3.1.1", share_group="s3cret-word", **QUICK)
        heard = curious.heard.get(timeout=WAIT_S)
    assert heard.topic == topics.presence("s3cret-word")
    assert "s3cret" not in heard.topic


# The publisher's identity, where the broker states it; here the device plays the broker's part.


def test_message_whose_publisher_is_not_its_topics_device_is_dead_lettered(line: Line) -> None:
    events, dead = line.listen("ingest"), line.listen("dead-letter")
    line.bridge(identity_property="publisher")
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    codes: Queue[int] = Queue()
    client.on_publish = lambda *given: codes.put(given[3].value)
    client.connect("127.0.0.1", line.broker.port)
    client.loop_start()

    def publish(first_seq: int, *pairs: tuple[str, str]) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for pair in pairs:
            properties.UserProperty = pair
        topic = topics.events(DEVICE, Lane.ALARM)
        code = NO_SUBSCRIBERS
        while code == NO_SUBSCRIBERS:  # the bridge is connected, and subscribes
            client.publish(topic, batch(first_seq), qos=1, properties=properties)
            code = codes.get(timeout=WAIT_S)
        assert code == SUCCESS

    try:
        publish(1)
        publish(3, ("publisher", "gate-cam-02"))
        publish(5, ("publisher", DEVICE), ("publisher", DEVICE))
        publish(7, ("other", "x"), ("publisher", DEVICE))
    finally:
        client.disconnect()
        client.loop_stop()
    assert events.get(timeout=WAIT_S).data == batch(7)
    reasons = [dead.get(timeout=WAIT_S).attributes["reason"] for _ in range(3)]
    assert sorted(reasons) == [
        "'gate-cam-02' published on the topic of 'gate-cam-01'",
        "the broker does not state who published it: there is no user property 'publisher'",
        "user property 'publisher' stands there 2 times, and not once",
    ]
    assert events.empty()
    assert dead.empty()


def test_identity_that_cannot_be_checked_is_refused(line: Line) -> None:
    with pytest.raises(MqttSettingsError, match="cannot be checked on MQTT 3.1.1, which has no"):
        line.bridge(protocol="3.1.1", identity_property="publisher")
