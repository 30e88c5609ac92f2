"""One contract for the bus: the fake, and Google's client over both servers."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

import pytest

from cloud.bus.apply import ensure
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.google_subscriber import GoogleSubscriber
from cloud.bus.port import Flow, Outcome, Received, Sender, Subscriber, is_refusal
from cloud.bus.settings import BusSettings
from cloud.bus.topology import DEAD_LETTER, DOWNLINK, EVENTS
from cloud.errors import BusError
from tests.support.fake_bus import FakeBus
from tests.support.processes import ServerProcess, wait_until
from tests.support.pubsub import embedded_pubsub, google_emulator


@dataclass
class Bus:
    publisher: Sender
    subscriber: Subscriber
    is_emulator: bool = False

    def refused(self, data: bytes, attributes: dict[str, str]) -> bool:
        error = self.publisher.publish(EVENTS, data, attributes).exception(20)
        return error is not None and is_refusal(error)


@dataclass
class Inbox:
    """What a callback got."""

    acks: bool = True
    messages: list[Received] = field(default_factory=list)

    def __call__(self, message: Received) -> None:
        self.messages.append(message)
        if self.acks:
            message.ack()

    @property
    def texts(self) -> list[str]:
        return [message.data.decode() for message in self.messages]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.messages) >= count, f"{count} messages, have {self.texts}")


@pytest.fixture(scope="module", params=["fake", "embedded", "emulator"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess | None]:
    if request.param == "fake":
        yield None
        return
    make = embedded_pubsub if request.param == "embedded" else google_emulator
    process = make(tmp_path_factory.mktemp("bus"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def bus(server: ServerProcess | None) -> Iterator[Bus]:
    if server is None:
        fake = FakeBus()
        made = Bus(fake.publisher(), fake.subscriber())
    else:
        settings = BusSettings(
            project=f"test-{uuid.uuid4().hex[:12]}", endpoint=f"127.0.0.1:{server.port}"
        )
        ensure(settings)
        is_emulator = server.command[0] == "java"
        made = Bus(GooglePublisher(settings), GoogleSubscriber(settings), is_emulator)
    yield made
    made.subscriber.close()
    made.publisher.close()


def results(futures: list["Future[str]"]) -> list[str]:
    return [future.result(20) for future in futures]


def test_a_message_arrives_as_it_was_published(bus: Bus) -> None:
    inbox = Inbox()
    before_ns = time.time_ns()
    bus.subscriber.subscribe("ingest", inbox)
    message_id = bus.publisher.publish(EVENTS, b"\x00batch", {"deviceId": "cam-1"}).result(20)
    inbox.wait_for(1)
    (message,) = inbox.messages
    assert message.data == b"\x00batch"
    assert message.attributes["deviceId"] == "cam-1"
    assert message.message_id == message_id
    assert message.delivery_attempt in (0, 1)  # Google's emulator counts without a policy too
    assert abs(message.published_ns - before_ns) < 60e9


def test_what_was_published_before_anybody_listened_arrives(bus: Bus) -> None:
    results([bus.publisher.publish(EVENTS, f"{n}".encode()) for n in range(250)])
    inbox = Inbox()
    bus.subscriber.subscribe("ingest", inbox)
    inbox.wait_for(250)
    assert sorted(map(int, inbox.texts)) == list(range(250))


class Told:
    """What was told of messages that were sent."""

    def __init__(self) -> None:
        self.outcomes: dict[int, list[Outcome]] = {}

    def of(self, number: int) -> Callable[[Outcome], None]:
        self.outcomes[number] = []
        return self.outcomes[number].append

    def all_told(self) -> bool:
        return all(self.outcomes.values())


def test_who_sends_is_told_once_of_each_message(bus: Bus) -> None:
    told, inbox = Told(), Inbox()
    bus.subscriber.subscribe("ingest", inbox)
    for n in range(250):
        bus.publisher.send(EVENTS, f"{n}".encode(), {"deviceId": "cam-1"}, told.of(n))
    wait_until(told.all_told, "what became of each", 20)
    inbox.wait_for(250)
    assert all(len(outcomes) == 1 for outcomes in told.outcomes.values())
    said = {str(n): outcomes[0] for n, outcomes in told.outcomes.items()}
    assert said == {message.data.decode(): message.message_id for message in inbox.messages}


def test_who_sends_what_is_refused_is_told_why_and_the_others_are_not_hurt(bus: Bus) -> None:
    told = Told()
    for n, data in enumerate((b"1", b"", b"3", bytes(10_000_001))):
        bus.publisher.send(EVENTS, data, {}, told.of(n))
    bus.publisher.send(EVENTS, b"5", {"half": "\ud800"}, told.of(4))
    wait_until(told.all_told, "what became of each", 20)
    taken = [isinstance(outcomes[0], str) for outcomes in told.outcomes.values()]
    assert taken == [True, False, True, False, False]
    errors = [told.outcomes[n][0] for n in (1, 3, 4)]
    assert all(isinstance(error, BusError) and is_refusal(error) for error in errors)


def test_what_is_refused_may_be_sent_on_by_who_is_told(bus: Bus) -> None:
    told = Told()
    finally_told = told.of(1)

    def send_on(outcome: Outcome) -> None:
        assert isinstance(outcome, BusError)
        bus.publisher.send(DEAD_LETTER, b"refused", {"reason": "x"}, finally_told)

    bus.publisher.send(EVENTS, b"", {}, send_on)
    wait_until(told.all_told, "the dead letter", 20)
    assert isinstance(told.outcomes[1][0], str)


def test_topics_are_apart(bus: Bus) -> None:
    events, downlink = Inbox(), Inbox()
    bus.subscriber.subscribe("ingest", events)
    bus.subscriber.subscribe("downlink", downlink)
    results([bus.publisher.publish(EVENTS, b"up"), bus.publisher.publish(DOWNLINK, b"down")])
    events.wait_for(1)
    downlink.wait_for(1)
    assert (events.texts, downlink.texts) == (["up"], ["down"])


def test_what_is_given_back_comes_again(bus: Bus) -> None:
    inbox = Inbox(acks=False)
    bus.subscriber.subscribe("ingest", inbox)
    bus.publisher.publish(EVENTS, b"once more").result(20)
    inbox.wait_for(1)
    inbox.messages[0].nack()
    inbox.wait_for(2)
    inbox.messages[1].ack()
    assert inbox.messages[0].message_id == inbox.messages[1].message_id


def test_a_message_whose_callback_fails_comes_again_and_the_next_ones_come(bus: Bus) -> None:
    seen: list[bytes] = []

    def fails_once(message: Received) -> None:
        seen.append(message.data)
        if seen.count(b"bad") == 1 and message.data == b"bad":
            raise RuntimeError("the callback is broken")
        message.ack()

    bus.subscriber.subscribe("ingest", fails_once)
    results([bus.publisher.publish(EVENTS, text) for text in (b"bad", b"good")])
    wait_until(lambda: seen.count(b"bad") == 2 and b"good" in seen, "the second delivery")
    assert sorted(seen) == [b"bad", b"bad", b"good"]


def test_flow_bounds_what_is_not_acknowledged(bus: Bus) -> None:
    inbox = Inbox(acks=False)
    bus.subscriber.subscribe("ingest", inbox, Flow(max_messages=2))
    results([bus.publisher.publish(EVENTS, f"{n}".encode()) for n in range(6)])
    acked = 0
    while acked < 6:
        inbox.wait_for(acked + 1)
        assert len(inbox.messages) - acked <= 2
        inbox.messages[acked].ack()
        acked += 1
    assert sorted(inbox.texts) == [str(n) for n in range(6)]


def test_callbacks_come_one_at_a_time(bus: Bus) -> None:
    alone = threading.Lock()
    overlaps: list[bytes] = []
    done: list[bytes] = []

    def callback(message: Received) -> None:
        if not alone.acquire(blocking=False):
            overlaps.append(message.data)
            return
        time.sleep(0.001)
        alone.release()
        message.ack()
        done.append(message.data)

    bus.subscriber.subscribe("ingest", callback)
    results([bus.publisher.publish(EVENTS, f"{n}".encode()) for n in range(50)])
    wait_until(lambda: len(done) + len(overlaps) >= 50, "50 callbacks")
    assert overlaps == []


def test_nothing_comes_after_stop(bus: Bus) -> None:
    first, second = Inbox(), Inbox()
    subscription = bus.subscriber.subscribe("ingest", first)
    bus.publisher.publish(EVENTS, b"before").result(20)
    first.wait_for(1)
    subscription.stop()
    bus.publisher.publish(EVENTS, b"after").result(20)
    if bus.is_emulator:
        # It does not see that a stream was cancelled (its log: NoSuchMethodError), and hands
        # messages to the dead one, to have them back 10 s later.
        assert first.texts == ["before"]
        return
    bus.subscriber.subscribe("ingest", second)
    second.wait_for(1)
    assert (first.texts, second.texts) == (["before"], ["after"])


def test_a_message_that_is_never_taken_is_refused_and_its_neighbours_are_not(bus: Bus) -> None:
    inbox = Inbox()
    bus.subscriber.subscribe("ingest", inbox)
    texts = [b"1", b"2", b"", b"3"]
    futures = [bus.publisher.publish(EVENTS, text) for text in texts]
    wait(futures, 20)
    errors = [future.exception() for future in futures]
    assert [error is None for error in errors] == [True, True, False, True]
    assert errors[2] is not None
    assert is_refusal(errors[2])
    inbox.wait_for(3)
    assert sorted(inbox.texts) == ["1", "2", "3"]


def test_a_message_beyond_ten_megabytes_is_refused(bus: Bus) -> None:
    assert bus.refused(bytes(10_000_001), {})


def test_a_long_attribute_is_refused(bus: Bus) -> None:
    # The emulator takes any length; Google does not.
    assert bus.refused(b"x", {"long": "v" * 1025}) is not bus.is_emulator
    assert not bus.refused(b"x", {"long": "v" * 1024})


def test_a_topic_that_is_not_there_may_be_made_later(bus: Bus) -> None:
    error = bus.publisher.publish("wayside-nowhere", b"x").exception(20)
    assert isinstance(error, BusError)
    assert not is_refusal(error)


def test_a_closed_publisher_has_sent_everything_and_takes_no_more(bus: Bus) -> None:
    inbox = Inbox()
    bus.subscriber.subscribe("dead-letter", inbox)
    sent = [bus.publisher.publish(DEAD_LETTER, f"{n}".encode()) for n in range(20)]
    bus.publisher.close()
    assert all(future.done() and future.exception() is None for future in sent)
    late = bus.publisher.publish(DEAD_LETTER, b"late").exception(20)
    assert isinstance(late, BusError)
    assert not is_refusal(late)
    inbox.wait_for(20)
    bus.publisher.close()
