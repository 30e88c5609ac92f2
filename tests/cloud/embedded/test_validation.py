"""What the embedded Pub/Sub server refuses."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.pubsub_v1 import types
from pydantic import ValidationError

from cloud.embedded.pubsub.errors import StatusError
from cloud.embedded.pubsub.messages import parse_ack_id
from cloud.embedded.pubsub.pages import page_of
from cloud.embedded.pubsub.validation import check_messages, check_topic, complete_subscription
from cloud.embedded.settings import PubsubServerSettings

NAME = "projects/p/subscriptions/sub"


def refusal(config: dict[str, Any]) -> grpc.StatusCode:
    with pytest.raises(StatusError) as error:
        complete_subscription(types.Subscription(**{"name": NAME, **config})._pb)
    return error.value.code


@pytest.mark.parametrize(
    "config",
    [
        {"filter": 'attributes.lane = "alarm"'},
        {"enable_exactly_once_delivery": True},
        {"push_config": {"push_endpoint": "https://example.org"}},
        {"bigquery_config": {"table": "a.b.c"}},
    ],
)
def test_what_google_has_and_this_server_has_not_is_said(config: dict[str, Any]) -> None:
    assert refusal(config) is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "config",
    [
        {"name": "sub"},
        {"name": "projects/p/topics/sub"},
        {"name": "projects/p/subscriptions/goog-sub"},
        {"expiration_policy": {"ttl": {"seconds": 3600}}},
        {"retry_policy": {"minimum_backoff": {"seconds": 601}}},
        {"retry_policy": {"minimum_backoff": {"seconds": 60}, "maximum_backoff": {"seconds": 6}}},
    ],
)
def test_what_is_out_of_range_is_refused(config: dict[str, Any]) -> None:
    assert refusal(config) is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schema": "s", "encoding": "BINARY"}, "Invalid resource name"),
        ({"schema": "projects/p/schemas/sss", "encoding": "JSON"}, "encoding other than BINARY"),
        ({"schema": "projects/p/schemas/sss", "encoding": "BINARY", "first_revision_id": "a"},
         "range of revisions"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_checked_is_not_silently_taken(
    settings: dict[str, str], words: str
) -> None:
    topic = types.Topic(name="projects/p/topics/ttt", schema_settings=settings)._pb
    with pytest.raises(StatusError, match=words):
        check_topic(topic)


def test_a_topic_that_asks_for_what_this_server_has_not_is_refused() -> None:
    with pytest.raises(StatusError, match="kms_key_name"):
        check_topic(types.Topic(name="projects/p/topics/ttt", kms_key_name="k")._pb)


def test_defaults_are_googles() -> None:
    config = types.Subscription(name=NAME, retry_policy={})._pb
    complete_subscription(config)
    assert config.ack_deadline_seconds == 10
    assert config.expiration_policy.ttl.seconds == 31 * 86_400
    assert config.retry_policy.minimum_backoff.seconds == 10
    assert config.retry_policy.maximum_backoff.seconds == 600


@pytest.mark.parametrize(
    "message",
    [
        {"data": b"x", "ordering_key": "k" * 1025},
        {"data": b"x", "attributes": {"": "v"}},
        {"data": b"x", "attributes": {"k": "é" * 513}},
    ],
)
def test_limits_are_counted_in_bytes(message: dict[str, Any]) -> None:
    with pytest.raises(StatusError):
        check_messages([types.PubsubMessage(message)._pb])


@pytest.mark.parametrize("text", ["", "1-2", "1-2-3-4", "x-y-z", "2-1-1"])
def test_a_foreign_ack_id_is_refused(text: str) -> None:
    with pytest.raises(StatusError):
        parse_ack_id(text, subscription_id=1)


def test_pages_cover_a_list_once() -> None:
    names = [f"n{n:02}" for n in range(7)]
    seen: list[str] = []
    token = ""
    while True:
        page, token = page_of(reversed(names), 3, token)
        seen += page
        if not token:
            break
    assert seen == names
    with pytest.raises(StatusError):
        page_of(names, -1, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "example.org"])
def test_only_loopback_is_listened_on(host: str) -> None:
    with pytest.raises(ValidationError, match="no authentication"):
        PubsubServerSettings(host=host, data_dir=Path("x"))
