"""The embedded Pub/Sub server, killed and started again."""

import asyncio
import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1 import SubscriberClient
from google.pubsub_v1 import PublisherClient

from cloud.bus.client import publisher_client, subscriber_client
from cloud.bus.settings import BusSettings
from cloud.embedded.pubsub.server import serve
from cloud.embedded.settings import PubsubServerSettings
from cloud.errors import StartError
from tests.support.processes import ServerProcess, free_port
from tests.support.pubsub import embedded_pubsub


class Clients:
    """Google's clients for a server that comes and goes."""

    def __init__(self, publisher: PublisherClient, subscriber: SubscriberClient) -> None:
        project = f"projects/test-{uuid.uuid4().hex[:12]}"
        self.topic = f"{project}/topics/topic"
        self.subscription = f"{project}/subscriptions/subscription"
        self.publisher = publisher
        self.subscriber = subscriber
        publisher.create_topic(name=self.topic)
        subscriber.create_subscription(name=self.subscription, topic=self.topic)

    def publish(self, *texts: str) -> list[str]:
        messages = [{"data": text.encode()} for text in texts]
        request = {"topic": self.topic, "messages": messages}
        return list(self.publisher.publish(request).message_ids)

    def pull(self, limit: int = 1000) -> list[Any]:
        """What a pull finds now."""
        try:
            response = self.subscriber.pull(
                subscription=self.subscription, max_messages=limit, timeout=1.0, retry=None
            )
        except exceptions.DeadlineExceeded:
            return []
        return list(response.received_messages)

    def pull_all(self) -> list[Any]:
        """Everything that is to be had."""
        found: list[Any] = []
        while more := self.pull():
            found.extend(more)
        return found

    def ack(self, received: list[Any]) -> None:
        if received:
            ids = [item.ack_id for item in received]
            self.subscriber.acknowledge(subscription=self.subscription, ack_ids=ids)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pubsub")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    process = embedded_pubsub(folder, window_messages=50)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def clients(server: ServerProcess) -> Iterator[Clients]:
    settings = BusSettings(endpoint=f"127.0.0.1:{server.port}", retry_max_s=0.2)
    publisher = publisher_client(settings)
    with closing(publisher.transport), closing(subscriber_client(settings)) as subscriber:
        yield Clients(publisher, subscriber)


def texts(received: list[Any]) -> set[str]:
    return {item.message.data.decode() for item in received}


def test_accepted_messages_come_again_after_kills_and_acknowledged_ones_do_not(
    server: ServerProcess, clients: Clients
) -> None:
    chance = random.Random(5)
    published: set[str] = set()
    acknowledged: set[str] = set()
    ids: list[str] = []
    for start in range(2):
        new = [f"{start}-{n}" for n in range(40)]
        ids += clients.publish(*new)
        published |= set(new)
        received = clients.pull(limit=60)
        settled = [item for item in received if chance.random() < 0.5]
        clients.ack(settled)
        acknowledged |= texts(settled)
        server.kill()
        server.start()
    left = clients.pull_all()
    assert texts(left) == published - acknowledged
    assert len(left) == len(texts(left))
    assert len(set(ids)) == len(ids)


def test_an_ack_id_from_before_a_kill_still_counts(server: ServerProcess, clients: Clients) -> None:
    clients.publish("once")
    received = clients.pull()
    server.kill()
    server.start()
    clients.ack(received)
    assert clients.pull() == []


def test_a_backlog_beyond_the_window_is_read_from_disk(
    server: ServerProcess, clients: Clients
) -> None:
    expected = {str(n) for n in range(400)}
    clients.publish(*sorted(expected))
    found: set[str] = set()
    for _ in range(100):
        received = clients.pull()
        clients.ack(received)
        found |= texts(received)
        if found == expected:
            break
    assert found == expected


def test_a_deleted_topic_and_subscription_stay_deleted(
    server: ServerProcess, clients: Clients
) -> None:
    clients.publish("gone")
    clients.subscriber.delete_subscription(subscription=clients.subscription)
    clients.publisher.delete_topic(topic=clients.topic)
    server.kill()
    server.start()
    with pytest.raises(exceptions.NotFound):
        clients.publisher.get_topic(topic=clients.topic)
    with pytest.raises(exceptions.NotFound):
        clients.subscriber.get_subscription(subscription=clients.subscription)


def test_a_second_server_may_have_neither_the_port_nor_the_folder(
    server: ServerProcess, folder: Path, tmp_path: Path
) -> None:
    never = threading.Event()
    other_folder = PubsubServerSettings(port=server.port, data_dir=tmp_path / "other")
    with pytest.raises(StartError, match="is another program using the port"):
        asyncio.run(serve(other_folder, never))
    other_port = PubsubServerSettings(port=free_port(), data_dir=folder / "pubsub")
    with pytest.raises(StartError, match="is another Pub/Sub server using this folder"):
        asyncio.run(serve(other_port, never))


def test_sigterm_ends_it_while_streams_are_open(server: ServerProcess, clients: Clients) -> None:
    stream = clients.subscriber.subscribe(clients.subscription, lambda message: message.ack())
    clients.publish("x")
    server.stop()
    assert "pubsub stopped" in server.log.read_text()
    server.start()
    stream.cancel()
    stream.result(10)
