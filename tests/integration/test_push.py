"""The push endpoint as a process has it, and pushed to by Google's emulator."""

import base64
import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from cloud.app.http import answer
from cloud.app.push import run_push
from cloud.bus.apply import ensure
from cloud.bus.client import subscriber_client
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.settings import BusSettings
from cloud.bus.topology import EVENTS, subscription_path, topic_path
from cloud.errors import StartError
from cloud.ingest.push import create_push_app
from cloud.ingest.push_door import PushDoor
from cloud.ingest.settings import IngestSettings
from cloud.ingest.worker import IngestWorker
from cloud.settings import CloudSettings
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import EventQuery
from protos.codec import decode, encode
from protos.v1.receipt_pb2 import Receipt
from tests.support.fake_store import FakeStore
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.pubsub import embedded_pubsub, google_emulator
from tests.support.push_tokens import AUDIENCE, PUSHER, TokenKey
from tests.support.stored import batch_of, person
from wayside.net import port_is_open

KEY = TokenKey.new()
BATCH = encode(batch_of(person(1), person(2)))


@contextmanager
def running(program: Callable[[threading.Event], None], port: int) -> Iterator[None]:
    """The program in a thread, answering on its port, ended in order; its error is the test's."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            program(stop)
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: errors or port_is_open("127.0.0.1", port), f"port {port}")
        yield
    finally:
        stop.set()
        thread.join()
        if errors:
            raise errors[0]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = embedded_pubsub(tmp_path_factory.mktemp("pubsub"))
    server.start()
    yield server
    server.stop()


def settings(folder: Path, pubsub_port: int, **push: object) -> CloudSettings:
    written = {
        "data_dir": folder, "pubsub": None,
        "bus": {"endpoint": f"127.0.0.1:{pubsub_port}"},
        "push": {
            "port": free_port(), "audience": AUDIENCE, "service_accounts": [PUSHER], **push
        },
    }  # fmt: skip
    return CloudSettings.model_validate(written)


def test_a_push_is_stored_and_receipted_by_the_whole_process(
    tmp_path: Path, embedded: ServerProcess
) -> None:
    chosen = settings(tmp_path, embedded.port)
    ensure(chosen.bus)
    url = f"http://127.0.0.1:{chosen.push.port}/push"
    message = {"message": {"data": base64.b64encode(BATCH).decode(), "messageId": "1"}}
    good = {"Authorization": f"Bearer {KEY.token()}"}

    with running(lambda stop: run_push(chosen, stop, KEY.certificates), chosen.push.port):
        with httpx.Client(trust_env=False) as client:
            assert client.post(url, json=message).status_code == 401
            assert client.post(url, json=message, headers=good).status_code == 204
            assert client.post(url, content=BATCH, headers=good).status_code == 204
            assert client.post(url, content=b"garbage", headers=good).status_code == 204
            # 20 MiB, sent in pieces without a length: given up at the limit.
            pieces = (b"x" * 1_048_576 for _ in range(20))
            with contextlib.suppress(httpx.WriteError):
                assert client.post(url, content=pieces, headers=good).status_code == 413
        with closing(subscriber_client(chosen.bus)) as subscriber:
            path = subscription_path(chosen.bus.project, "downlink")
            found = subscriber.pull(subscription=path, max_messages=10).received_messages
            receipt = decode(Receipt, found[0].message.data)
            assert [(one.first_seq, one.last_seq) for one in receipt.ranges] == [(1, 2)]
            letters = subscription_path(chosen.bus.project, "dead-letter")
            [letter] = subscriber.pull(subscription=letters, max_messages=10).received_messages
            assert letter.message.data == b"garbage"

    store = DuckDbStore(tmp_path / "events.duckdb")
    with closing(store):
        assert len(store.events(EventQuery()).events) == 2


@pytest.mark.parametrize("push", [{"audience": None}, {"service_accounts": []}])
def test_an_endpoint_that_lets_nobody_in_does_not_start(
    tmp_path: Path, push: dict[str, object]
) -> None:
    with pytest.raises(StartError, match=r"push\.audience"):
        run_push(settings(tmp_path, free_port(), **push), threading.Event())


def test_a_port_that_is_taken_is_told(tmp_path: Path, embedded: ServerProcess) -> None:
    chosen = settings(tmp_path, embedded.port, port=embedded.port)
    with pytest.raises(StartError, match=r"is taken; set push\.port"):
        run_push(chosen, threading.Event(), KEY.certificates)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    server = google_emulator(tmp_path_factory.mktemp("emulator"))
    server.start()
    yield server
    server.stop()


def test_what_googles_emulator_pushes_is_stored(emulator: ServerProcess) -> None:
    """It sends no token, so the one thing left out here is the token."""
    bus = BusSettings(
        project=f"test-{uuid.uuid4().hex[:12]}", endpoint=f"127.0.0.1:{emulator.port}"
    )
    ensure(bus)
    store, port = FakeStore(), free_port()
    publisher = GooglePublisher(bus)
    door = PushDoor(publisher)
    worker = IngestWorker(IngestSettings(), store, door, publisher, receipt_timeout_s=5)
    app = create_push_app(door, lambda _: PUSHER, store, lambda: worker.running, 16 * 1024 * 1024)
    worker.start()
    store.away = True
    with (
        running(lambda stop: answer(app, "127.0.0.1", port, "the test's endpoint", stop), port),
        closing(subscriber_client(bus)) as subscriber,
    ):
        subscriber.create_subscription(
            name=subscription_path(bus.project, "pushed"),
            topic=topic_path(bus.project, EVENTS),
            push_config={"push_endpoint": f"http://127.0.0.1:{port}/push"},
        )
        publisher.publish(EVENTS, BATCH, {"deviceId": "cam-box"}).result(20)
        publisher.publish(EVENTS, b"garbage", {"deviceId": "cam-box"}).result(20)
        store.away = False
        wait_until(lambda: store.writes, "the batch, pushed again until the store is back")
        letters = subscription_path(bus.project, "dead-letter")
        [letter] = subscriber.pull(subscription=letters, max_messages=10).received_messages
        assert letter.message.data == b"garbage"
        assert letter.message.attributes["deviceId"] == "cam-box"
    worker.stop()
    publisher.close()
    assert {event.id.seq for event in store.events(EventQuery()).events} == {1, 2}
