"""`wayside-cloud deadletter` with the embedded server and Google's emulator."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.bus.apply import ensure
from cloud.bus.client import subscriber_client
from cloud.bus.dead_letter_box import DeadLetterBox
from cloud.bus.dead_letters import refusal_attributes
from cloud.bus.google_publisher import GooglePublisher
from cloud.bus.settings import BusSettings
from cloud.bus.topology import DEAD_LETTER, subscription_path
from cloud.cli import app
from cloud.errors import BusError
from protos.codec import encode
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.pubsub import embedded_pubsub, google_emulator
from tests.support.stored import batch_of, person

BATCH = encode(batch_of(person(1)))


@pytest.fixture(scope="module", params=["embedded", "emulator"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    make = embedded_pubsub if request.param == "embedded" else google_emulator
    process = make(tmp_path_factory.mktemp("pubsub"))
    process.start()
    yield process
    process.stop()


class Cloud:
    """A project of its own, and the command on it."""

    def __init__(self, port: int, folder: Path) -> None:
        self.bus = BusSettings(
            project=f"test-{uuid.uuid4().hex[:12]}", endpoint=f"127.0.0.1:{port}",
            attempt_timeout_s=2,
        )  # fmt: skip
        self.config = folder / "cloud.yaml"
        self.config.write_text(
            f"pubsub: null\nlog: {{level: error}}\nbus:\n  project: {self.bus.project}\n"
            f"  endpoint: {self.bus.endpoint}\n  attempt_timeout_s: 2\n"
        )

    def refuse(self, data: bytes, reason: str, source: str, device: str = "") -> None:
        attributes = refusal_attributes(reason, source, len(data))
        if device:
            attributes["deviceId"] = device
        with closing(GooglePublisher(self.bus)) as publisher:
            publisher.publish(DEAD_LETTER, data, attributes).result(20)

    def run(self, *arguments: str, answer: str = "") -> Result:
        command = ["deadletter", *arguments, "-c", str(self.config), "--quiet", "1"]
        return CliRunner().invoke(app, command, input=answer)

    def ids(self) -> dict[str, str]:
        """Message ids by reason."""
        with closing(DeadLetterBox(self.bus, quiet_s=1)) as box:
            found = box.collect(1000, 20, 60)
            box.put_back(found.letters)
        return {letter.reason: letter.message_id for letter in found.letters}

    def arrived(self) -> list[bytes]:
        """What came to ingest since this was last asked."""
        with closing(subscriber_client(self.bus)) as subscriber:
            path = subscription_path(self.bus.project, "ingest")
            found = subscriber.pull(subscription=path, max_messages=10, timeout=10)
            ids = [one.ack_id for one in found.received_messages]
            subscriber.acknowledge(subscription=path, ack_ids=ids)
            return [one.message.data for one in found.received_messages]


@pytest.fixture
def cloud(server: ServerProcess, tmp_path: Path) -> Cloud:
    made = Cloud(server.port, tmp_path)
    ensure(made.bus)
    return made


def test_messages_are_listed_shown_and_replayed(cloud: Cloud) -> None:
    cloud.refuse(BATCH, "the store was wrong", "ingest", "cam-box")
    cloud.refuse(b"\xff", "no EventBatch \x1b[31m", "/devices/gate-1/events/state")
    cloud.refuse(b"whatever", "somebody's", "")

    listed = cloud.run("list")
    assert listed.exit_code == 0, listed.output
    assert "3 of 3 messages" in listed.output
    assert "cam-box" in listed.output
    assert "gate-1" in listed.output
    assert "\x1b[31m" not in listed.output
    assert "1 of 3 messages" in cloud.run("list", "--device", "gate-1").output

    number = cloud.ids()["the store was wrong"]
    shown = cloud.run("show", number)
    assert 'device: "cam-box"' in shown.output
    assert "reason: the store was wrong" in shown.output
    assert cloud.run("show", "none").exit_code == 1

    replayed = cloud.run("replay", number)
    assert (replayed.exit_code, f"{number}  published to wayside-events" in replayed.output) == (
        0, True,
    ), replayed.output  # fmt: skip
    assert cloud.arrived() == [BATCH]
    assert set(cloud.ids()) == {"no EventBatch \x1b[31m", "somebody's"}

    rest = cloud.run("replay", "--all", "--yes")
    assert rest.exit_code == 1
    assert rest.output.count("stays:") == 2
    assert len(cloud.ids()) == 2


def test_all_are_replayed_after_the_question(cloud: Cloud) -> None:
    assert cloud.run("list").output == "the dead letter is empty\n"
    for seq in range(1, 4):
        cloud.refuse(encode(batch_of(person(seq))), f"reason {seq}", "ingest")
    refused = cloud.run("replay", "--all", answer="n\n")
    assert refused.exit_code == 1
    assert len(cloud.ids()) == 3

    assert cloud.run("replay", "--reason", "REASON", answer="y\n").exit_code == 0
    got: list[bytes] = []

    def all_came() -> bool:
        got.extend(cloud.arrived())
        return len(got) == 3

    wait_until(all_came, "three batches")
    assert cloud.ids() == {}


def test_more_than_a_pull_brings_and_less_than_there_is(cloud: Cloud) -> None:
    with closing(GooglePublisher(cloud.bus)) as publisher:
        sent = [
            publisher.publish(
                DEAD_LETTER, b"x", refusal_attributes(f"reason {number}", "ingest", 1)
            )
            for number in range(250)
        ]
        for future in sent:
            future.result(20)
    assert len(cloud.ids()) == 250
    limited = cloud.run("list", "--limit", "7")
    assert "7 of 7 messages; there may be more" in limited.output
    assert len(cloud.ids()) == 250


def test_nothing_to_choose_is_told(cloud: Cloud) -> None:
    assert cloud.run("replay").exit_code == 2
    assert cloud.run("replay", "1", "--all").exit_code == 2
    nothing = cloud.run("replay", "1")
    assert nothing.exit_code == 1
    assert "none of the 0 messages found" in nothing.output


def test_a_half_made_project_is_told_what_to_do(server: ServerProcess, tmp_path: Path) -> None:
    listed = Cloud(server.port, tmp_path).run("list")
    assert listed.exit_code == 1
    assert "pubsub apply" in listed.output


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    listed = Cloud(free_port(), tmp_path).run("list")
    assert listed.exit_code == 1
    assert "does not answer" in listed.output


def test_a_server_that_goes_away_meanwhile_is_told(tmp_path: Path) -> None:
    server = embedded_pubsub(tmp_path)
    server.start()
    cloud = Cloud(server.port, tmp_path)
    ensure(cloud.bus)
    cloud.refuse(b"x", "reason", "ingest")
    with closing(DeadLetterBox(cloud.bus, quiet_s=1)) as box:
        found = box.collect(10, 20, 60)
        server.kill()
        with pytest.raises(BusError):
            box.put_back(found.letters)
