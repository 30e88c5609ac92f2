"""Schemas, topics and subscriptions in Google's words, and back. Pure."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.pubsub_v1 import types

from cloud.bus.topology import (
    DELETED,
    Schema,
    Subscription,
    Topic,
    schema_path,
    subscription_path,
    topic_path,
)

MASKS = {
    "schema": "schema_settings",
    "ack_deadline_s": "ack_deadline_seconds",
    "retention_s": "message_retention_duration",
    "expires_after_s": "expiration_policy",
    "dead_letter_topic": "dead_letter_policy",
    "max_delivery_attempts": "dead_letter_policy",
    "min_backoff_s": "retry_policy",
    "max_backoff_s": "retry_policy",
}
"""Which field of Google's holds a field of ours, for update masks."""


def schema_request(schema: Schema) -> types.Schema:
    """A schema as `google.pubsub.v1.Schema`; its name goes elsewhere."""
    return types.Schema(type_=types.Schema.Type.PROTOCOL_BUFFER, definition=schema.definition)


def topic_request(project: str, topic: Topic) -> types.Topic:
    """A topic as `google.pubsub.v1.Topic`."""
    request = types.Topic(name=topic_path(project, topic.name))
    if topic.schema is not None:
        request.schema_settings = types.SchemaSettings(
            schema=schema_path(project, topic.schema), encoding=types.Encoding.BINARY
        )
    return request


def subscription_request(project: str, subscription: Subscription) -> types.Subscription:
    """A subscription as `google.pubsub.v1.Subscription`."""
    # Without a time to live it never expires; without a policy it would after 31 idle days.
    expiration = types.ExpirationPolicy()
    if subscription.expires_after_s is not None:
        expiration.ttl = Duration(seconds=subscription.expires_after_s)
    request = types.Subscription(
        name=subscription_path(project, subscription.name),
        topic=topic_path(project, subscription.topic),
        ack_deadline_seconds=subscription.ack_deadline_s,
        message_retention_duration=Duration(seconds=subscription.retention_s),
        expiration_policy=expiration,
        enable_message_ordering=subscription.ordered,
        filter=subscription.filter,
    )
    if subscription.dead_letter_topic is not None:
        request.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=topic_path(project, subscription.dead_letter_topic),
            max_delivery_attempts=subscription.max_delivery_attempts,
        )
    if subscription.min_backoff_s is not None and subscription.max_backoff_s is not None:
        request.retry_policy = types.RetryPolicy(
            minimum_backoff=_duration(subscription.min_backoff_s),
            maximum_backoff=_duration(subscription.max_backoff_s),
        )
    return request


def schema_of(found: types.Schema) -> Schema:
    """What a server says of a schema."""
    return Schema(_id(found.name), found.definition)


def topic_of(found: types.Topic) -> Topic:
    """What a server says of a topic.

    A schema that is read as JSON counts as another one, for it refuses what we send.
    """
    settings = types.Topic.pb(found).schema_settings
    if not settings.schema:
        return Topic(_id(found.name))
    schema = _id(settings.schema)
    if settings.encoding != types.Encoding.BINARY:
        schema += " as JSON"
    return Topic(_id(found.name), schema)


def subscription_of(found: types.Subscription) -> Subscription:
    """What a server says of a subscription."""
    config: Any = types.Subscription.pb(found)
    dead_letter, retry = config.dead_letter_policy, config.retry_policy
    has_retry = config.HasField("retry_policy")
    return Subscription(
        name=_id(config.name),
        topic=_id(config.topic),
        ack_deadline_s=config.ack_deadline_seconds,
        retention_s=config.message_retention_duration.seconds,
        expires_after_s=config.expiration_policy.ttl.seconds or None,
        dead_letter_topic=_id(dead_letter.dead_letter_topic) or None,
        max_delivery_attempts=dead_letter.max_delivery_attempts or None,
        min_backoff_s=_seconds(retry.minimum_backoff) if has_retry else None,
        max_backoff_s=_seconds(retry.maximum_backoff) if has_retry else None,
        ordered=config.enable_message_ordering,
        filter=config.filter,
    )


def _id(path: str) -> str:
    """The last part of a full name; a name of its own for what was deleted."""
    return DELETED if path.startswith("_deleted-") else path.rpartition("/")[2]


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _seconds(duration: Duration) -> float:
    return float(duration.ToNanoseconds() / 1e9)
