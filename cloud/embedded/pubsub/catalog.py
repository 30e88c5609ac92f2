"""Topics and subscriptions: in memory as they are on disk."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from google.pubsub_v1 import types

from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.errors import already_exists, not_found
from cloud.embedded.pubsub.policy import NS, Policy, policy_of
from cloud.embedded.pubsub.storage import StoredSubscription
from cloud.embedded.pubsub.validation import DELETED_TOPIC
from cloud.embedded.pubsub.window import Capacity, Window

Topic = types.Topic.pb()
Subscription = types.Subscription.pb()

_USED_STEP_NS = 3600 * NS
"""How exactly the disk knows when a subscription was last used."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Clock:
    """The two times: one for leases, one for messages."""

    monotonic_s: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns


@dataclass(slots=True, eq=False)
class LiveSubscription:
    """A subscription, its messages in memory, and who waits for them.

    Attributes:
        waiting: an event of each pull that waits; woken in turn.
        used_ns: when a pull last waited here.
        stored_used_ns: what the disk knows of it.
    """

    id: int
    config: Any
    window: Window
    used_ns: int
    stored_used_ns: int
    waiting: deque[asyncio.Event] = field(default_factory=deque)
    deleted: bool = False

    @property
    def policy(self) -> Policy:
        return self.window.policy

    def wake(self) -> None:
        """Have every pull look for messages, each time another one first."""
        for event in self.waiting:
            event.set()
        self.waiting.rotate(-1)


@dataclass(slots=True, eq=False)
class LiveTopic:
    """A topic and who gets its messages."""

    config: Any
    subscriptions: dict[str, LiveSubscription] = field(default_factory=dict)


class Catalog:
    """Every topic and subscription. All changes are durable before they are seen.

    Args:
        committer: the way to the disk.
        clock: the times.
        capacity: of each subscription's window.
    """

    def __init__(self, committer: Committer, clock: Clock, capacity: Capacity) -> None:
        self._committer = committer
        self._clock = clock
        self._capacity = capacity
        self._changing = asyncio.Lock()
        self.topics: dict[str, LiveTopic] = {}
        self.subscriptions: dict[str, LiveSubscription] = {}

    def now_ns(self) -> int:
        """Unix time."""
        return self._clock.wall_ns()

    def check_alive(self, subscription: LiveSubscription) -> None:
        """Return when the subscription was not deleted meanwhile.

        Raises:
            StatusError: NOT_FOUND.
        """
        if subscription.deleted:
            raise not_found(subscription.config.name)

    async def load(self) -> None:
        """Read what is on disk."""
        for data in await self._committer.submit(lambda storage: storage.topics()):
            config = Topic.FromString(data)
            self.topics[config.name] = LiveTopic(config)
        for row in await self._committer.submit(lambda storage: storage.subscriptions()):
            self._add(row)

    def topic(self, name: str) -> LiveTopic:
        """The topic of a name.

        Raises:
            StatusError: NOT_FOUND.
        """
        topic = self.topics.get(name)
        if topic is None:
            raise not_found(name)
        return topic

    def subscription(self, name: str) -> LiveSubscription:
        """The subscription of a name.

        Raises:
            StatusError: NOT_FOUND.
        """
        subscription = self.subscriptions.get(name)
        if subscription is None:
            raise not_found(name)
        return subscription

    async def create_topic(self, config: Any) -> None:
        """Add a topic whose configuration was checked.

        Raises:
            StatusError: ALREADY_EXISTS, UNAVAILABLE.
        """
        async with self._changing:
            if config.name in self.topics:
                raise already_exists(config.name)
            name, data = config.name, config.SerializeToString()
            await self._committer.submit(lambda storage: storage.put_topic(name, data))
            self.topics[name] = LiveTopic(config)

    async def delete_topic(self, name: str) -> None:
        """Remove a topic; its subscriptions keep what they have.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE.
        """
        async with self._changing:
            topic = self.topic(name)
            await self._committer.submit(lambda storage: storage.delete_topic(name))
            del self.topics[name]
            for subscription in topic.subscriptions.values():
                subscription.config.topic = DELETED_TOPIC
                await self._store(subscription)

    async def create_subscription(self, config: Any) -> None:
        """Add a subscription whose configuration was checked.

        Raises:
            StatusError: ALREADY_EXISTS, NOT_FOUND (the topic), UNAVAILABLE.
        """
        async with self._changing:
            if config.name in self.subscriptions:
                raise already_exists(config.name)
            self.topic(config.topic)
            name, data, now_ns = config.name, config.SerializeToString(), self._clock.wall_ns()
            number = await self._committer.submit(
                lambda storage: storage.add_subscription(name, data, now_ns)
            )
            self._add(StoredSubscription(number, data, now_ns, head=0))

    async def update_subscription(self, name: str, config: Any) -> LiveSubscription:
        """Replace a subscription's configuration, which was checked.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE.
        """
        async with self._changing:
            subscription = self.subscription(name)
            subscription.config.CopyFrom(config)
            subscription.window.policy = policy_of(config)
            await self._store(subscription)
            return subscription

    async def delete_subscription(self, name: str) -> None:
        """Remove a subscription and its messages.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE.
        """
        async with self._changing:
            subscription = self.subscription(name)
            number = subscription.id
            await self._committer.submit(lambda storage: storage.delete_subscription(number))
            del self.subscriptions[name]
            topic = self.topics.get(subscription.config.topic)
            if topic is not None:
                topic.subscriptions.pop(name, None)
            subscription.deleted = True
            subscription.wake()

    async def sweep(self) -> None:
        """Remove messages beyond their retention and subscriptions beyond their time to live.

        Raises:
            StatusError: UNAVAILABLE.
        """
        now_ns = self._clock.wall_ns()
        for name, subscription in list(self.subscriptions.items()):
            if subscription.waiting:
                subscription.used_ns = now_ns
            ttl_ns = subscription.policy.ttl_ns
            if ttl_ns is not None and now_ns - subscription.used_ns > ttl_ns:
                _log.info("pubsub subscription expired", subscription=name)
                await self.delete_subscription(name)
                continue
            if subscription.used_ns - subscription.stored_used_ns >= _USED_STEP_NS:
                await self._store(subscription)
            await self._trim(name, subscription, now_ns - subscription.policy.retention_ns)

    async def _trim(self, name: str, subscription: LiveSubscription, before_ns: int) -> None:
        subscription.window.drop_before(before_ns)
        number = subscription.id
        removed = await self._committer.submit(lambda storage: storage.trim(number, before_ns))
        if removed:
            _log.warning("pubsub messages beyond retention", subscription=name, messages=removed)

    async def _store(self, subscription: LiveSubscription) -> None:
        number, used_ns = subscription.id, subscription.used_ns
        data = subscription.config.SerializeToString()
        await self._committer.submit(
            lambda storage: storage.put_subscription(number, data, used_ns)
        )
        subscription.stored_used_ns = used_ns

    def _add(self, row: StoredSubscription) -> None:
        config = Subscription.FromString(row.config)
        window = Window(policy_of(config), self._capacity, row.head)
        subscription = LiveSubscription(row.id, config, window, row.used_ns, row.used_ns)
        self.subscriptions[config.name] = subscription
        topic = self.topics.get(config.topic)
        if topic is not None:
            topic.subscriptions[config.name] = subscription
