"""Changes of the embedded Pub/Sub server's topics, subscriptions and schemas: the disk first."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from google.pubsub_v1 import types

from cloud.embedded.pubsub.catalog import Catalog
from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.errors import StatusError
from cloud.embedded.pubsub.live import Clock
from cloud.embedded.pubsub.registry import Registry
from cloud.embedded.pubsub.storage import Storage
from cloud.embedded.pubsub.validation import complete_subscription
from cloud.embedded.pubsub.window import Capacity
from protos.v1.receipt_pb2 import Receipt

TOPIC = "projects/wayside/topics/topic"
SUBSCRIPTION = "projects/wayside/subscriptions/subscription"
SCHEMA = "projects/wayside/schemas/schema"
RECEIPT = types.Schema(
    type_="PROTOCOL_BUFFER", definition="package wayside.v1; message Receipt {}"
)._pb


class FullDisk(Storage):
    """A storage whose disk can be full."""

    full = False

    def commit(self) -> None:
        if self.full:
            raise sqlite3.OperationalError("database or disk is full")
        super().commit()


class Server:
    """A topic, a subscription and a schema, all on disk."""

    async def start(self, folder: Path) -> None:
        self.storage = FullDisk(folder)
        self.committer = Committer(self.storage, asyncio.get_running_loop())
        self.catalog = Catalog(self.committer, Clock(), Capacity())
        self.registry = Registry(self.committer, self.catalog)
        await self.registry.load()
        await self.catalog.load()

    async def fill(self) -> None:
        await self.registry.create(SCHEMA, RECEIPT)
        settings = {"schema": SCHEMA, "encoding": "BINARY"}
        await self.catalog.create_topic(types.Topic(name=TOPIC, schema_settings=settings)._pb)
        config = types.Subscription(name=SUBSCRIPTION, topic=TOPIC)._pb
        complete_subscription(config)
        await self.catalog.create_subscription(config)

    def seen(self) -> tuple[Any, ...]:
        """All that a client can see, and who gets a topic's messages."""
        return (
            {name: topic.config.SerializeToString() for name, topic in self.catalog.topics.items()},
            {name: list(topic.subscriptions) for name, topic in self.catalog.topics.items()},
            {
                name: (item.config.SerializeToString(), item.policy)
                for name, item in self.catalog.subscriptions.items()
            },
            {name: item.config.SerializeToString() for name, item in self.registry.schemas.items()},
        )


def run(folder: Path, scenario: Callable[[Server], Awaitable[None]]) -> None:
    async def main() -> None:
        server = Server()
        await server.start(folder)
        try:
            await server.fill()
            await scenario(server)
        finally:
            server.committer.close()

    asyncio.run(main())


def longer_deadline(config: Any) -> None:
    config.ack_deadline_seconds = 99


def without_schema(config: Any) -> None:
    config.ClearField("schema_settings")


CHANGES: dict[str, Callable[[Server], Awaitable[Any]]] = {
    "topic updated": lambda s: s.catalog.update_topic(TOPIC, without_schema),
    "topic deleted": lambda s: s.catalog.delete_topic(TOPIC),
    "subscription updated": lambda s: s.catalog.update_subscription(SUBSCRIPTION, longer_deadline),
    "subscription deleted": lambda s: s.catalog.delete_subscription(SUBSCRIPTION),
    "schema made": lambda s: s.registry.create(SCHEMA + "-2", RECEIPT),
    "schema revised": lambda s: s.registry.commit(SCHEMA, RECEIPT),
    "schema deleted": lambda s: s.registry.delete(SCHEMA),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_the_disk_does_not_take_is_not_seen(
    tmp_path: Path, change: Callable[[Server], Awaitable[Any]]
) -> None:
    async def scenario(server: Server) -> None:
        before = server.seen()
        server.storage.full = True
        with pytest.raises(StatusError, match="disk is full"):
            await change(server)
        assert server.seen() == before
        server.storage.full = False
        await change(server)
        assert server.seen() != before

    run(tmp_path, scenario)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_there_after_a_restart(
    tmp_path: Path, change: Callable[[Server], Awaitable[Any]]
) -> None:
    async def scenario(server: Server) -> None:
        await change(server)
        changed = server.seen()
        server.committer.close()
        await server.start(tmp_path)
        assert server.seen() == changed

    run(tmp_path, scenario)


def test_an_edit_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    def too_long(config: Any) -> None:
        config.ack_deadline_seconds = 601
        complete_subscription(config)

    async def scenario(server: Server) -> None:
        before = server.seen()
        with pytest.raises(StatusError, match="ack_deadline_seconds"):
            await server.catalog.update_subscription(SUBSCRIPTION, too_long)
        assert server.seen() == before

    run(tmp_path, scenario)


def test_edits_at_the_same_time_both_count(tmp_path: Path) -> None:
    def labelled(config: Any) -> None:
        config.labels["kept"] = "yes"

    async def scenario(server: Server) -> None:
        await asyncio.gather(
            server.catalog.update_subscription(SUBSCRIPTION, longer_deadline),
            server.catalog.update_subscription(SUBSCRIPTION, labelled),
        )
        config = server.catalog.subscription(SUBSCRIPTION).config
        assert (config.ack_deadline_seconds, dict(config.labels)) == (99, {"kept": "yes"})

    run(tmp_path, scenario)


def test_a_topic_knows_its_message_until_the_schema_is_deleted(tmp_path: Path) -> None:
    async def scenario(server: Server) -> None:
        topic = server.catalog.topic(TOPIC)
        assert server.registry.message_for(topic.config) is Receipt
        await server.registry.delete(SCHEMA)
        await server.registry.create(SCHEMA, RECEIPT)  # another one of the same name
        with pytest.raises(StatusError, match="was deleted"):
            server.registry.message_for(server.catalog.topic(TOPIC).config)

    run(tmp_path, scenario)
