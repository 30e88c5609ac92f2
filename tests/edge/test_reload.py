"""Settings are taken over whole or refused whole, and who refuses says why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
import yaml

from edge.changes import Changes
from edge.desired import Desired, DesiredFile, load_with_desired
from edge.reload import Refusal, Reloader
from models.manifest import Manifest
from protos import topics
from protos.codec import encode
from protos.v1.desired_state_pb2 import DesiredState
from tests.support.processes import wait_until
from tests.support.small_agent import DEVICE, small_agent
from tests.support.tiny_detector import tiny_manifest

TOPIC = topics.config(DEVICE)
YARD = {"id": "yard", "source": "rtsp://192.0.2.1/a"}
ROOF = {"id": "roof", "source": "rtsp://192.0.2.3/c"}
ZONES = [{"id": "gate", "points": [[0.1, 0.2], [0.3, 0.4], [0.5, 0.1]]}]


def message(*cameras: dict[str, Any], revision: int = 1, device: str = DEVICE) -> bytes:
    text = yaml.safe_dump({"cameras": list(cameras)}).encode()
    return encode(DesiredState(schema=1, device=device, revision=revision, config_yaml=text))


class Agent:
    """An agent that notes what it is told to do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.happened: SimpleQueue[Changes | str] = SimpleQueue()
        self.manifests: dict[str | None, Manifest] = {}
        (folder / "data").mkdir(exist_ok=True)

    @contextmanager
    def running(self, *cameras: dict[str, Any], **more: Any) -> Iterator[Reloader]:
        settings, desired = load_with_desired(self.write(*cameras, **more))
        put = self.happened.put
        file = self.folder / "edge.yaml"
        with Reloader(file, settings, desired, put, put, lambda: self.manifests) as reloader:
            yield reloader

    def write(self, *cameras: dict[str, Any], **more: Any) -> Path:
        return small_agent(self.folder, cameras=list(cameras), **more)

    def next(self) -> Changes | str:
        return self.happened.get(timeout=20)

    def applied(self) -> Changes:
        found = self.next()
        assert isinstance(found, Changes)
        return found

    def refusal(self) -> str:
        found = self.next()
        assert isinstance(found, str)
        return found

    def has_nothing(self) -> bool:
        with pytest.raises(Empty):
            self.happened.get_nowait()
        return True


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path)


def test_the_file_is_read_again_when_asked(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        agent.write(YARD, ROOF)
        reloader.ask()
        assert [camera.id for camera in agent.applied().added] == ["roof"]
        agent.write(ROOF)
        reloader.ask()
        assert agent.applied() == Changes(removed=("yard",))
        reloader.ask()
        assert not agent.applied()


def test_a_file_that_is_refused_changes_nothing(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        agent.write({**YARD, "zones": [{"id": "x"}]}, ROOF)
        reloader.ask()
        said = agent.refusal()
        assert said.startswith("settings refused: ")
        assert "cameras[0].zones[0].id: id 'x' is not allowed" in said
        (agent.folder / "edge.yaml").unlink()
        reloader.ask()
        assert "cannot be read: No such file or directory" in agent.refusal()
        agent.write(YARD, ROOF)
        reloader.ask()
        assert [camera.id for camera in agent.applied().added] == ["roof"]


def test_what_only_a_restart_can_change_is_refused_whole(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        agent.write(YARD, ROOF, mqtt={"port": 2})
        reloader.ask()
        assert agent.refusal() == (
            "settings refused: only a restart can change mqtt.port; nothing was taken"
        )


def test_a_network_that_no_camera_uses_for_a_while_stays_loaded(agent: Agent) -> None:
    more = {"models": {"other": {"name": "tiny.yaml"}}}
    roof = {**ROOF, "model": "other"}
    with agent.running(YARD, roof, **more) as reloader:
        agent.write({**YARD, "model": "other"}, roof, **more)
        reloader.ask()
        assert agent.applied().told == {"begun_anew": ["yard"]}
        agent.write(YARD, roof, **more)
        reloader.ask()
        assert agent.applied().told == {"begun_anew": ["yard"]}


def test_rules_from_the_cloud_are_taken_kept_and_told(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        assert reloader.revision == 0
        reloader.on_message(TOPIC, message({"id": "yard", "zones": ZONES}, revision=4))
        [yard] = agent.applied().ruled
        assert [zone.id for zone in yard.zones] == ["gate"]
        agent.write(YARD, ROOF)
        reloader.ask()
        assert agent.applied().told == {"added": ["roof"]}
        assert reloader.revision == 4
    assert DesiredFile(agent.folder / "data", DEVICE).read().revision == 4
    with agent.running(YARD, ROOF) as reloader:
        assert reloader.revision == 4


def test_the_same_again_and_older_ones_change_nothing(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        newest = message({"id": "yard", "zones": ZONES}, revision=4)
        reloader.on_message(TOPIC, newest)
        agent.applied()
        older = message(revision=3)
        for payload in (newest, older, newest):
            reloader.on_message(TOPIC, payload)
            reloader.ask()
            assert not agent.applied()
        reloader.on_message(topics.command(DEVICE, "receipts"), older)
    assert agent.has_nothing()
    assert DesiredFile(agent.folder / "data", DEVICE).read().revision == 4


def test_what_the_cloud_takes_back_is_the_files_again(agent: Agent) -> None:
    with agent.running({**YARD, "zones": ZONES}) as reloader:
        reloader.on_message(TOPIC, message({"id": "yard", "zones": []}, revision=1))
        assert agent.applied().ruled[0].zones == ()
        reloader.on_message(TOPIC, message(revision=2))
        assert len(agent.applied().ruled[0].zones) == 1


def test_what_the_cloud_sent_wrong_is_said_once_and_tried_with_the_next_file(agent: Agent) -> None:
    wrong = message({"id": "roof", "zones": ZONES})
    with agent.running(YARD) as reloader:
        reloader.on_message(TOPIC, wrong)
        assert "there is no camera 'roof' on this device; it has yard" in agent.refusal()
        reloader.on_message(TOPIC, wrong)
        agent.write(YARD, ROOF)
        reloader.ask()
        assert agent.applied().told == {"added": ["roof"]}
        assert reloader.revision == 1
    assert agent.has_nothing()


def test_nonsense_and_others_messages_are_refused(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        reloader.on_message(TOPIC, b"\xff\xff")
        assert "settings refused: " in agent.refusal()
        reloader.on_message(TOPIC, message(device="gate-2"))
        assert "is for device 'gate-2'" in agent.refusal()
    assert DesiredFile(agent.folder / "data", DEVICE).read() == Desired()


def test_a_device_that_keeps_to_its_file_takes_nothing(agent: Agent) -> None:
    with agent.running(YARD, remote={"rules": False}) as reloader:
        reloader.on_message(TOPIC, message({"id": "yard", "zones": ZONES}))
        wait_until(lambda: reloader.refusal, "the refusal")
        reloader.ask()
        assert not agent.applied()
        assert reloader.revision == 0
        assert reloader.refusal == Refusal(
            1, "the device keeps to its own rules: remote.rules is false"
        )
    assert agent.has_nothing()
    assert DesiredFile(agent.folder / "data", DEVICE).read() == Desired()


def test_a_disk_that_refuses_does_not_refuse_the_rules(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        (agent.folder / "data").rename(agent.folder / "gone")
        reloader.on_message(TOPIC, message({"id": "yard", "zones": ZONES}))
        assert agent.refusal() == "the cloud's settings cannot be kept: No such file or directory"
        assert len(agent.applied().ruled) == 1


@pytest.mark.parametrize(
    "wrong",
    [b"\xff\xff", message(device="gate-2"), message({"id": "shed", "zones": ZONES}, revision=2)],
)
def test_what_the_cloud_sent_wrong_does_not_keep_the_file_from_being_taken(
    agent: Agent, wrong: bytes
) -> None:
    with agent.running(YARD) as reloader:
        reloader.on_message(TOPIC, wrong)
        agent.refusal()
        agent.write(YARD, ROOF)
        reloader.ask()
        assert "settings refused: " in agent.refusal()
        assert agent.applied().told == {"added": ["roof"]}
        reloader.on_message(TOPIC, wrong)  # with the next connection: it was said
        reloader.on_message(TOPIC, message({"id": "roof", "zones": ZONES}, revision=3))
        assert [camera.id for camera in agent.applied().ruled] == ["roof"]
    assert agent.has_nothing()


def test_a_camera_leaves_the_file_that_the_cloud_had_rules_for(agent: Agent) -> None:
    with agent.running(YARD, ROOF) as reloader:
        reloader.on_message(
            TOPIC, message({"id": "yard", "zones": ZONES}, {"id": "roof", "zones": ZONES})
        )
        assert len(agent.applied().ruled) == 2
        agent.write(YARD)
        reloader.ask()
        assert agent.applied().told == {"removed": ["roof"]}
        assert reloader.revision == 1
    with agent.running(YARD) as reloader:
        assert reloader.revision == 1, "as after a restart"
    assert agent.has_nothing()


def test_what_came_while_the_file_asked_for_a_restart_is_taken_once_that_is_mended(
    agent: Agent,
) -> None:
    with agent.running(YARD) as reloader:
        agent.write(YARD, mqtt={"port": 2})
        reloader.on_message(TOPIC, message({"id": "yard", "zones": ZONES}))
        assert "only a restart can change mqtt.port" in agent.refusal()
        agent.write(YARD)
        reloader.ask()
        assert len(agent.applied().ruled) == 1
        assert reloader.revision == 1


def test_the_cloud_hears_which_revision_is_not_taken_and_why(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        reloader.on_message(TOPIC, message({"id": "yard", "zones": ZONES}, revision=4))
        agent.applied()
        assert reloader.refusal is None
        reloader.on_message(TOPIC, message({"id": "roof", "zones": ZONES}, revision=5))
        agent.refusal()
        wait_until(lambda: reloader.refusal, "the refusal")
        assert reloader.refusal is not None
        assert (reloader.revision, reloader.refusal.revision) == (4, 5)
        assert "there is no camera 'roof'" in reloader.refusal.reason
        reloader.on_message(TOPIC, b"\xff\xff")
        agent.refusal()
        reloader.on_message(TOPIC, message(revision=9, device="gate-2"))
        agent.refusal()
        agent.write(YARD, ROOF)
        reloader.on_message(TOPIC, message({"id": "roof", "zones": ZONES}, revision=6))
        assert agent.applied().told == {"added": ["roof"], "new_rules": ["yard"]}
        wait_until(lambda: reloader.revision == 6, "the newest")
        assert reloader.refusal is None


def test_a_revision_that_would_need_a_restart_is_refused(agent: Agent) -> None:
    with agent.running(YARD) as reloader:
        agent.write(YARD, mqtt={"port": 2})
        reloader.on_message(TOPIC, message({"id": "yard", "zones": ZONES}))
        agent.refusal()
        wait_until(lambda: reloader.refusal, "the refusal")
        assert reloader.refusal == Refusal(
            1, "only a restart can change mqtt.port; nothing was taken"
        )


def test_a_refusal_is_told_in_bounds(agent: Agent) -> None:
    strangers = [{"id": f"cam-{number}", "source": "x"} for number in range(200)]
    with agent.running(YARD) as reloader:
        reloader.on_message(TOPIC, message(*strangers))
        agent.refusal()
        wait_until(lambda: reloader.refusal, "the refusal")
        assert reloader.refusal is not None
        assert len(reloader.refusal.reason) == 1000


def test_a_rule_for_a_class_that_an_updated_model_has_no_more_is_refused(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    dogs = {"id": "dogs", "kind": "zone", "zone": "gate", "classes": ["dog"]}
    with agent.running(YARD) as reloader:
        agent.manifests[None] = tiny_manifest(version="2", classes=("person", "car", "cat"))
        agent.write({**YARD, "zones": ZONES, "rules": [dogs]})
        reloader.ask()
        refusal = agent.refusal()
        assert "cameras[0].rules[0].classes" in refusal
        assert "as the fleet has updated it" in refusal
        agent.manifests.clear()
        reloader.ask()
        assert agent.applied().ruled
