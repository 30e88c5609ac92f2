"""What the fleet wants of a device, from the command to its force, through every real part."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import paho.mqtt.subscribe
import pytest
import yaml

from protos import topics
from protos.codec import decode, encode
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.line import Cloud, Program
from tests.support.processes import wait_until
from tests.support.small_agent import DEVICE, small_agent
from tests.support.update_reports import update_report

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

YARD = {"id": "yard", "source": "synthetic://b?width=64&height=64&fps=20"}
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """For all of them, one after the other; each sends rules of its own."""
    with Cloud(tmp_path_factory.mktemp("cloud")) as made:
        made.start()
        yield made


@pytest.fixture
def agent(tmp_path: Path, cloud: Cloud) -> Iterator[Program]:
    config = small_agent(
        tmp_path / "agent", cameras=[YARD], heartbeat={"interval_s": 1},
        mqtt={"port": cloud.broker_port, "retry_initial_s": 0.1, "retry_max_s": 1.0},
    )  # fmt: skip
    with Program("edge.cli", ["run", "-c", str(config)], tmp_path / "agent.log") as program:
        program.start()
        wait_until(lambda: presence(cloud) == "online", "the device", 60)
        yield program


def presence(cloud: Cloud) -> str:
    """Of the one device; empty while it is not known, or the API is not there."""
    try:
        devices = cloud.ask("/v1/devices")["devices"]
    except OSError:
        return ""
    return str(devices[0]["presence"]) if devices else ""


def watched(zone: str, camera: str = "yard") -> dict[str, Any]:
    rule = {"id": f"in-{zone}", "kind": "zone", "zone": zone, "min_s": 0}
    return {"id": camera, "zones": [{"id": zone, "points": WHOLE}], "rules": [rule]}


def command(cloud: Cloud, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cloud.cli", "desired", *arguments, "-c", str(cloud.config)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def send_rules(cloud: Cloud, *cameras: dict[str, Any]) -> int:
    """Send rules by the command; their revision."""
    file = cloud.folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"cameras": list(cameras)}))
    done = command(cloud, "rules", DEVICE, str(file))
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("revision ")[1].split(":")[0])


def desired(cloud: Cloud) -> dict[str, Any]:
    return dict(cloud.ask(f"/v1/devices/{DEVICE}/desired"))


def is_in_force(cloud: Cloud, revision: int) -> bool:
    found = desired(cloud)
    return (found["revision"], found["standing"]) == (revision, "in-force")


def retained(cloud: Cloud) -> DesiredState:
    """What the broker keeps for the device; waits until there is anything."""
    message = paho.mqtt.subscribe.simple(  # type: ignore[no-untyped-call]
        topics.config(DEVICE), port=cloud.broker_port
    )
    return decode(DesiredState, message.payload)


def stand_still(serve: int, file: Path) -> None:
    """Stop a process at a moment at which it does not write the database."""

    def stopped() -> bool:
        os.kill(serve, signal.SIGSTOP)
        try:
            with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            os.kill(serve, signal.SIGCONT)
            return False
        return True

    wait_until(stopped, "a moment between two writes")


def test_rules_are_sent_taken_refused_and_told(cloud: Cloud, agent: Program) -> None:
    first = send_rules(cloud, watched("sent-zone"))
    wait_until(lambda: is_in_force(cloud, first), "the rules in force", 30)

    def entered() -> bool:
        return bool(cloud.ask("/v1/events", device=DEVICE, rule="in-sent-zone")["events"])

    wait_until(entered, "an event by the rule that was sent", 60)

    second = send_rules(cloud, watched("sent-zone", camera="shed"))
    wait_until(lambda: desired(cloud)["standing"] == "refused", "the refusal", 30)
    found = desired(cloud)
    assert (found["revision"], found["reported_revision"]) == (second, first)
    assert "there is no camera 'shed' on this device; it has yard" in found["refusal"]
    shown = command(cloud, "show", DEVICE).stdout
    assert f"shall be revision {second}, says {first}: refused" in shown
    assert "there is no camera" in shown

    third = send_rules(cloud)
    wait_until(lambda: is_in_force(cloud, third), "its own rules again", 30)
    assert retained(cloud).revision == third
    assert agent.stop() == 0


def test_what_the_broker_forgot_comes_again(cloud: Cloud, agent: Program, tmp_path: Path) -> None:
    revision = send_rules(cloud, watched("second-zone"))
    wait_until(lambda: is_in_force(cloud, revision), "the rules in force", 30)
    assert agent.stop() == 0
    wait_until(lambda: presence(cloud) == "offline", "its goodbye", 30)
    paho.mqtt.publish.single(
        topics.config(DEVICE), None, qos=1, retain=True, port=cloud.broker_port
    )
    (tmp_path / "agent" / "data" / "desired.pb").unlink()  # as on a new board

    agent.start()
    wait_until(lambda: presence(cloud) == "online", "the device", 60)
    wait_until(lambda: is_in_force(cloud, revision), "the rules in force again", 60)
    assert retained(cloud).revision == revision
    assert agent.stop() == 0


def test_what_was_committed_is_sent_though_serve_dies(cloud: Cloud, agent: Program) -> None:
    """It stands still while the change is committed, and is killed before it could publish."""
    serve = int((cloud.folder / "data" / "run" / "serve.pid").read_text())
    stand_still(serve, cloud.folder / "data" / "fleet.sqlite")
    try:
        revision = send_rules(cloud, watched("third-zone"))
    finally:
        os.kill(serve, signal.SIGKILL)
    wait_until(lambda: retained(cloud).revision == revision, "the message at the broker", 60)
    wait_until(lambda: presence(cloud) == "online", "the API again", 60)
    wait_until(lambda: is_in_force(cloud, revision), "the rules in force", 60)
    assert agent.stop() == 0


def test_what_a_device_says_of_an_update_is_shown(cloud: Cloud, agent: Program) -> None:
    ordered = command(cloud, "model", DEVICE, "detector", "1.1.0")
    assert ordered.returncode == 0, ordered.stderr
    deployment = desired(cloud)["orders"][0]["deployment"]
    wait_until(lambda: retained(cloud).targets, "the order at the broker", 30)
    [target] = retained(cloud).targets
    assert (target.name, target.version, target.deployment) == ("detector", "1.1.0", deployment)

    steps = ((1, UpdateReport.PENDING), (3, UpdateReport.REJECTED), (2, UpdateReport.OFFERED))
    for transition, state in steps:
        report = update_report(transition, state, device=DEVICE, deployment=deployment)
        paho.mqtt.publish.single(
            topics.updates(DEVICE), encode(report), qos=1, port=cloud.broker_port
        )

    def told() -> list[str]:
        updates = cloud.ask(f"/v1/devices/{DEVICE}/updates")["updates"]
        return sorted(step["state"] for update in updates for step in update["steps"])

    wait_until(lambda: told() == ["offered", "pending", "rejected"], "the reports", 30)
    assert desired(cloud)["orders"][0]["state"] == "rejected"
    assert "rejected" in command(cloud, "show", DEVICE).stdout
    assert agent.stop() == 0
