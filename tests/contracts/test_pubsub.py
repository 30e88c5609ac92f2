"""One contract for Pub/Sub servers, asked by Google's client: the embedded one, Google's emulator.

Where the emulator differs from the embedded server, which follows the service's documentation,
`is_emulator` stands in the test with the difference.
"""

import time
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.support.pubsub_project import TIMEOUT_S, Project, texts

# Topics and subscriptions


def test_topics_are_made_found_listed_and_deleted(project: Project) -> None:
    project.publisher.create_topic(name=project.topic_path("another"))
    listed = [topic.name for topic in project.publisher.list_topics(project=project.project)]
    assert sorted(listed) == [project.topic_path("another"), project.topic]
    assert project.publisher.get_topic(topic=project.topic).name == project.topic
    project.publisher.delete_topic(topic=project.topic)
    with pytest.raises(exceptions.NotFound):
        project.publisher.get_topic(topic=project.topic)


def test_lists_come_in_pages(project: Project) -> None:
    for number in range(5):
        project.subscribe(name=project.subscription_path(f"sub-{number}"))
    pages = project.subscriber.list_subscriptions(
        request={"project": project.project, "page_size": 2}
    ).pages
    sizes = [len(page.subscriptions) for page in pages]
    assert sizes == [2, 2, 1]
    names = project.publisher.list_topic_subscriptions(topic=project.topic)
    assert sorted(names) == [project.subscription_path(f"sub-{n}") for n in range(5)]


def test_a_subscription_keeps_what_it_was_made_with(project: Project) -> None:
    project.subscribe(ack_deadline_seconds=33, enable_message_ordering=True)
    found = project.subscriber.get_subscription(subscription=project.subscription)
    assert (found.topic, found.ack_deadline_seconds) == (project.topic, 33)
    assert found.enable_message_ordering
    assert found.message_retention_duration.days == 7


def test_a_subscription_is_updated_by_mask(project: Project) -> None:
    project.subscribe(labels={"kept": "yes"})
    updated = project.subscriber.update_subscription(
        subscription={"name": project.subscription, "ack_deadline_seconds": 44},
        update_mask=FieldMask(paths=["ack_deadline_seconds"]),
    )
    assert updated.ack_deadline_seconds == 44
    found = project.subscriber.get_subscription(subscription=project.subscription)
    assert (found.ack_deadline_seconds, dict(found.labels)) == (44, {"kept": "yes"})


def test_what_stands_is_not_made_twice(project: Project) -> None:
    project.subscribe()
    with pytest.raises(exceptions.AlreadyExists):
        project.publisher.create_topic(name=project.topic)
    with pytest.raises(exceptions.AlreadyExists):
        project.subscribe()


def test_what_is_not_there_is_not_found(project: Project) -> None:
    nowhere, nothing = project.topic_path("nowhere"), project.subscription_path("nothing")
    for call in (
        lambda: project.publish("x", topic=nowhere),
        lambda: project.publisher.delete_topic(topic=nowhere),
        lambda: project.subscribe(topic=nowhere),
        lambda: project.subscriber.delete_subscription(subscription=nothing),
        lambda: project.subscriber.pull(subscription=nothing, max_messages=1),
        lambda: project.subscriber.subscribe(nothing, print).result(TIMEOUT_S),
    ):
        with pytest.raises(exceptions.NotFound):
            call()


def test_a_deleted_subscription_is_gone_with_its_messages(project: Project) -> None:
    project.subscribe()
    project.publish("old")
    project.subscriber.delete_subscription(subscription=project.subscription)
    project.subscribe()
    project.publish("new")
    assert texts(project.pull(1)) == ["new"]


def test_a_deleted_topic_leaves_its_subscriptions_what_they_have(project: Project) -> None:
    project.subscribe()
    project.publish("left")
    project.publisher.delete_topic(topic=project.topic)
    found = project.subscriber.get_subscription(subscription=project.subscription)
    assert found.topic == "_deleted-topic_"
    assert texts(project.pull(1)) == ["left"]


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
def test_a_bad_subscription_is_refused(project: Project, config: dict[str, Any]) -> None:
    if "dead_letter_policy" in config:
        config["dead_letter_policy"]["dead_letter_topic"] = project.topic
    with pytest.raises(exceptions.BadRequest):
        project.subscribe(**config)


# Messages


def test_every_subscription_gets_a_copy_with_everything(project: Project) -> None:
    other = project.subscription_path("other")
    project.subscribe()
    project.subscribe(name=other)
    # The library's own publisher, which users of other programs have.
    library = PublisherClient(transport=project.publisher.transport)
    sent = library.publish(project.topic, b"\xff\x00", colour="red").result(TIMEOUT_S)
    for subscription in (project.subscription, other):
        (received,) = project.pull(1, subscription)
        assert received.message.data == b"\xff\x00"
        assert dict(received.message.attributes) == {"colour": "red"}
        assert received.message.message_id == sent
        assert abs(received.message.publish_time.timestamp() - time.time()) < 60


def test_ids_of_one_request_are_distinct_and_in_its_order(project: Project) -> None:
    project.subscribe()
    ids = project.publish(*(str(n) for n in range(500)))
    assert len(set(ids)) == 500
    received = project.pull(500, limit=1000)
    by_id = {item.message.message_id: item.message.data.decode() for item in received}
    assert [by_id[message_id] for message_id in ids] == [str(n) for n in range(500)]


def test_an_acknowledged_message_does_not_come_again(project: Project) -> None:
    project.subscribe(ack_deadline_seconds=10)
    project.publish("done", "back")
    received = {item.message.data: item for item in project.pull(2)}
    project.ack(received[b"done"])
    project.deadline(0, received[b"done"], received[b"back"])
    assert texts(project.pull(1)) == ["back"]
    assert project.pull_now() == []


def test_a_lease_that_ends_brings_the_message_again(project: Project) -> None:
    project.subscribe(ack_deadline_seconds=10)
    project.publish("slow")
    first = project.pull(1)
    assert project.pull_now() == []
    project.deadline(1, *first)
    again = project.pull(1)
    assert texts(again) == ["slow"]
    assert again[0].message.message_id == first[0].message.message_id


def test_an_extended_lease_holds(project: Project) -> None:
    project.subscribe(ack_deadline_seconds=10)
    project.publish("held")
    first = project.pull(1)
    project.deadline(1, *first)
    project.deadline(30, *first)
    assert project.pull_now() + project.pull_now() == []


def test_a_late_acknowledgement_counts(project: Project) -> None:
    project.subscribe()
    project.publish("late")
    first = project.pull(1)
    project.deadline(0, *first)
    project.ack(*first)
    if project.is_emulator:
        return  # it may or may not deliver once more; Google promises neither
    assert project.pull_now() == []


def test_limits_of_a_request_are_kept(project: Project) -> None:
    project.subscribe()
    for messages in ([], [{"data": b""}], [{"data": b"x"}] * 1001):
        with pytest.raises(exceptions.InvalidArgument):
            project.publisher.publish(topic=project.topic, messages=messages)
    limits = [
        {"attributes": {"k": "v" * 1025}},
        {"attributes": {"k" * 257: "v"}},
        {"attributes": {f"k{n}": "v" for n in range(101)}},
        {"attributes": {"googlish": "v"}},
        {"data": bytes(10_000_001)},
    ]
    for message in limits:
        if project.is_emulator:
            project.publisher.publish(topic=project.topic, messages=[message])  # it takes all
            continue
        with pytest.raises(exceptions.InvalidArgument):
            project.publisher.publish(topic=project.topic, messages=[message])
    assert project.is_emulator or project.pull_now() == []


def test_an_ack_id_that_nobody_gave_out_is_refused(project: Project) -> None:
    project.subscribe()
    with pytest.raises(exceptions.InvalidArgument):
        project.subscriber.acknowledge(subscription=project.subscription, ack_ids=["nonsense"])
