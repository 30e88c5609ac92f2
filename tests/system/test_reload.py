"""Cameras and rules change while the agent runs, from its file; `test_way_down`: from the cloud."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protos.v1.event_batch_pb2 import EventBatch
from tests.support.line import Program
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, wait_until
from tests.support.small_agent import small_agent
from tests.support.small_cloud import SmallCloud

pytestmark = pytest.mark.system

WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
STEADY = {"id": "steady", "source": "synthetic://a?width=64&height=64&frames=1000000000",
          "pace": "lossless"}  # fmt: skip
YARD = {"id": "yard", "source": "synthetic://b?width=64&height=64&fps=20"}
ROOF = {"id": "roof", "source": "synthetic://c?width=64&height=64&fps=20"}


def watched(camera: dict[str, Any], zone: str) -> dict[str, Any]:
    rule = {"id": f"in-{zone}", "kind": "zone", "zone": zone, "min_s": 0}
    return {**camera, "zones": [{"id": zone, "points": WHOLE}], "rules": [rule]}


class Agent:
    """A running agent whose settings change."""

    def __init__(self, folder: Path, broker: ServerProcess) -> None:
        self._folder = folder
        self._broker = broker
        self.write(STEADY, YARD)
        arguments = ["run", "-c", str(folder / "edge.yaml")]
        self.program = Program("edge.cli", arguments, folder / "agent.log")

    def write(self, *cameras: dict[str, Any], **more: Any) -> None:
        small_agent(
            self._folder, cameras=list(cameras), mqtt={"port": self._broker.port},
            status={"file": "status.json", "interval_s": 0.1}, heartbeat={"interval_s": 1},
            **more,
        )  # fmt: skip

    def reload(self) -> None:
        os.kill(self.program.pid, signal.SIGHUP)

    def cameras(self) -> dict[str, dict[str, Any]]:
        path = self._folder / "status.json"
        if not path.exists():
            return {}
        return {camera["camera"]: camera for camera in json.loads(path.read_text())["cameras"]}

    def frames(self, camera: str) -> int:
        return int(self.cameras().get(camera, {}).get("frames_inferred", 0))

    def goes_on(self, camera: str) -> None:
        seen = self.frames(camera)
        wait_until(lambda: self.frames(camera) > seen, f"{camera} goes on", 30)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ServerProcess]:
    server = mosquitto(tmp_path / "broker")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def cloud(broker: ServerProcess) -> Iterator[SmallCloud]:
    small = SmallCloud(broker.port)
    small.start()
    assert small.subscribed.wait(20)
    yield small
    small.stop()


@pytest.fixture
def agent(tmp_path: Path, broker: ServerProcess) -> Iterator[Agent]:
    running = Agent(tmp_path / "agent", broker)
    with running.program as program:
        program.start()
        wait_until(lambda: running.frames("steady") and running.frames("yard"), "frames", 60)
        yield running


def ids_by_camera(cloud: SmallCloud, camera: str) -> list[int]:
    """Track ids in the order in which they were told to begin."""
    return [
        event.object.track_id
        for event in list(cloud.events.values())
        if event.camera == camera and event.kind == EventBatch.OBJECT_STARTED
    ]


def entered(cloud: SmallCloud, zone: str) -> bool:
    return any(event.rule_hit.target == zone for event in list(cloud.events.values()))


def test_cameras_and_rules_change_and_another_camera_loses_no_frame(
    agent: Agent, cloud: SmallCloud
) -> None:
    agent.write(STEADY, watched(YARD, "gate"), ROOF)
    agent.reload()
    wait_until(lambda: agent.frames("roof") > 3, "the camera that came", 30)
    wait_until(lambda: entered(cloud, "gate"), "the rule that came", 30)
    assert agent.cameras()["yard"]["source"]["reconnects"] == 0

    agent.write(STEADY, {**YARD, "max_frame_age_ms": 900})
    agent.reload()
    wait_until(lambda: list(agent.cameras()) == ["steady", "yard"], "the camera that went", 30)
    agent.goes_on("yard")
    agent.goes_on("steady")

    assert agent.program.stop() == 0
    steady = agent.cameras()["steady"]
    assert steady["frames_inferred"] == steady["frames_captured"]
    assert not any(steady["dropped"].values())
    yard = ids_by_camera(cloud, "yard")
    assert len(yard) == len(set(yard)), "a camera that begins anew uses no id again"


def test_settings_that_are_refused_leave_the_old_ones_running(agent: Agent) -> None:
    agent.write(STEADY, {**YARD, "rules": [{"id": "x-y-z", "kind": "zone", "zone": "nowhere"}]})
    agent.reload()
    wait_until(lambda: "there is no zone 'nowhere'" in agent.program.output, "the refusal", 30)
    agent.write(STEADY, ROOF, data_dir="elsewhere")
    agent.reload()
    told = "only a restart can change data_dir; nothing was taken"
    wait_until(lambda: told in agent.program.output, "the other refusal", 30)
    agent.goes_on("steady")
    agent.goes_on("yard")
    assert agent.program.stop() == 0
    assert list(agent.cameras()) == ["steady", "yard"]
