"""Catalog and post of the embedded Pub/Sub server, on a clock of the test."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.pubsub_v1 import types

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.delivery import Post
from cloud.embedded.pubsub.errors import StatusError
from cloud.embedded.pubsub.live import Clock
from cloud.embedded.pubsub.messages import Consumer, Message, ack_id
from cloud.embedded.pubsub.registry import Registry
from cloud.embedded.pubsub.storage import Storage
from cloud.embedded.pubsub.validation import complete_subscription
from cloud.embedded.pubsub.window import Capacity

PROJECT = "projects/wayside"
DAY_NS = 86_400 * 1_000_000_000


@dataclass
class Server:
    """The parts without gRPC, restarted at will."""

    folder: Path
    wall_ns: int = 1_700_000_000 * 1_000_000_000
    now_s: float = 0.0
    max_uncommitted: int = 1_000_000
    catalog: Catalog = field(init=False)
    registry: Registry = field(init=False)
    post: Post = field(init=False)
    committer: Committer = field(init=False)

    async def start(self) -> None:
        self.committer = Committer(Storage(self.folder), asyncio.get_running_loop())
        clock = Clock(lambda: self.now_s, lambda: self.wall_ns)
        self.catalog = Catalog(self.committer, clock, Capacity())
        self.registry = Registry(self.committer, self.catalog)
        await self.registry.load()
        await self.catalog.load()
        last_id = await self.committer.submit(lambda storage: storage.last_message_id())
        self.post = Post(
            self.catalog, self.registry, self.committer, clock, last_id, self.max_uncommitted
        )

    async def topic(self, name: str) -> None:
        await self.catalog.create_topic(types.Topic.pb()(name=f"{PROJECT}/topics/{name}"))

    async def subscribe(self, name: str, topic: str = "topic", **config: Any) -> None:
        request = types.Subscription.pb()(
            name=f"{PROJECT}/subscriptions/{name}", topic=f"{PROJECT}/topics/{topic}", **config
        )
        complete_subscription(request)
        await self.catalog.create_subscription(request)

    async def publish(self, *texts: str, topic: str = "topic") -> None:
        messages = [types.PubsubMessage.pb()(data=text.encode()) for text in texts]
        await self.post.publish(f"{PROJECT}/topics/{topic}", messages)

    async def take(self, name: str) -> list[Message]:
        await self.committer.submit(lambda _: None)  # what was stored or loaded is there now
        subscription = self.catalog.subscription(f"{PROJECT}/subscriptions/{name}")
        return self.post.take(subscription, Consumer(), 100)

    def nack(self, name: str, messages: list[Message]) -> None:
        subscription = self.catalog.subscription(f"{PROJECT}/subscriptions/{name}")
        self.post.modify(subscription, [ack_id(subscription.id, m) for m in messages], 0)

    def names(self) -> list[str]:
        return [name.rpartition("/")[2] for name in self.catalog.subscriptions]


def run(folder: Path, scenario: Callable[[Server], Awaitable[None]], **fields: Any) -> None:
    async def main() -> None:
        server = Server(folder, **fields)
        await server.start()
        await server.topic("topic")
        try:
            await scenario(server)
        finally:
            server.committer.close()

    asyncio.run(main())


def test_a_subscription_that_nobody_uses_expires(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        ttl = types.ExpirationPolicy.pb()()
        ttl.ttl.FromSeconds(86_400)
        await server.subscribe("live", expiration_policy=ttl)
        await server.subscribe("used", expiration_policy=ttl)
        await server.subscribe("kept", expiration_policy=types.ExpirationPolicy.pb()())
        used = server.catalog.subscription(f"{PROJECT}/subscriptions/used")
        used.waiting.append(asyncio.Event())
        server.wall_ns += DAY_NS
        await server.catalog.sweep()
        assert sorted(server.names()) == ["kept", "live", "used"]
        server.wall_ns += 1
        await server.catalog.sweep()
        assert sorted(server.names()) == ["kept", "used"]
        # What is known of its use survives a restart.
        used.waiting.clear()
        server.committer.close()
        await server.start()
        server.wall_ns += DAY_NS - 2
        await server.catalog.sweep()
        assert sorted(server.names()) == ["kept", "used"]

    run(tmp_path, scenario)


def test_a_message_beyond_its_retention_is_dropped(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        await server.subscribe("week")
        await server.publish("old")
        server.wall_ns += 7 * DAY_NS + 1
        await server.publish("new")
        await server.catalog.sweep()
        assert [b"new" in message.body for message in await server.take("week")] == [True]

    run(tmp_path, scenario)


def test_a_used_up_message_is_kept_until_its_dead_letter_topic_is_there(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        policy = types.DeadLetterPolicy.pb()(dead_letter_topic=f"{PROJECT}/topics/morgue")
        await server.subscribe("work", dead_letter_policy=policy)
        await server.publish("poison")
        for _ in range(5):
            server.nack("work", await server.take("work"))
        assert await server.take("work") == []
        await server.topic("morgue")
        await server.subscribe("coroner", "morgue")
        server.now_s += 10
        server.post.tick()
        (again,) = await server.take("work")
        assert again.attempts == 6
        server.now_s += 10
        server.post.tick()
        (dead,) = await server.take("coroner")
        assert b"CloudPubSubDeadLetterSourceDeliveryCount" in dead.body
        server.committer.close()
        await server.start()
        server.post.tick()
        assert await server.take("work") == []

    run(tmp_path, scenario)


def test_publishing_is_put_off_while_the_disk_is_behind(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        first = asyncio.create_task(server.publish("x" * 600))
        await asyncio.sleep(0)
        with pytest.raises(StatusError, match="the disk is behind"):
            await server.publish("x" * 600)
        await first
        await server.publish("x" * 600)

    run(tmp_path, scenario, max_uncommitted=1000)


def test_a_changed_policy_holds_at_once_and_after_a_restart(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        await server.subscribe("work")
        name = f"{PROJECT}/subscriptions/work"

        def edit(config: Any) -> None:
            config.ack_deadline_seconds = 20

        await server.catalog.update_subscription(name, edit)
        assert server.catalog.subscription(name).policy.ack_deadline_s == 20
        server.committer.close()
        await server.start()
        assert server.catalog.subscription(name).policy.ack_deadline_s == 20

    run(tmp_path, scenario)


def test_a_subscription_deleted_while_a_message_is_stored_does_not_break_the_others(
    tmp_path: Path,
) -> None:
    async def scenario(server: Server) -> None:
        await server.subscribe("gone")
        await server.subscribe("stays")
        publishing = asyncio.create_task(server.publish("x"))
        await asyncio.sleep(0)
        await server.catalog.delete_subscription(f"{PROJECT}/subscriptions/gone")
        await publishing
        assert len(await server.take("stays")) == 1

    run(tmp_path, scenario)
