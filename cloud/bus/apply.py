"""The topology, made where it is missing."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import structlog
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.protobuf.duration_pb2 import Duration

from cloud.bus.client import TRANSIENT, publisher_client, subscriber_client
from cloud.bus.settings import BusSettings
from cloud.bus.topology import (
    DEAD_LETTER,
    SUBSCRIPTIONS,
    TOPICS,
    Subscription,
    subscription_path,
    topic_path,
)
from cloud.errors import BusError

_PAUSE_S = 0.2
_log = structlog.get_logger(__name__)


def ensure(settings: BusSettings) -> tuple[str, ...]:
    """Make the topics and subscriptions of the topology that are missing; wait for the server.

    Returns:
        full names of what was made, nothing where all was there.

    Raises:
        BusError: Pub/Sub did not answer within `start_timeout_s`, or refused; the message says
            what to do.
    """
    deadline = _Deadline(settings)
    publisher = publisher_client(settings)
    with closing(publisher.transport), closing(subscriber_client(settings)) as subscriber:
        made = [
            path
            for topic in TOPICS
            if _ensure_topic(publisher, path := topic_path(settings.project, topic), deadline)
        ]
        made.extend(
            subscription_path(settings.project, item.name)
            for item in SUBSCRIPTIONS
            if _ensure_subscription(subscriber, settings.project, item, deadline)
        )
    if made:
        _log.info("bus topology made", resources=made)
    return tuple(made)


def subscription_request(project: str, subscription: Subscription) -> dict[str, Any]:
    """A subscription as `google.pubsub.v1.Subscription` wants it."""
    request: dict[str, Any] = {
        "name": subscription_path(project, subscription.name),
        "topic": topic_path(project, subscription.topic),
        "ack_deadline_seconds": subscription.ack_deadline_s,
        "expiration_policy": {},  # never; Google's default would delete it after 31 idle days
        "retry_policy": {
            "minimum_backoff": Duration(seconds=subscription.min_backoff_s),
            "maximum_backoff": Duration(seconds=subscription.max_backoff_s),
        },
    }
    if subscription.max_delivery_attempts is not None:
        request["dead_letter_policy"] = {
            "dead_letter_topic": topic_path(project, DEAD_LETTER),
            "max_delivery_attempts": subscription.max_delivery_attempts,
        }
    return request


class _Deadline:
    """Tries a request until Pub/Sub answers, or the time is over."""

    def __init__(self, settings: BusSettings) -> None:
        self._settings = settings
        self._end_s = time.monotonic() + settings.start_timeout_s

    def call(self, request: Callable[[float], Any], what: str) -> None:
        """Run `request(timeout_s)`.

        Raises:
            google.api_core.exceptions.NotFound, AlreadyExists: as Pub/Sub answered.
            BusError: any other answer, or none.
        """
        while True:
            left_s = max(0.1, self._end_s - time.monotonic())
            try:
                request(min(left_s, self._settings.attempt_timeout_s))
                return
            except (exceptions.NotFound, exceptions.AlreadyExists):
                raise
            except TRANSIENT as error:
                if time.monotonic() + _PAUSE_S > self._end_s:
                    raise BusError(self._nobody(error)) from error
                time.sleep(_PAUSE_S)
            except exceptions.GoogleAPIError as error:
                raise BusError(f"Pub/Sub refuses {what}: {error}") from error

    def _nobody(self, error: Exception) -> str:
        endpoint = self._settings.endpoint
        where = f"at {endpoint}" if endpoint else "of Google"
        remedy = "start `wayside-cloud up`" if endpoint else "look at the network"
        return (f"Pub/Sub {where} did not answer within {self._settings.start_timeout_s:g} s "
                f"({error}): {remedy}, or name another server in `bus.endpoint`")  # fmt: skip


def _ensure_topic(client: PublisherClient, path: str, deadline: _Deadline) -> bool:
    return _ensure(
        lambda timeout_s: client.get_topic(topic=path, retry=None, timeout=timeout_s),
        lambda timeout_s: client.create_topic(name=path, retry=None, timeout=timeout_s),
        path,
        deadline,
    )


def _ensure_subscription(
    client: SubscriberClient, project: str, subscription: Subscription, deadline: _Deadline
) -> bool:
    path = subscription_path(project, subscription.name)
    wanted = subscription_request(project, subscription)
    return _ensure(
        lambda timeout_s: client.get_subscription(subscription=path, retry=None, timeout=timeout_s),
        lambda timeout_s: client.create_subscription(request=wanted, retry=None, timeout=timeout_s),
        path,
        deadline,
    )


def _ensure(
    get: Callable[[float], Any],
    create: Callable[[float], Any],
    path: str,
    deadline: _Deadline,
) -> bool:
    """True when it was made now: looked for first, as not everybody may create."""
    try:
        deadline.call(get, path)
        return False
    except exceptions.NotFound:
        pass
    try:
        deadline.call(create, path)
        return True
    except exceptions.AlreadyExists:
        return False  # somebody else was faster
    except exceptions.NotFound as error:
        raise BusError(f"Pub/Sub refuses {path}: {error}") from error
