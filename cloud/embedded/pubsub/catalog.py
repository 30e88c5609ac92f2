"""Topics and subscriptions: in memory as they are on disk."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from google.pubsub_v1 import types

from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.errors import already_exists, not_found
from cloud.embedded.pubsub.live import Clock, LiveSubscription, LiveTopic
from cloud.embedded.pubsub.policy import NS, policy_of
from cloud.embedded.pubsub.storage import Storage, StoredSubscription
from cloud.embedded.pubsub.validation import DELETED_TOPIC
from cloud.embedded.pubsub.window import Capacity, Window

Topic = types.Topic.pb()
Subscription = types.Subscription.pb()

Edit = Callable[[Any], None]

_USED_STEP_NS = 3600 * NS
"""How exactly the disk knows when a subscription was last used."""

_log = structlog.get_logger(__name__)


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
        self.changing = asyncio.Lock()
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
        async with self.changing:
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
        async with self.changing:
            topic = self.topic(name)
            orphans = list(topic.subscriptions.values())
            configs = [_copy(Subscription, item.config) for item in orphans]
            for config in configs:
                config.topic = DELETED_TOPIC

            def delete(storage: Storage) -> None:
                storage.delete_topic(name)
                for item, config in zip(orphans, configs, strict=True):
                    storage.put_subscription(item.id, config.SerializeToString(), item.used_ns)

            await self._committer.submit(delete)
            del self.topics[name]
            for item, config in zip(orphans, configs, strict=True):
                item.config = config

    async def update_topic(self, name: str, edit: Edit) -> LiveTopic:
        """Change a topic's configuration.

        Args:
            name: of the topic.
            edit: changes a copy in place and checks it; it may raise StatusError.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE, or as `edit` says; then nothing has changed.
        """
        async with self.changing:
            topic = self.topic(name)
            config = _copy(Topic, topic.config)
            edit(config)
            await self.store_topics([config])
            return topic

    async def store_topics(
        self, configs: Sequence[Any], also: Callable[[Storage], None] = lambda _: None
    ) -> None:
        """Replace configurations of topics, first on disk; the caller holds `changing`.

        Raises:
            StatusError: UNAVAILABLE; then nothing has changed.
        """
        rows = [(config.name, config.SerializeToString()) for config in configs]

        def store(storage: Storage) -> None:
            for name, data in rows:
                storage.put_topic(name, data)
            also(storage)

        await self._committer.submit(store)
        for config in configs:
            self.topics[config.name].config = config

    async def create_subscription(self, config: Any) -> None:
        """Add a subscription whose configuration was checked.

        Raises:
            StatusError: ALREADY_EXISTS, NOT_FOUND (the topic), UNAVAILABLE.
        """
        async with self.changing:
            if config.name in self.subscriptions:
                raise already_exists(config.name)
            self.topic(config.topic)
            name, data, now_ns = config.name, config.SerializeToString(), self._clock.wall_ns()
            number = await self._committer.submit(
                lambda storage: storage.add_subscription(name, data, now_ns)
            )
            self._add(StoredSubscription(number, data, now_ns, head=0))

    async def update_subscription(self, name: str, edit: Edit) -> LiveSubscription:
        """Change a subscription's configuration; see `update_topic`.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE, or as `edit` says; then nothing has changed.
        """
        async with self.changing:
            subscription = self.subscription(name)
            config = _copy(Subscription, subscription.config)
            edit(config)
            await self._store(subscription, config)
            subscription.config = config
            subscription.window.policy = policy_of(config)
            return subscription

    async def delete_subscription(self, name: str) -> None:
        """Remove a subscription and its messages.

        Raises:
            StatusError: NOT_FOUND, UNAVAILABLE.
        """
        async with self.changing:
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
                async with self.changing:
                    await self._store(subscription, subscription.config)
            await self._trim(name, subscription, now_ns - subscription.policy.retention_ns)

    async def _trim(self, name: str, subscription: LiveSubscription, before_ns: int) -> None:
        subscription.window.drop_before(before_ns)
        number = subscription.id
        removed = await self._committer.submit(lambda storage: storage.trim(number, before_ns))
        if removed:
            _log.warning("pubsub messages beyond retention", subscription=name, messages=removed)

    async def _store(self, subscription: LiveSubscription, config: Any) -> None:
        number, used_ns = subscription.id, subscription.used_ns
        data = config.SerializeToString()
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


def _copy(kind: Any, config: Any) -> Any:
    copy = kind()
    copy.CopyFrom(config)
    return copy
