"""What Google refuses, and the defaults that it fills in."""

import re
from collections.abc import Mapping
from typing import Any

from google.pubsub_v1 import types

from cloud.embedded.pubsub.errors import invalid, unsupported

MAX_MESSAGES = 1000
MAX_BYTES = 10_000_000
"""Of a message, and of a publish request."""
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_KEY_BYTES = 256
MAX_ATTRIBUTE_VALUE_BYTES = 1024
MAX_ORDERING_KEY_BYTES = 1024
DELETED_TOPIC = "_deleted-topic_"
DELETED_SCHEMA = "_deleted-schema_"

_DAY_S = 86_400
_NAME = re.compile(
    r"projects/[a-z0-9:.-]+/(topics|subscriptions|schemas)/(?!goog)[A-Za-z][A-Za-z0-9_.~+%-]{2,254}"
)


def check_name(name: str, collection: str) -> str:
    """The name itself, when it is `projects/P/{collection}/ID` with an allowed id.

    Raises:
        StatusError: INVALID_ARGUMENT.
    """
    match = _NAME.fullmatch(name)
    if match is None or match[1] != collection:
        raise invalid(f"Invalid resource name given (name={name[:300]}): expected "
                      f"projects/PROJECT/{collection}/ID")  # fmt: skip
    return name


def check_messages(messages: Any) -> int:
    """The bytes of a publish request's messages.

    Args:
        messages: of `google.pubsub.v1.PubsubMessage`.

    Raises:
        StatusError: INVALID_ARGUMENT, beyond Google's limits.
    """
    if not 0 < len(messages) <= MAX_MESSAGES:
        raise invalid(f"a publish request holds 1 to {MAX_MESSAGES} messages, not {len(messages)}")
    total = 0
    for message in messages:
        if not message.data and not message.attributes:
            raise invalid("a message must have data or at least one attribute")
        _check_attributes(message.attributes)
        if len(message.ordering_key.encode()) > MAX_ORDERING_KEY_BYTES:
            raise invalid(f"an ordering key has at most {MAX_ORDERING_KEY_BYTES} bytes")
        total += message.ByteSize()
    if total > MAX_BYTES:
        raise invalid(f"The request holds {total} bytes of messages, at most {MAX_BYTES} may be")
    return total


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid(f"a message has at most {MAX_ATTRIBUTES} attributes, not {len(attributes)}")
    for key, value in attributes.items():
        if not 0 < len(key.encode()) <= MAX_ATTRIBUTE_KEY_BYTES or key.startswith("goog"):
            raise invalid(f"attribute key {key[:80]!r}: 1 to {MAX_ATTRIBUTE_KEY_BYTES} bytes, "
                          "not beginning with 'goog'")  # fmt: skip
        if len(value.encode()) > MAX_ATTRIBUTE_VALUE_BYTES:
            raise invalid(f"the value of attribute {key!r} is longer than "
                          f"{MAX_ATTRIBUTE_VALUE_BYTES} bytes")  # fmt: skip


def check_topic(config: Any) -> None:
    """Refuse a Topic that asks for what this server has not.

    Raises:
        StatusError: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    check_name(config.name, "topics")
    for name in ("message_retention_duration", "ingestion_data_source_settings"):
        if config.HasField(name):
            raise unsupported(f"Topic.{name}")
    for name in ("kms_key_name", "message_transforms"):
        if getattr(config, name):
            raise unsupported(f"Topic.{name}")
    if config.HasField("schema_settings"):
        _check_schema_settings(config.schema_settings)


def _check_schema_settings(settings: Any) -> None:
    if settings.schema != DELETED_SCHEMA:
        check_name(settings.schema, "schemas")
    if settings.encoding != types.Encoding.BINARY:
        raise unsupported("an encoding other than BINARY")
    if settings.first_revision_id or settings.last_revision_id:
        raise unsupported("a range of revisions")


def complete_subscription(config: Any) -> None:
    """Fill in the defaults of a Subscription, in place.

    Raises:
        StatusError: INVALID_ARGUMENT or UNIMPLEMENTED.
    """
    check_name(config.name, "subscriptions")
    _check_supported(config)
    config.ack_deadline_seconds = config.ack_deadline_seconds or 10
    _within("ack_deadline_seconds", config.ack_deadline_seconds, 10, 600)
    if not config.HasField("message_retention_duration"):
        config.message_retention_duration.FromSeconds(7 * _DAY_S)
    _within("message_retention_duration", config.message_retention_duration.seconds,
            600, 31 * _DAY_S)  # fmt: skip
    if not config.HasField("expiration_policy"):
        config.expiration_policy.ttl.FromSeconds(31 * _DAY_S)
    elif config.expiration_policy.HasField("ttl"):
        _within("expiration_policy.ttl", config.expiration_policy.ttl.seconds, _DAY_S, 365 * _DAY_S)
    if config.HasField("dead_letter_policy"):
        _complete_dead_letter(config.dead_letter_policy)
    if config.HasField("retry_policy"):
        _complete_retry(config.retry_policy)


def _check_supported(config: Any) -> None:
    for name in ("filter", "enable_exactly_once_delivery", "retain_acked_messages",
                 "message_transforms"):  # fmt: skip
        if getattr(config, name):
            raise unsupported(f"Subscription.{name}")
    for name in ("bigquery_config", "cloud_storage_config"):
        if config.HasField(name):
            raise unsupported(f"Subscription.{name}")
    if config.push_config.push_endpoint:
        raise unsupported("Subscription.push_config")


def _complete_dead_letter(policy: Any) -> None:
    check_name(policy.dead_letter_topic, "topics")
    policy.max_delivery_attempts = policy.max_delivery_attempts or 5
    _within("max_delivery_attempts", policy.max_delivery_attempts, 5, 100)


def _complete_retry(policy: Any) -> None:
    if not policy.HasField("minimum_backoff"):
        policy.minimum_backoff.FromSeconds(10)
    if not policy.HasField("maximum_backoff"):
        policy.maximum_backoff.FromSeconds(600)
    for name in ("minimum_backoff", "maximum_backoff"):
        _within(f"retry_policy.{name}", getattr(policy, name).seconds, 0, 600)
    if policy.minimum_backoff.ToNanoseconds() > policy.maximum_backoff.ToNanoseconds():
        raise invalid("retry_policy: minimum_backoff is longer than maximum_backoff")


def _within(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise invalid(f"Invalid {what}: {value} is not within {low} to {high}")
