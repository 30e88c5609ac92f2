"""What is wrong is told in words that help, and stops nothing else: the agent's side.

Real networks' runtime, videos, broker, disk; the cloud is a small subscriber that sends receipts.
"""

import contextlib
import getpass
import hashlib
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from protos import topics
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.edge_command import call
from tests.support.line import Agent
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, wait_until
from tests.support.retained import device_state
from tests.support.small_agent import FRAMES, busy_camera, small_agent, write_busy_model
from tests.support.small_cloud import Judge, SmallCloud

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

YARD = {"id": "yard", "source": "yard.mp4"}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as exits:
        yield exits


@pytest.fixture
def make_broker(tmp_path: Path, stack: ExitStack) -> Callable[..., ServerProcess]:
    def make(extra: str = "") -> ServerProcess:
        server = mosquitto(tmp_path / "broker", extra)
        server.start()
        stack.callback(server.stop)
        return server

    return make


@pytest.fixture
def make_cloud(stack: ExitStack) -> Callable[..., SmallCloud]:
    def make(broker: ServerProcess, receipts: Judge = lambda batch: True) -> SmallCloud:
        cloud = SmallCloud(broker.port, receipts=receipts)
        cloud.start()
        stack.callback(cloud.stop)
        assert cloud.subscribed.wait(10)
        return cloud

    return make


def logged(agent: Agent, event: str) -> list[dict[str, Any]]:
    """The lines of the agent's log that tell an event; one that is being written does not count."""
    whole, _, _ = agent.program.output.rpartition("\n")
    lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_an_unreadable_video_stops_nothing_else(
    tmp_path: Path,
    make_broker: Callable[..., ServerProcess],
    make_cloud: Callable[..., SmallCloud],
) -> None:
    broker = make_broker()
    cloud = make_cloud(broker)
    small_agent(tmp_path)
    (tmp_path / "torn.mp4").write_bytes((tmp_path / "yard.mp4").read_bytes()[:900])

    result = call(
        "run",
        "-c",
        small_agent(
            tmp_path,
            cameras=[{"id": "torn", "source": "torn.mp4"}, YARD],
            mqtt={"port": broker.port},
            when_done="drain",
        ),
    )

    assert result.exit_code == 1
    output = result.stderr
    assert f"{tmp_path}/torn.mp4: is no video that OpenCV can read" in output
    assert "convert it with" in output
    frames = {e.frame for e in cloud.events.values() if e.camera == "yard"}
    assert FRAMES - 1 in frames
    kinds = [e.kind for e in cloud.events.values() if e.camera == "yard"]
    assert EventBatch.OBJECT_STARTED in kinds
    (failed,) = [e for e in cloud.events.values() if e.camera == "torn"]
    assert failed.camera_status.state == "failed"
    (error,) = device_state(broker.port, "gate-1").last_errors
    assert error.startswith(f"camera torn: {tmp_path}/torn.mp4: is no video")


def another_network(folder: Path) -> Path:
    file = small_agent(folder)
    network = folder / "tiny.onnx"
    network.write_bytes(network.read_bytes() + b"\0")
    return file


def no_network(folder: Path) -> Path:
    file = small_agent(folder)
    garbage = b"this is a holiday picture" * 100
    (folder / "tiny.onnx").write_bytes(garbage)
    manifest = yaml.safe_load((folder / "tiny.yaml").read_text())
    manifest["sha256"] = hashlib.sha256(garbage).hexdigest()
    (folder / "tiny.yaml").write_text(yaml.safe_dump(manifest))
    return file


def three_mistakes(folder: Path) -> Path:
    file = small_agent(folder)
    file.write_text(
        "device: gate/1\n"
        "model: {name: tiny.yaml, confidense: 0.3}\n"
        "cameras:\n"
        "  - id: yard\n"
        "    source: yard.mp4\n"
        "    pace: fast\n"
    )
    return file


@pytest.mark.parametrize(
    ("prepare", "code", "said"),
    [
        (
            another_network,
            1,
            ["{folder}/tiny.onnx: sha256 is ", "it is not the network of manifest 'tiny'"],
        ),
        (no_network, 1, ["{folder}/tiny.onnx: cannot be loaded as ONNX"]),
        (
            three_mistakes,
            2,
            [
                "{folder}/edge.yaml:1: device: id 'gate/1' is not allowed: 3 to 63 characters",
                "{folder}/edge.yaml:2: model.confidense: is unknown; allowed: confidence, engine",
                "{folder}/edge.yaml:6: cameras[0].pace: Input should be 'lossless' or 'live'",
            ],
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_and_reason(
    tmp_path: Path, prepare: Callable[[Path], Path], code: int, said: list[str]
) -> None:
    result = call("run", "-c", prepare(tmp_path))

    assert result.exit_code == code
    for text in said:
        assert text.format(folder=tmp_path) in result.stderr
    assert not (tmp_path / "data").exists(), "nothing has been started"


class SmallDisk:
    """A disk of a few MiB that can be filled and emptied again."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file:
            for size in (64 * 1024, 4096, 512):
                with contextlib.suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def empty(self) -> None:
        self._filler.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Mounted under the agent's outbox."""
    folder = tmp_path / "agent" / "data"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield SmallDisk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_under_the_outbox_is_told_once_and_what_is_lost_is_said(
    tmp_path: Path,
    small_disk: SmallDisk,
    stack: ExitStack,
    make_broker: Callable[..., ServerProcess],
    make_cloud: Callable[..., SmallCloud],
) -> None:
    has_room = threading.Event()
    has_room.set()
    broker = make_broker()
    # Receipts free space; without them, the outbox needs more of it with every event.
    cloud = make_cloud(broker, lambda batch: has_room.is_set())
    agent = stack.enter_context(busy_agent(tmp_path, broker))
    agent.program.start()
    wait_until(lambda: len(cloud.events) > 200, "events flow", 60)

    has_room.clear()
    small_disk.fill()
    refusal = "outbox cannot be written, events wait in memory"
    wait_until(lambda: logged(agent, refusal), "the disk refuses")
    before = frames(agent)
    wait_until(lambda: agent.status()["outbox"]["staged"] > 100, "events wait in memory")
    wait_until(lambda: agent.status()["outbox"]["lost"] > 100, "memory is full")
    assert frames(agent) > before, "frames go on being looked at"

    small_disk.empty()
    has_room.set()
    wait_until(lambda: logged(agent, "outbox can be written again"), "the disk takes events again")
    assert agent.program.stop() == 0, agent.program.output[-3000:]
    lost = logged(agent, "agent ends")[0]["events_lost"]
    assert agent.drain(timeout_s=60) == 0

    (told,) = logged(agent, refusal)
    assert told["remedy"] == "free space on this disk"
    assert told["reason"] == "database or disk is full"
    for (boot, lane), last in agent.last_seqs().items():
        assert cloud.seqs(boot, lane) == list(range(1, last + 1))
    said = [r for event in cloud.events.values() for r in event.events_lost.ranges]
    assert sum(item.count for item in said) == lost > 100


def busy_agent(tmp_path: Path, broker: ServerProcess) -> Agent:
    """An agent with hundreds of events a second, for as long as it runs, and little memory."""
    folder = tmp_path / "agent"
    folder.mkdir(exist_ok=True)
    camera = busy_camera(folder)
    return Agent(
        folder, broker.port, folder / "busy.mp4", str(write_busy_model(folder)), camera=camera,
        infer={"workers": 1},
        outbox={"staging_max_bytes": 64 * 1024, "retry_s": 0.1},
        forwarder={"receipt_timeout_min_s": 1.0, "settle_s": 0.1},
    )  # fmt: skip


def frames(agent: Agent) -> int:
    return int(agent.status()["cameras"][0]["frames_inferred"])


def test_a_lane_that_the_brokers_access_list_refuses_stops_no_other(
    tmp_path: Path,
    stack: ExitStack,
    make_broker: Callable[..., ServerProcess],
    make_cloud: Callable[..., SmallCloud],
) -> None:
    access_list = tmp_path / "acl"
    access_list.write_text(
        "pattern readwrite /devices/%c/events/state\n"
        "pattern readwrite /devices/%c/state\n"
        "pattern read /devices/%c/commands/#\n"
        "pattern read /devices/%c/config\n"
        # What the cloud may: Mosquitto's list is by topic here, for nobody has a name.
        f"topic read {topics.EVENTS_FILTER}\n"
        f"topic read {topics.STATE_FILTER}\n"
        f"topic write {topics.command(Agent.device, topics.RECEIPTS)}\n"
    )
    # As root, Mosquitto would become a user who cannot read a test's folder.
    broker = make_broker(f"acl_file {access_list}\nuser {getpass.getuser()}")
    cloud = make_cloud(broker)
    agent = stack.enter_context(busy_agent(tmp_path, broker))
    agent.program.start()

    wait_until(lambda: agent.status()["outbox"]["set_aside"] > 0, "the lane is set aside", 60)
    stored = len(cloud.events)
    wait_until(lambda: len(cloud.events) > stored + 3, "the other lane flows", 40)

    told = [*logged(agent, "message set aside"), *logged(agent, "lane set aside")]
    assert {line["topic"] for line in told} == {topics.events(Agent.device, Lane.ALARM)}
    assert 1 <= len(told) <= 2
    assert "access list" in told[0]["remedy"]
    assert {event.kind for event in cloud.events.values()}.isdisjoint(
        {EventBatch.ZONE_ENTERED, EventBatch.ZONE_EXITED}
    )
    status = agent.status()
    assert status["outbox"]["set_aside"] > 0
    assert status["forwarder"]["set_aside"] > 0
    assert agent.program.stop() == 0
    assert device_state(broker.port, Agent.device).outbox.set_aside > 0
