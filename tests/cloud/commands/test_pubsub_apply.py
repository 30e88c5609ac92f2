"""`wayside-cloud pubsub apply`: what it says, asks, does, and how it ends."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.bus.admin import Admin
from cloud.bus.plan import Create, State
from cloud.bus.settings import BusSettings
from cloud.bus.topology import EVENT_BATCH_SCHEMA, EVENTS, Schema, Subscription, Topic
from cloud.cli import app
from tests.support.processes import ServerProcess
from tests.support.pubsub import embedded_pubsub


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = embedded_pubsub(tmp_path_factory.mktemp("pubsub"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def settings(server: ServerProcess) -> BusSettings:
    project = f"test-{uuid.uuid4().hex[:12]}"
    return BusSettings(project=project, endpoint=f"127.0.0.1:{server.port}")


@pytest.fixture
def config(settings: BusSettings, tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    bus = f"bus: {{endpoint: '{settings.endpoint}', project: {settings.project}}}\n"
    path.write_text("pubsub: null\n" + bus)
    return path


def apply(config: Path, *options: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["pubsub", "apply", "-c", str(config), *options], input=answer)


def state(settings: BusSettings) -> State:
    with Admin(settings) as admin:
        return admin.state()


def test_check_changes_nothing(config: Path, settings: BusSettings) -> None:
    result = apply(config, "--check")
    assert result.exit_code == 1
    assert "+ subscription ingest\n" in result.output
    assert "Do this?" not in result.output
    assert state(settings) == State()


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_without_a_yes_nothing_is_done(config: Path, settings: BusSettings, answer: str) -> None:
    result = apply(config, answer=answer)
    assert result.exit_code == 1
    assert "Do this?" in result.output
    assert state(settings) == State()


def test_a_second_time_nothing_differs_and_nobody_is_asked(config: Path) -> None:
    first = apply(config, answer="y\n")
    assert first.exit_code == 0
    assert first.output.rstrip().endswith("done.")
    for options in ([], ["--check"], ["--yes"]):
        again = apply(config, *options)
        assert again.exit_code == 0
        assert "Nothing differs." in again.output
        assert "Do this?" not in again.output


def test_what_stays_different_ends_with_one(config: Path, settings: BusSettings) -> None:
    with Admin(settings) as admin:
        for made in (Topic("billing"), Subscription("ingest", "billing")):
            admin.carry_out(Create(made))
    result = apply(config, "--yes")
    assert result.exit_code == 1
    assert "! subscription ingest\n    topic: billing -> wayside-events\n" in result.output
    assert "? topic billing: not in the topology, left alone" in result.output
    found = state(settings)
    assert found.subscriptions["ingest"].topic == "billing"
    assert EVENTS in found.topics


def test_yes_and_check_contradict_each_other(config: Path, settings: BusSettings) -> None:
    result = apply(config, "--yes", "--check")
    assert result.exit_code == 2
    assert "contradict" in result.stderr
    assert state(settings) == State()


def test_what_the_server_refuses_is_told_and_the_rest_is_done(
    config: Path, settings: BusSettings
) -> None:
    with Admin(settings) as admin:
        other = 'syntax = "proto3"; package wayside.v1; message Receipt {}'
        admin.carry_out(Create(Schema(EVENT_BATCH_SCHEMA, other)))
    result = apply(config, "--yes")
    assert result.exit_code == 1
    assert f"Pub/Sub refuses schema {EVENT_BATCH_SCHEMA}" in result.stderr
    assert "Traceback" not in result.stderr
    assert EVENTS in state(settings).topics


def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    config = tmp_path / "cloud.yaml"
    config.write_text("pubsub: null\nbus: {endpoint: '127.0.0.1:9', start_timeout_s: 0.1}\n")
    result = apply(config, "--check")
    assert result.exit_code == 1
    assert "Pub/Sub at 127.0.0.1:9 did not answer within 0.1 s" in result.stderr
