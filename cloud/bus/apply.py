"""The topology when a process starts: made on a server of this machine, asked for on Google."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from google.api_core import exceptions
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from cloud.bus.client import publisher_client, subscriber_client
from cloud.bus.deadline import Deadline
from cloud.bus.resources import subscription_request, topic_request
from cloud.bus.settings import BusSettings
from cloud.bus.topology import (
    SUBSCRIPTIONS,
    TOPICS,
    Topic,
    subscription_path,
    topic_path,
)
from cloud.errors import BusError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Item:
    """Something of the topology: its full name, how to look for it, how to make it."""

    path: str
    get: Callable[..., Any]
    create: Callable[..., Any]


def ensure(settings: BusSettings, may_create: bool | None = None) -> tuple[str, ...]:
    """Make the topics and subscriptions of the topology that are missing; wait for the server.

    Topics are made without their schemas: `wayside-cloud pubsub apply` adds these.

    Args:
        settings: where Pub/Sub is.
        may_create: False: what is missing is an error. Default: False on Google, where a service
            has no business to make what costs money and takes an administrator's rights.

    Returns:
        full names of what was made, nothing where all was there.

    Raises:
        BusError: Pub/Sub did not answer within `start_timeout_s`, or refused, or something is
            missing and may not be made; the message says what to do.
    """
    creates = settings.endpoint is not None if may_create is None else may_create
    deadline = Deadline(settings)
    publisher = publisher_client(settings)
    with closing(publisher.transport), closing(subscriber_client(settings)) as subscriber:
        items = (
            *_topics(publisher, settings.project),
            *_subscriptions(subscriber, settings.project),
        )
        missing = [item for item in items if not _is_there(item, deadline)]
        if missing and not creates:
            raise BusError(_asks_for(settings.project, [item.path for item in missing]))
        made = tuple(item.path for item in missing if _is_made(item, deadline))
    if made:
        _log.info("bus topology made", resources=made)
    return made


def _topics(client: PublisherClient, project: str) -> Iterator[_Item]:
    for name in TOPICS:
        path = topic_path(project, name)
        wanted = topic_request(project, Topic(name))
        yield _Item(
            path,
            partial(client.get_topic, topic=path),
            partial(client.create_topic, request=wanted),
        )


def _subscriptions(client: SubscriberClient, project: str) -> Iterator[_Item]:
    for subscription in SUBSCRIPTIONS:
        path = subscription_path(project, subscription.name)
        wanted = subscription_request(project, subscription)
        yield _Item(
            path,
            partial(client.get_subscription, subscription=path),
            partial(client.create_subscription, request=wanted),
        )


def _is_there(item: _Item, deadline: Deadline) -> bool:
    try:
        deadline.call(lambda timeout_s: item.get(retry=None, timeout=timeout_s), item.path)
    except exceptions.NotFound:
        return False
    return True


def _is_made(item: _Item, deadline: Deadline) -> bool:
    """True when it was made now, False when somebody else was faster."""
    try:
        deadline.call(lambda timeout_s: item.create(retry=None, timeout=timeout_s), item.path)
    except exceptions.AlreadyExists:
        return False
    except exceptions.NotFound as error:
        raise BusError(f"Pub/Sub refuses {item.path}: {error}") from error
    return True


def _asks_for(project: str, missing: list[str]) -> str:
    names = ", ".join(path.partition("/")[2].partition("/")[2] for path in missing)
    return (f"Pub/Sub project {project} lacks {names}: run `wayside-cloud pubsub apply` with an "
            "account that has roles/pubsub.editor")  # fmt: skip
