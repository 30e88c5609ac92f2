"""One contract for Pub/Sub servers: streams, order, retry, dead letters; see test_pubsub.py."""

import time
from collections.abc import Callable
from itertools import islice
from queue import SimpleQueue
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.subscriber.message import Message
from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1.types import StreamingPullRequest

from tests.support.processes import wait_until
from tests.support.pubsub_project import TIMEOUT_S, Project, Stream, texts

# Streaming pull


def test_a_stream_gets_what_was_there_and_what_comes(
    project: Project, stream: Callable[..., Stream]
) -> None:
    project.subscribe()
    project.publish("before")
    inbox = stream()
    inbox.wait_for(1)
    project.publish("after")
    inbox.wait_for(2)
    assert inbox.texts == ["before", "after"]


def test_streams_share_a_subscription(project: Project, stream: Callable[..., Stream]) -> None:
    project.subscribe()
    one, two = stream(max_messages=10), stream(max_messages=10)
    for start in range(0, 200, 20):
        project.publish(*(str(n) for n in range(start, start + 20)))
    wait_until(lambda: len(one.messages) + len(two.messages) >= 200, "200 messages", TIMEOUT_S)
    assert sorted(map(int, one.texts + two.texts)) == list(range(200))
    assert one.messages
    assert two.messages


def test_a_stream_gets_no_more_than_it_may_hold(
    project: Project, stream: Callable[..., Stream]
) -> None:
    project.subscribe()
    project.publish(*(str(n) for n in range(20)))
    full = stream(act=lambda message: None, max_messages=5)
    full.wait_for(5)
    if project.is_emulator:
        # It sends everything to the first stream, where the client holds it back.
        assert len(full.messages) == 5
        return
    rest = stream()
    rest.wait_for(15)
    assert len(full.messages) == 5
    for message in full.messages:
        message.ack()


def test_a_stream_gives_back_what_it_nacks(project: Project, stream: Callable[..., Stream]) -> None:
    project.subscribe()
    seen: list[str] = []

    def nack_once(message: Message) -> None:
        seen.append(message.message_id)
        if seen.count(message.message_id) == 1:
            message.nack()
        else:
            message.ack()

    inbox = stream(nack_once)
    project.publish("a", "b")
    inbox.wait_for(4)
    assert sorted(inbox.texts) == ["a", "a", "b", "b"]


def test_acknowledgements_and_deadlines_travel_on_the_stream(project: Project) -> None:
    project.subscribe()
    project.publish("done", "back")
    requests: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    requests.put({"subscription": project.subscription, "stream_ack_deadline_seconds": 60})
    responses = project.subscriber.streaming_pull(
        map(StreamingPullRequest, iter(requests.get, None))
    )
    got: dict[bytes, Any] = {}
    for response in responses:
        got.update({item.message.data: item for item in response.received_messages})
        if len(got) == 2:
            break
    back = got[b"back"].ack_id
    requests.put({"ack_ids": [got[b"done"].ack_id], "modify_deadline_ack_ids": [back],
                  "modify_deadline_seconds": [0]})  # fmt: skip
    again = [item for response in islice(responses, 1) for item in response.received_messages]
    assert texts(again) == ["back"]
    requests.put(None)
    responses.cancel()


@pytest.mark.parametrize(
    "bad",
    [
        {"stream_ack_deadline_seconds": 5},
        {"stream_ack_deadline_seconds": 10, "modify_deadline_ack_ids": ["x"]},
    ],
)
def test_a_bad_stream_request_is_refused(project: Project, bad: dict[str, Any]) -> None:
    project.subscribe()
    request = StreamingPullRequest(subscription=project.subscription, **bad)
    with pytest.raises(exceptions.InvalidArgument):
        list(project.subscriber.streaming_pull(iter([request]), timeout=TIMEOUT_S))


def test_a_stream_ends_with_its_subscription(project: Project) -> None:
    project.subscribe()
    stream = project.subscriber.subscribe(project.subscription, Message.ack)
    project.publish("x")
    project.subscriber.delete_subscription(subscription=project.subscription)
    if project.is_emulator:
        stream.cancel()  # it leaves the stream open
        return
    with pytest.raises(exceptions.NotFound):
        stream.result(TIMEOUT_S)


# Order, retry, dead letters


def test_messages_of_one_key_come_in_order(project: Project, stream: Callable[..., Stream]) -> None:
    project.subscribe(enable_message_ordering=True)
    inbox = stream()
    for number in range(20):
        for key in ("red", "blue"):
            project.publish(f"{key}-{number}", key=key)
    inbox.wait_for(40)
    for key in ("red", "blue"):
        mine = [text for text in inbox.texts if text.startswith(key)]
        assert mine == [f"{key}-{n}" for n in range(20)]


def test_a_nack_brings_the_message_and_those_that_follow_in_order(
    project: Project, stream: Callable[..., Stream]
) -> None:
    project.subscribe(enable_message_ordering=True)
    project.publish(*(str(n) for n in range(5)), key="k")
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
    if project.is_emulator:
        # It goes on with those that follow, and brings the nacked one after them.
        assert sorted(after_nack) == ["2", "3", "4"]
        return
    assert after_nack == ["2", "3", "4"]


def test_retry_policy_delays_a_redelivery(project: Project) -> None:
    project.subscribe(
        retry_policy={
            "minimum_backoff": Duration(seconds=2),
            "maximum_backoff": Duration(seconds=2),
        }
    )
    project.publish("patience")
    start_s = time.monotonic()
    project.deadline(0, *project.pull(1))
    assert texts(project.pull(1)) == ["patience"]
    assert time.monotonic() - start_s >= (0 if project.is_emulator else 1.9)


def test_a_message_that_nobody_settles_goes_to_the_dead_letter_topic(project: Project) -> None:
    morgue, coroner = project.topic_path("morgue"), project.subscription_path("coroner")
    project.publisher.create_topic(name=morgue)
    project.subscribe(name=coroner, topic=morgue)
    policy = {"dead_letter_topic": morgue, "max_delivery_attempts": 5}
    project.subscribe(dead_letter_policy=policy)
    project.publish("poison")
    attempts = []
    for _ in range(5):
        (received,) = project.pull(1)
        attempts.append(received.delivery_attempt)
        project.deadline(0, received)
    assert attempts == [1, 2, 3, 4, 5]
    assert project.pull_now() == []  # the emulator forwards when it would deliver the next time
    (dead,) = project.pull(1, coroner)
    assert dead.message.data == b"poison"
    attributes = dict(dead.message.attributes)
    assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert attributes["CloudPubSubDeadLetterSourceSubscription"] == "subscription"
    source = attributes["CloudPubSubDeadLetterSourceSubscriptionProject"]
    assert f"projects/{source}" == project.project
    assert "CloudPubSubDeadLetterSourceTopicPublishTime" in attributes
