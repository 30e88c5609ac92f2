"""A message's way: to disk, into windows, to consumers, away."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import grpc
import structlog

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.dead_letter import dead_letter
from cloud.embedded.pubsub.definitions import check_message
from cloud.embedded.pubsub.errors import StatusError, invalid
from cloud.embedded.pubsub.live import Clock, LiveSubscription, LiveTopic
from cloud.embedded.pubsub.messages import Consumer, Message, parse_ack_id
from cloud.embedded.pubsub.registry import Registry
from cloud.embedded.pubsub.storage import Delivery, Storage
from cloud.embedded.pubsub.validation import check_messages

MAX_TAKEN = 100
"""Messages handed to one consumer at a time, so that all of a subscription get some."""
MAX_TAKEN_BYTES = 1024 * 1024

_DEAD_LETTER_AWAY_S = 10.0
_MAX_ACK_DEADLINE_S = 600
_log = structlog.get_logger(__name__)


class Post:
    """Takes messages in, hands them out, until they are acknowledged.

    Args:
        catalog: who is there.
        registry: what a topic's messages have to be.
        committer: the way to the disk.
        clock: the times.
        last_id: the newest message id that was ever given.
        max_uncommitted_bytes: on their way to the disk; beyond, publishing is put off.
    """

    def __init__(
        self,
        catalog: Catalog,
        registry: Registry,
        committer: Committer,
        clock: Clock,
        last_id: int,
        max_uncommitted_bytes: int,
    ) -> None:
        self._catalog = catalog
        self._registry = registry
        self._committer = committer
        self._clock = clock
        self._last_id = last_id
        self._uncommitted_bytes = 0
        self._max_uncommitted_bytes = max_uncommitted_bytes

    async def publish(self, topic_name: str, messages: Sequence[Any]) -> list[str]:
        """Store PubsubMessages for every subscription of a topic; returns their ids.

        Raises:
            StatusError: NOT_FOUND, INVALID_ARGUMENT, RESOURCE_EXHAUSTED or UNAVAILABLE.
        """
        topic = self._catalog.topic(topic_name)
        size = check_messages(messages)
        kind = self._registry.message_for(topic.config)
        if kind is not None:
            for message in messages:
                check_message(kind, message.data)
        if self._uncommitted_bytes and self._uncommitted_bytes + size > self._max_uncommitted_bytes:
            raise StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, "the disk is behind; try again")
        ids, deliveries = self._address(topic, messages)
        self._uncommitted_bytes += size
        last_id = self._last_id
        stored = self._committer.submit(lambda storage: storage.put(last_id, deliveries))
        stored.add_done_callback(partial(self._on_stored, topic, deliveries, size))
        # A caller who goes away does not take back what is on its way to the disk.
        await asyncio.shield(stored)
        return ids

    def take(self, subscription: LiveSubscription, consumer: Consumer, limit: int) -> list[Message]:
        """Lease the next messages to a consumer, as his flow control allows."""
        taken = subscription.window.take(
            consumer, self._clock.monotonic_s(), min(limit, MAX_TAKEN), MAX_TAKEN_BYTES
        )
        if taken:
            self._load_more(subscription)
        return taken

    def acknowledge(
        self, subscription: LiveSubscription, ack_ids: Iterable[str]
    ) -> "asyncio.Future[None]":
        """Settle messages; the future is done when that is durable.

        Raises:
            StatusError: INVALID_ARGUMENT, an ack id is not of this subscription.
        """
        number = subscription.id
        ids = [parse_ack_id(text, number)[0] for text in ack_ids]
        for message_id in ids:
            subscription.window.settle(message_id)
        done = self._committer.submit(lambda storage: storage.delete(number, ids))
        self._pump(subscription)
        return done

    def modify(self, subscription: LiveSubscription, ack_ids: Iterable[str], seconds: int) -> None:
        """Let leases end `seconds` from now; 0 ends them at once (nack).

        Raises:
            StatusError: INVALID_ARGUMENT.
        """
        if not 0 <= seconds <= _MAX_ACK_DEADLINE_S:
            raise invalid(f"Invalid ack deadline: {seconds} is not within 0 to 600")
        now_s = self._clock.monotonic_s()
        leases = [parse_ack_id(text, subscription.id) for text in ack_ids]
        if seconds > 0:
            for message_id, lease in leases:
                subscription.window.extend(message_id, lease, now_s, seconds)
            return
        for message_id, lease in leases:
            exhausted = subscription.window.nack(message_id, lease, now_s)
            if exhausted is not None:
                self._forward(subscription, exhausted)
        self._pump(subscription)

    def tick(self) -> None:
        """End leases and backoffs whose time is over."""
        now_s = self._clock.monotonic_s()
        for subscription in self._catalog.subscriptions.values():
            for message in subscription.window.expire(now_s):
                self._forward(subscription, message)
            self._pump(subscription)

    def _address(
        self, topic: LiveTopic, messages: Sequence[Any]
    ) -> tuple[list[str], list[Delivery]]:
        """Give messages their ids and time, and a copy to each subscription."""
        now_ns = self._clock.wall_ns()
        bodies: list[tuple[int, str, bytes]] = []
        for message in messages:
            self._last_id += 1
            message.message_id = str(self._last_id)
            message.publish_time.FromNanoseconds(now_ns)
            bodies.append((self._last_id, message.ordering_key, message.SerializeToString()))
        deliveries = [
            Delivery(
                subscription.id,
                [Message(number, now_ns, key, body) for number, key, body in bodies],
            )
            for subscription in topic.subscriptions.values()
        ]
        return [str(number) for number, _, _ in bodies], deliveries

    def _on_stored(
        self,
        topic: LiveTopic,
        deliveries: Sequence[Delivery],
        size: int,
        stored: "asyncio.Future[None]",
    ) -> None:
        self._uncommitted_bytes -= size
        if stored.cancelled() or stored.exception() is not None:
            return
        by_id = {item.id: item for item in topic.subscriptions.values()}
        for delivery in deliveries:
            subscription = by_id.get(delivery.subscription_id)
            if subscription is not None:
                subscription.window.offer(delivery.messages)
                self._pump(subscription)

    def _pump(self, subscription: LiveSubscription) -> None:
        self._load_more(subscription)
        subscription.wake()

    def _load_more(self, subscription: LiveSubscription) -> None:
        window = subscription.window
        if not window.wants_more:
            return
        window.loading = True
        number, after_id, room = subscription.id, window.tail, window.room()
        read = self._committer.submit(
            lambda storage: storage.load(number, after_id, room.messages, room.bytes)
        )
        read.add_done_callback(partial(self._on_loaded, subscription, window.head))

    def _on_loaded(
        self,
        subscription: LiveSubscription,
        head: int,
        read: "asyncio.Future[tuple[list[Message], bool]]",
    ) -> None:
        if read.cancelled() or read.exception() is not None:
            subscription.window.loading = False  # the next tick tries again
            return
        messages, complete = read.result()
        subscription.window.loaded(messages, complete, head)
        self._pump(subscription)

    def _forward(self, subscription: LiveSubscription, message: Message) -> None:
        """Move a message to the dead-letter topic, on disk in one step."""
        window, number = subscription.window, subscription.id
        topic = self._catalog.topics.get(subscription.policy.dead_letter_topic)
        if topic is None:
            _log.warning("pubsub dead-letter topic is away", subscription=subscription.config.name)
            window.not_forwarded(message, self._clock.monotonic_s(), _DEAD_LETTER_AWAY_S)
            return
        _, deliveries = self._address(topic, [dead_letter(subscription.config.name, message)])
        last_id = self._last_id

        def move(storage: Storage) -> None:
            storage.delete(number, [message.id])
            storage.put(last_id, deliveries)

        def moved(done: "asyncio.Future[None]") -> None:
            if done.cancelled() or done.exception() is not None:
                window.not_forwarded(message, self._clock.monotonic_s(), _DEAD_LETTER_AWAY_S)
                return
            window.settle(message.id)
            self._pump(subscription)

        stored = self._committer.submit(move)
        stored.add_done_callback(moved)
        stored.add_done_callback(partial(self._on_stored, topic, deliveries, 0))
