"""A PUBACK only after Pub/Sub has taken the message."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future

from cloud.bridge.routing import Registry
from cloud.bridge.uplink import Uplink
from cloud.bus import topology
from cloud.bus.port import Outcome, Sender
from cloud.errors import BusRefusedError
from protos import codec
from tests.protos import samples
from tests.support.fake_bus import FakeBus
from wayside.mqtt.messages import Message

REGISTRY = Registry("a-project", "a-registry", "a-region")
BATCH = codec.encode(samples.event_batch())


def message(payload: bytes = BATCH, mid: int = 1) -> Message:
    topic = "/devices/gate-cam-01/events/alarm"
    return Message(topic, payload, 1, retain=False, duplicate=False, mid=mid, connection=1)


class Mqtt:
    """What the MQTT side was told."""

    def __init__(self, publisher: Sender) -> None:
        self.acked: list[Message] = []
        self.broken: list[str] = []
        self.uplink = Uplink(publisher, REGISTRY, self.acked.append, self.broken.append)


class Slow:
    """A sender whose answers the test gives."""

    def __init__(self) -> None:
        self.dones: list[Callable[[Outcome], None]] = []

    def send(
        self,
        topic: str,
        data: bytes,
        attributes: Mapping[str, str],
        done: Callable[[Outcome], None],
    ) -> None:
        self.dones.append(done)

    def publish(
        self, topic: str, data: bytes, attributes: Mapping[str, str] | None = None
    ) -> "Future[str]":
        raise AssertionError("the way up makes no futures")

    def close(self, timeout_s: float = 10.0) -> None:
        """Nothing to close."""


class Refusing(Slow):
    """A sender that takes nothing but dead letters, as for a schema that has changed."""

    def __init__(self, bus: FakeBus) -> None:
        super().__init__()
        self._inner = bus.publisher()

    def send(
        self,
        topic: str,
        data: bytes,
        attributes: Mapping[str, str],
        done: Callable[[Outcome], None],
    ) -> None:
        if topic == topology.DEAD_LETTER:
            self._inner.send(topic, data, attributes, done)
        else:
            done(BusRefusedError("does not match the schema"))


def test_message_is_acknowledged_once_pubsub_has_it() -> None:
    slow = Slow()
    mqtt = Mqtt(slow)
    mqtt.uplink.take(message())
    assert mqtt.acked == []
    slow.dones[0]("id")
    assert mqtt.acked == [message()]
    assert mqtt.uplink.drain(0)


def test_drain_waits_for_what_is_on_its_way() -> None:
    slow = Slow()
    mqtt = Mqtt(slow)
    mqtt.uplink.take(message(mid=1))
    mqtt.uplink.take(message(mid=2))
    slow.dones[0]("id")
    assert not mqtt.uplink.drain(0.01)
    slow.dones[1]("id")
    assert mqtt.uplink.drain(1.0)


def test_pubsub_that_is_away_breaks_the_connection_and_acknowledges_nothing() -> None:
    bus = FakeBus()
    bus.away = True
    mqtt = Mqtt(bus.publisher())
    mqtt.uplink.take(message())
    assert mqtt.acked == []
    assert mqtt.broken == ["Pub/Sub does not take messages: the fake bus is away"]
    assert mqtt.uplink.drain(0)


def test_what_pubsub_refuses_is_dead_lettered_then_acknowledged() -> None:
    bus = FakeBus()
    mqtt = Mqtt(Refusing(bus))
    mqtt.uplink.take(message())
    [(topic, letter)] = bus.published
    assert (topic, letter.data) == (topology.DEAD_LETTER, BATCH)
    assert "does not match the schema" in letter.attributes["reason"]
    assert mqtt.acked == [message()]
    assert mqtt.uplink.drain(0)


def test_what_breaks_a_rule_is_dead_lettered_then_acknowledged() -> None:
    bus = FakeBus()
    mqtt = Mqtt(bus.publisher())
    mqtt.uplink.take(message(b"\xff" * 40))
    assert [topic for topic, _ in bus.published] == [topology.DEAD_LETTER]
    assert len(mqtt.acked) == 1


def test_dead_letter_that_is_refused_itself_is_not_sent_for_ever() -> None:
    slow = Slow()
    mqtt = Mqtt(slow)
    mqtt.uplink.take(message(b"\xff" * 40))
    slow.dones[0](BusRefusedError("no such topic"))
    assert len(slow.dones) == 1
    assert mqtt.broken
    assert mqtt.acked == []


def test_refused_message_is_acknowledged_once_the_dead_letter_has_it() -> None:
    bus = FakeBus()
    mqtt = Mqtt(bus.publisher())
    mqtt.uplink.refuse(message(), "somebody else's")
    [(topic, letter)] = bus.published
    assert (topic, letter.data) == (topology.DEAD_LETTER, BATCH)
    assert letter.attributes["reason"] == "somebody else's"
    assert mqtt.acked == [message()]
    assert (mqtt.uplink.taken, mqtt.uplink.drain(0)) == (1, True)
