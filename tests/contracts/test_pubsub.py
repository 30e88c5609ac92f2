"""One contract for Pub/Sub servers, asked by Google's client: the embedded one, Google's emulator.

Where the emulator differs from the embedded server, which follows the service's documentation,
`Server.is_emulator` stands in the test with the difference.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.types import FlowControl
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from cloud.bus.client import publisher_client, subscriber_client
from cloud.bus.settings import BusSettings
from tests.support.processes import ServerProcess, wait_until
from tests.support.pubsub import embedded_pubsub, google_emulator

TIMEOUT_S = 15.0


@dataclass
class Server:
    """A project of its own on a server, with one topic and one subscription."""

    process: ServerProcess
    is_emulator: bool
    publisher: PublisherClient
    subscriber: SubscriberClient
    project: str

    @property
    def topic(self) -> str:
        return self.topic_path("topic")

    @property
    def subscription(self) -> str:
        return self.subscription_path("subscription")

    def topic_path(self, name: str) -> str:
        return f"{self.project}/topics/{name}"

    def subscription_path(self, name: str) -> str:
        return f"{self.project}/subscriptions/{name}"

    def publish(self, *texts: str, key: str = "", topic: str = "") -> list[str]:
        messages = [{"data": text.encode(), "ordering_key": key} for text in texts]
        request = {"topic": topic or self.topic, "messages": messages}
        return list(self.publisher._gapic_publish(request).message_ids)

    def subscribe(self, **config: Any) -> None:
        name = config.pop("name", self.subscription)
        topic = config.pop("topic", self.topic)
        self.subscriber.create_subscription(request={"name": name, "topic": topic, **config})

    def pull(self, count: int, subscription: str = "", limit: int = 100) -> list[Any]:
        """At least `count` messages, by as many pulls as it takes."""
        got: list[Any] = []

        def enough() -> bool:
            got.extend(self.pull_now(subscription, limit))
            return len(got) >= count

        wait_until(enough, f"{count} messages", TIMEOUT_S)
        return got

    def pull_now(self, subscription: str = "", limit: int = 100) -> list[Any]:
        """What a pull finds; empty where nothing comes within a moment."""
        try:
            response = self.subscriber.pull(
                subscription=subscription or self.subscription,
                max_messages=limit,
                timeout=0.8,
                retry=None,
            )
        except exceptions.DeadlineExceeded:
            return []
        return list(response.received_messages)

    def ack(self, *received: Any) -> None:
        ids = [item.ack_id for item in received]
        self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids)

    def deadline(self, seconds: int, *received: Any) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=self.subscription,
            ack_ids=[item.ack_id for item in received],
            ack_deadline_seconds=seconds,
        )


def texts(received: list[Any]) -> list[str]:
    return [item.message.data.decode() for item in received]


@pytest.fixture(scope="module", params=["embedded", "emulator"])
def process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    make = embedded_pubsub if request.param == "embedded" else google_emulator
    server = make(tmp_path_factory.mktemp("pubsub"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(process: ServerProcess, request: pytest.FixtureRequest) -> Iterator[Server]:
    settings = BusSettings(endpoint=f"127.0.0.1:{process.port}")
    publisher = publisher_client(settings)
    with closing(publisher.transport), closing(subscriber_client(settings)) as subscriber:
        is_emulator = process.command[0] == "java"
        project = f"projects/test-{uuid.uuid4().hex[:12]}"
        made = Server(process, is_emulator, publisher, subscriber, project)
        publisher.create_topic(name=made.topic)
        yield made


@dataclass
class Stream:
    """A streaming pull's callback."""

    act: Callable[[Message], None] = Message.ack
    messages: list[Message] = field(default_factory=list)

    def __call__(self, message: Message) -> None:
        self.messages.append(message)
        self.act(message)

    @property
    def texts(self) -> list[str]:
        return [message.data.decode() for message in self.messages]

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.messages) >= count, f"{count} messages", TIMEOUT_S)


@pytest.fixture
def stream(server: Server) -> Iterator[Callable[..., Stream]]:
    futures = []

    def start(act: Callable[[Message], None] = Message.ack, max_messages: int = 1000) -> Stream:
        inbox = Stream(act)
        flow = FlowControl(max_messages=max_messages)
        futures.append(server.subscriber.subscribe(server.subscription, inbox, flow))
        return inbox

    yield start
    for future in futures:
        future.cancel()
        future.result(TIMEOUT_S)


# Topics and subscriptions


def test_topics_are_made_found_listed_and_deleted(server: Server) -> None:
    server.publisher.create_topic(name=server.topic_path("another"))
    listed = [topic.name for topic in server.publisher.list_topics(project=server.project)]
    assert sorted(listed) == [server.topic_path("another"), server.topic]
    assert server.publisher.get_topic(topic=server.topic).name == server.topic
    server.publisher.delete_topic(topic=server.topic)
    with pytest.raises(exceptions.NotFound):
        server.publisher.get_topic(topic=server.topic)


def test_lists_come_in_pages(server: Server) -> None:
    for number in range(5):
        server.subscribe(name=server.subscription_path(f"sub-{number}"))
    pages = server.subscriber.list_subscriptions(
        request={"project": server.project, "page_size": 2}
    ).pages
    sizes = [len(page.subscriptions) for page in pages]
    assert sizes == [2, 2, 1]
    names = server.publisher.list_topic_subscriptions(topic=server.topic)
    assert sorted(names) == [server.subscription_path(f"sub-{n}") for n in range(5)]


def test_a_subscription_keeps_what_it_was_made_with(server: Server) -> None:
    server.subscribe(ack_deadline_seconds=33, enable_message_ordering=True)
    found = server.subscriber.get_subscription(subscription=server.subscription)
    assert (found.topic, found.ack_deadline_seconds) == (server.topic, 33)
    assert found.enable_message_ordering
    assert found.message_retention_duration.days == 7


def test_a_subscription_is_updated_by_mask(server: Server) -> None:
    server.subscribe(labels={"kept": "yes"})
    updated = server.subscriber.update_subscription(
        subscription={"name": server.subscription, "ack_deadline_seconds": 44},
        update_mask=FieldMask(paths=["ack_deadline_seconds"]),
    )
    assert updated.ack_deadline_seconds == 44
    found = server.subscriber.get_subscription(subscription=server.subscription)
    assert (found.ack_deadline_seconds, dict(found.labels)) == (44, {"kept": "yes"})


def test_what_stands_is_not_made_twice(server: Server) -> None:
    server.subscribe()
    with pytest.raises(exceptions.AlreadyExists):
        server.publisher.create_topic(name=server.topic)
    with pytest.raises(exceptions.AlreadyExists):
        server.subscribe()


def test_what_is_not_there_is_not_found(server: Server) -> None:
    nowhere, nothing = server.topic_path("nowhere"), server.subscription_path("nothing")
    for call in (
        lambda: server.publish("x", topic=nowhere),
        lambda: server.publisher.delete_topic(topic=nowhere),
        lambda: server.subscribe(topic=nowhere),
        lambda: server.subscriber.delete_subscription(subscription=nothing),
        lambda: server.subscriber.pull(subscription=nothing, max_messages=1),
        lambda: server.subscriber.subscribe(nothing, print).result(TIMEOUT_S),
    ):
        with pytest.raises(exceptions.NotFound):
            call()


def test_a_deleted_subscription_is_gone_with_its_messages(server: Server) -> None:
    server.subscribe()
    server.publish("old")
    server.subscriber.delete_subscription(subscription=server.subscription)
    server.subscribe()
    server.publish("new")
    assert texts(server.pull(1)) == ["new"]


def test_a_deleted_topic_leaves_its_subscriptions_what_they_have(server: Server) -> None:
    server.subscribe()
    server.publish("left")
    server.publisher.delete_topic(topic=server.topic)
    found = server.subscriber.get_subscription(subscription=server.subscription)
    assert found.topic == "_deleted-topic_"
    assert texts(server.pull(1)) == ["left"]


@pytest.mark.parametrize(
    "config",
    [
        {"ack_deadline_seconds": 601},
        {"ack_deadline_seconds": -1},
        {"message_retention_duration": Duration(seconds=10)},
        {"dead_letter_policy": {"max_delivery_attempts": 500}},
        {"name": "projects/p/subscriptions/1bad"},
    ],
)
def test_a_bad_subscription_is_refused(server: Server, config: dict[str, Any]) -> None:
    if "dead_letter_policy" in config:
        config["dead_letter_policy"]["dead_letter_topic"] = server.topic
    with pytest.raises(exceptions.BadRequest):
        server.subscribe(**config)


# Messages


def test_every_subscription_gets_a_copy_with_everything(server: Server) -> None:
    other = server.subscription_path("other")
    server.subscribe()
    server.subscribe(name=other)
    sent = server.publisher.publish(server.topic, b"\xff\x00", colour="red").result(TIMEOUT_S)
    for subscription in (server.subscription, other):
        (received,) = server.pull(1, subscription)
        assert received.message.data == b"\xff\x00"
        assert dict(received.message.attributes) == {"colour": "red"}
        assert received.message.message_id == sent
        assert abs(received.message.publish_time.timestamp() - time.time()) < 60


def test_ids_of_one_request_are_distinct_and_in_its_order(server: Server) -> None:
    server.subscribe()
    ids = server.publish(*(str(n) for n in range(500)))
    assert len(set(ids)) == 500
    received = server.pull(500, limit=1000)
    by_id = {item.message.message_id: item.message.data.decode() for item in received}
    assert [by_id[message_id] for message_id in ids] == [str(n) for n in range(500)]


def test_an_acknowledged_message_does_not_come_again(server: Server) -> None:
    server.subscribe(ack_deadline_seconds=10)
    server.publish("done", "back")
    received = {item.message.data: item for item in server.pull(2)}
    server.ack(received[b"done"])
    server.deadline(0, received[b"done"], received[b"back"])
    assert texts(server.pull(1)) == ["back"]
    assert server.pull_now() == []


def test_a_lease_that_ends_brings_the_message_again(server: Server) -> None:
    server.subscribe(ack_deadline_seconds=10)
    server.publish("slow")
    first = server.pull(1)
    assert server.pull_now() == []
    server.deadline(1, *first)
    again = server.pull(1)
    assert texts(again) == ["slow"]
    assert again[0].message.message_id == first[0].message.message_id


def test_an_extended_lease_holds(server: Server) -> None:
    server.subscribe(ack_deadline_seconds=10)
    server.publish("held")
    first = server.pull(1)
    server.deadline(1, *first)
    server.deadline(30, *first)
    assert server.pull_now() + server.pull_now() == []


def test_a_late_acknowledgement_counts(server: Server) -> None:
    server.subscribe()
    server.publish("late")
    first = server.pull(1)
    server.deadline(0, *first)
    server.ack(*first)
    if server.is_emulator:
        return  # it may or may not deliver once more; Google promises neither
    assert server.pull_now() == []


def test_limits_of_a_request_are_kept(server: Server) -> None:
    server.subscribe()
    for messages in ([], [{"data": b""}], [{"data": b"x"}] * 1001):
        with pytest.raises(exceptions.InvalidArgument):
            server.publisher._gapic_publish(topic=server.topic, messages=messages)
    limits = [
        {"attributes": {"k": "v" * 1025}},
        {"attributes": {"k" * 257: "v"}},
        {"attributes": {f"k{n}": "v" for n in range(101)}},
        {"attributes": {"googlish": "v"}},
        {"data": bytes(10_000_001)},
    ]
    for message in limits:
        if server.is_emulator:
            server.publisher._gapic_publish(topic=server.topic, messages=[message])  # it takes all
            continue
        with pytest.raises(exceptions.InvalidArgument):
            server.publisher._gapic_publish(topic=server.topic, messages=[message])
    assert server.is_emulator or server.pull_now() == []


def test_an_ack_id_that_nobody_gave_out_is_refused(server: Server) -> None:
    server.subscribe()
    with pytest.raises(exceptions.InvalidArgument):
        server.subscriber.acknowledge(subscription=server.subscription, ack_ids=["nonsense"])


# Streaming pull


def test_a_stream_gets_what_was_there_and_what_comes(
    server: Server, stream: Callable[..., Stream]
) -> None:
    server.subscribe()
    server.publish("before")
    inbox = stream()
    inbox.wait_for(1)
    server.publish("after")
    inbox.wait_for(2)
    assert inbox.texts == ["before", "after"]


def test_streams_share_a_subscription(server: Server, stream: Callable[..., Stream]) -> None:
    server.subscribe()
    one, two = stream(max_messages=10), stream(max_messages=10)
    for start in range(0, 200, 20):
        server.publish(*(str(n) for n in range(start, start + 20)))
    wait_until(lambda: len(one.messages) + len(two.messages) >= 200, "200 messages", TIMEOUT_S)
    assert sorted(map(int, one.texts + two.texts)) == list(range(200))
    assert one.messages
    assert two.messages


def test_a_stream_gets_no_more_than_it_may_hold(
    server: Server, stream: Callable[..., Stream]
) -> None:
    server.subscribe()
    server.publish(*(str(n) for n in range(20)))
    full = stream(act=lambda message: None, max_messages=5)
    full.wait_for(5)
    if server.is_emulator:
        # It sends everything to the first stream, where the client holds it back.
        assert len(full.messages) == 5
        return
    rest = stream()
    rest.wait_for(15)
    assert len(full.messages) == 5
    for message in full.messages:
        message.ack()


def test_a_stream_gives_back_what_it_nacks(server: Server, stream: Callable[..., Stream]) -> None:
    server.subscribe()
    seen: list[str] = []

    def nack_once(message: Message) -> None:
        seen.append(message.message_id)
        if seen.count(message.message_id) == 1:
            message.nack()
        else:
            message.ack()

    inbox = stream(nack_once)
    server.publish("a", "b")
    inbox.wait_for(4)
    assert sorted(inbox.texts) == ["a", "a", "b", "b"]


# Order, retry, dead letters


def test_messages_of_one_key_come_in_order(server: Server, stream: Callable[..., Stream]) -> None:
    server.subscribe(enable_message_ordering=True)
    inbox = stream()
    for number in range(20):
        for key in ("red", "blue"):
            server.publish(f"{key}-{number}", key=key)
    inbox.wait_for(40)
    for key in ("red", "blue"):
        mine = [text for text in inbox.texts if text.startswith(key)]
        assert mine == [f"{key}-{n}" for n in range(20)]


def test_a_nack_brings_the_message_and_those_that_follow_in_order(
    server: Server, stream: Callable[..., Stream]
) -> None:
    server.subscribe(enable_message_ordering=True)
    server.publish(*(str(n) for n in range(5)), key="k")
    nacked: list[str] = []

    def nack_the_third_once(message: Message) -> None:
        if message.data == b"2" and not nacked:
            nacked.append(message.message_id)
            message.nack()
        else:
            message.ack()

    inbox = stream(nack_the_third_once)
    wait_until(lambda: "4" in inbox.texts, "the last message", TIMEOUT_S)
    wait_until(lambda: inbox.texts.count("2") == 2, "the second delivery", TIMEOUT_S)
    after_nack = inbox.texts[inbox.texts.index("2") + 1 :]
    if server.is_emulator:
        # It goes on with those that follow, and brings the nacked one after them.
        assert sorted(after_nack) == ["2", "3", "4"]
        return
    assert after_nack == ["2", "3", "4"]


def test_retry_policy_delays_a_redelivery(server: Server) -> None:
    server.subscribe(
        retry_policy={
            "minimum_backoff": Duration(seconds=2),
            "maximum_backoff": Duration(seconds=2),
        }
    )
    server.publish("patience")
    start_s = time.monotonic()
    server.deadline(0, *server.pull(1))
    assert texts(server.pull(1)) == ["patience"]
    assert time.monotonic() - start_s >= (0 if server.is_emulator else 1.9)


def test_a_message_that_nobody_settles_goes_to_the_dead_letter_topic(server: Server) -> None:
    morgue, coroner = server.topic_path("morgue"), server.subscription_path("coroner")
    server.publisher.create_topic(name=morgue)
    server.subscribe(name=coroner, topic=morgue)
    policy = {"dead_letter_topic": morgue, "max_delivery_attempts": 5}
    server.subscribe(dead_letter_policy=policy)
    server.publish("poison")
    attempts = []
    for _ in range(5):
        (received,) = server.pull(1)
        attempts.append(received.delivery_attempt)
        server.deadline(0, received)
    assert attempts == [1, 2, 3, 4, 5]
    assert server.pull_now() == []  # the emulator forwards when it would deliver the next time
    (dead,) = server.pull(1, coroner)
    assert dead.message.data == b"poison"
    attributes = dict(dead.message.attributes)
    assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert attributes["CloudPubSubDeadLetterSourceSubscription"] == "subscription"
    source = attributes["CloudPubSubDeadLetterSourceSubscriptionProject"]
    assert f"projects/{source}" == server.project
    assert "CloudPubSubDeadLetterSourceTopicPublishTime" in attributes
