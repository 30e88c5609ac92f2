"""The Pub/Sub servers and the fleet's databases of the contract suites."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.cloud.pubsub_v1.subscriber.message import Message
from google.cloud.pubsub_v1.types import FlowControl

from cloud.bus.client import publisher_client, subscriber_client
from cloud.bus.settings import BusSettings
from cloud.fleet.database import FleetDatabase
from tests.support.fleet import Clock, fleet_file
from tests.support.postgresql import Postgresql, new_postgresql
from tests.support.processes import ServerProcess
from tests.support.pubsub import embedded_pubsub, google_emulator
from tests.support.pubsub_project import TIMEOUT_S, Project, Stream


@pytest.fixture(scope="package", params=["embedded", "emulator"])
def pubsub_process(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    make = embedded_pubsub if request.param == "embedded" else google_emulator
    process = make(tmp_path_factory.mktemp("pubsub"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def project(pubsub_process: ServerProcess) -> Iterator[Project]:
    settings = BusSettings(endpoint=f"127.0.0.1:{pubsub_process.port}")
    publisher = publisher_client(settings)
    with closing(publisher.transport), closing(subscriber_client(settings)) as subscriber:
        is_emulator = pubsub_process.command[0] == "java"
        project = f"projects/test-{uuid.uuid4().hex[:12]}"
        made = Project(pubsub_process, is_emulator, publisher, subscriber, project)
        publisher.create_topic(name=made.topic)
        yield made


@pytest.fixture
def stream(project: Project) -> Iterator[Callable[..., Stream]]:
    futures = []

    def start(act: Callable[[Message], None] = Message.ack, max_messages: int = 1000) -> Stream:
        inbox = Stream(act)
        flow = FlowControl(max_messages=max_messages)
        futures.append(project.subscriber.subscribe(project.subscription, inbox, flow))
        return inbox

    yield start
    for future in futures:
        future.cancel()
        future.result(TIMEOUT_S)


@pytest.fixture(scope="package")
def postgresql() -> Iterator[Postgresql]:
    server = new_postgresql()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Of the fleet's database."""
    return str(request.param)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """Of a database without tables."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/folder/fleet.sqlite"
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """Of a database with the fleet's tables, and nothing in them."""
    if kind == "sqlite":
        return fleet_file(tmp_path / "folder" / "fleet.sqlite")
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.new_fleet_database()


@pytest.fixture
def database(url: str) -> Iterator[FleetDatabase]:
    with closing(FleetDatabase(url)) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()
