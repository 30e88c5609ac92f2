"""Topics and subscriptions in Google's words, and back."""

from google.pubsub_v1 import types
from hypothesis import given
from hypothesis import strategies as st

from cloud.bus.resources import (
    subscription_of,
    subscription_request,
    topic_of,
    topic_request,
)
from cloud.bus.topology import DELETED, SUBSCRIPTIONS, Subscription, Topic

names = st.from_regex(r"[a-z][a-z0-9-]{2,20}", fullmatch=True)
backoffs = st.one_of(
    st.just((None, None)),
    st.tuples(st.integers(0, 600), st.integers(0, 600_000).map(lambda n: n / 1000)),
)
dead_letters = st.one_of(st.just((None, None)), st.tuples(names, st.integers(5, 100)))


@given(
    st.builds(
        lambda backoff, dead, **fields: Subscription(
            min_backoff_s=backoff[0], max_backoff_s=backoff[1],
            dead_letter_topic=dead[0], max_delivery_attempts=dead[1], **fields,
        ),
        backoffs, dead_letters, name=names, topic=names, ack_deadline_s=st.integers(10, 600),
        retention_s=st.integers(600, 2_678_400),
        expires_after_s=st.none() | st.integers(86_400, 10**7), ordered=st.booleans(),
        filter=st.sampled_from(["", 'attributes.lane = "alarm"']),
    )
)  # fmt: skip
def test_a_subscription_comes_back_as_it_was(subscription: Subscription) -> None:
    assert subscription_of(subscription_request("wayside", subscription)) == subscription


def test_ours_have_full_names_and_never_expire() -> None:
    (ingest,) = [item for item in SUBSCRIPTIONS if item.name == "ingest"]
    request = subscription_request("wayside", ingest)
    assert request.topic == "projects/wayside/topics/wayside-events"
    policy = request.dead_letter_policy
    assert policy.dead_letter_topic == "projects/wayside/topics/wayside-dead-letter"
    assert policy.max_delivery_attempts == 100
    config = types.Subscription.pb(request)
    assert config.HasField("expiration_policy")
    assert not config.expiration_policy.HasField("ttl")


def test_a_topic_comes_back_with_its_schema() -> None:
    for topic in (Topic("events"), Topic("events", "batch")):
        assert topic_of(topic_request("wayside", topic)) == topic


def test_a_schema_read_as_json_is_another_one() -> None:
    settings = {"schema": "projects/p/schemas/batch", "encoding": "JSON"}
    found = types.Topic(name="projects/p/topics/events", schema_settings=settings)
    assert topic_of(found).schema == "batch as JSON"


def test_what_was_deleted_is_called_so() -> None:
    subscription = types.Subscription(name="projects/p/subscriptions/sub", topic="_deleted-topic_")
    assert subscription_of(subscription).topic == DELETED
