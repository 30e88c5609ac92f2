"""A running agent takes models from the fleet: no frame is lost, and a worse one goes by itself."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.publish
import pytest

from edge.app import run_agent
from edge.ota.assembly import origin_of
from edge.settings import load
from models.record.register import register
from models.record.store import Store
from protos import topics
from protos.codec import encode
from protos.v1.desired_state_pb2 import DesiredState
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.update_report_pb2 import UpdateReport
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, wait_until
from tests.support.records import WHO, bright_onnx, submission, write_model
from tests.support.retained import device_state
from tests.support.signed_repository import SignedRepository, served
from tests.support.small_agent import DEVICE, small_agent
from tests.support.small_cloud import SmallCloud

pytestmark = pytest.mark.system

FAMILY = "gate"
STEADY = {"id": "steady", "source": "synthetic://a?width=64&height=64&frames=1000000000",
          "pace": "lossless"}  # fmt: skip
TRIAL = {"block_s": 1, "least_blocks": 4, "least_frames": 4, "latency_share": 1000}


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


class Device:
    """An agent whose model comes from the fleet, and may be started anew."""

    def __init__(
        self, folder: Path, broker: ServerProcess, cloud: SmallCloud, repository: SignedRepository,
        url: str,
    ) -> None:  # fmt: skip
        self._folder, self._broker, self._cloud = folder, broker, cloud
        self.repository = repository
        own = write_model(folder / "own", version="0")
        (folder / "root.json").write_bytes(repository.root_bytes)
        self._file = small_agent(
            folder, model={"name": str(own)}, cameras=[STEADY], mqtt={"port": broker.port},
            status={"file": "status.json", "interval_s": 0.1}, heartbeat={"interval_s": 1},
            ota={
                "url": url, "root_file": "root.json", "probation": TRIAL,
                "fetch": {"min_free_bytes": 0},
            },
            when_done="stay",
        )  # fmt: skip

    def release(
        self, version: str, onnx: bytes | None = None, is_blind: bool = False, **changes: Any
    ) -> None:
        """A version that the repository vouches for, with golden inputs unless it is blind."""
        place = self._folder / f"model-{version}"
        model = write_model(place, onnx, version=version, **changes)
        more: dict[str, Any] = {"pictures": ()} if is_blind else {}
        made = register(submission(place, model, **more), Store(self._folder / "store"), WHO)
        self.repository.release(made.folder)

    @contextmanager
    def running(self) -> Iterator[None]:
        stop, settings = threading.Event(), load(self._file)
        with origin_of(settings, stop) as origin, ThreadPoolExecutor(1) as threads:
            ended = threads.submit(run_agent, settings, stop, None, origin)
            try:
                wait_until(lambda: bool(self.status), "the agent's status", 60)
                yield
            finally:
                stop.set()
                assert ended.result(60)

    def order(self, version: str, revision: int) -> None:
        state = DesiredState(schema=1, device=DEVICE, revision=revision)
        state.targets.add(name=FAMILY, version=version, deployment=f"roll-out-{revision}")
        paho.mqtt.publish.single(
            topics.config(DEVICE), encode(state), qos=1, retain=True, port=self._broker.port
        )

    def ends(self, revision: int, state: int) -> UpdateReport:
        def found() -> list[UpdateReport]:
            mine = [r for r in self._cloud.reports if r.deployment == f"roll-out-{revision}"]
            return [report for report in mine if report.state >= UpdateReport.COMMITTED]

        wait_until(lambda: bool(found()), f"the end of order {revision}", 90)
        (report,) = {encode(one): one for one in found()}.values()
        assert report.state == state, report
        return report

    @property
    def status(self) -> dict[str, Any]:
        path = self._folder / "status.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def version(self) -> str:
        return str(self.status["models"][0]["version"])


@pytest.fixture
def device(tmp_path: Path, broker: ServerProcess, cloud: SmallCloud) -> Iterator[Device]:
    repository = SignedRepository(tmp_path / "repository")
    with served(repository.folder) as server:
        yield Device(tmp_path, broker, cloud, repository, server.url)


def told(broker: ServerProcess) -> tuple[str, int, str]:
    """What the heartbeat says of the model: version, release, slot."""
    (model,) = device_state(broker.port, DEVICE).models
    return model.version, model.release, model.slot


def objects(cloud: SmallCloud) -> list[EventBatch.Event]:
    return [event for event in list(cloud.events.values()) if event.HasField("object")]


def lives(cloud: SmallCloud) -> list[tuple[int, str, int]]:
    """Beginnings and ends of objects: kind, version of the model, track id; by the frames' time."""
    return [
        (event.kind, event.model_version, event.object.track_id)
        for event in sorted(objects(cloud), key=lambda event: event.captured_ns)
        if event.kind in (EventBatch.OBJECT_STARTED, EventBatch.OBJECT_ENDED)
    ]


def test_a_better_model_stays_a_worse_one_goes_and_no_frame_is_lost(
    device: Device, broker: ServerProcess, cloud: SmallCloud
) -> None:
    device.release("1", bright_onnx(class_id=2), classes=("car", "dog", "person"))
    device.release("2", bright_onnx(score=0.01), is_blind=True)
    with device.running():
        wait_until(lambda: told(broker) == ("0", 0, ""), "the settings' own model", 20)
        device.order("1", 1)
        device.ends(1, UpdateReport.COMMITTED)
        wait_until(lambda: device.version() == "1", "version 1 in the status", 10)
        wait_until(lambda: told(broker) == ("1", 1, "1"), "the heartbeat tells of it", 20)
        device.order("2", 2)
        report = device.ends(2, UpdateReport.ROLLED_BACK)
        assert report.code == "probation-detections"
        assert "where the incumbent found" in report.detail
        wait_until(lambda: device.version() == "1", "version 1 again", 10)
        wait_until(lambda: len(lives(cloud)) >= 3, "the object is seen again", 30)
    (steady,) = device.status["cameras"]
    assert steady["frames_inferred"] == steady["frames_captured"]
    assert not any(steady["dropped"].values())
    assert lives(cloud)[:3] == [
        (EventBatch.OBJECT_STARTED, "0", 1), (EventBatch.OBJECT_ENDED, "1", 1),
        (EventBatch.OBJECT_STARTED, "1", 2),
    ], "it lives on from one model to the next, and not through a blind one"  # fmt: skip
    assert {event.object.class_name for event in objects(cloud)} == {"person"}, (
        "its id is another's now"
    )
    with device.running():
        wait_until(lambda: device.version() == "1", "what is committed, after a start", 30)


def test_an_agent_that_stops_in_the_middle_goes_on_and_what_was_damaged_gives_way(
    tmp_path: Path, device: Device, cloud: SmallCloud
) -> None:
    device.release("1")
    with device.running():
        device.order("1", 1)
        wait_until(lambda: any(r.state == UpdateReport.PROBATION for r in cloud.reports), "x", 60)
    assert not any(r.state >= UpdateReport.COMMITTED for r in cloud.reports)
    with device.running():
        device.ends(1, UpdateReport.COMMITTED)
        assert device.version() == "1"
    network = tmp_path / "data" / "models" / FAMILY / "1" / "network.onnx"
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.chmod(0o644)
    network.write_bytes(content)
    with device.running():
        wait_until(lambda: device.version() == "0", "the settings' own model", 30)
        wait_until(lambda: cloud.reports[-1].state == UpdateReport.ROLLED_BACK, "the report", 30)
        assert cloud.reports[-1].code == "tampered"


def test_what_is_revoked_gives_way_at_once_and_what_is_not_signed_never_comes(
    device: Device, cloud: SmallCloud
) -> None:
    device.release("1")
    with device.running():
        device.order("1", 1)
        device.ends(1, UpdateReport.COMMITTED)
        device.order("9", 2)
        assert device.ends(2, UpdateReport.REJECTED).code == "unknown-target"
        assert device.version() == "1"
        device.repository.revoke("1")
        device.order("9", 3)
        wait_until(lambda: device.version() == "0", "the settings' own model", 30)
        wait_until(
            lambda: any((r.code, r.deployment) == ("revoked", "roll-out-1") for r in cloud.reports),
            "that it was revoked is told in the name of the order that had brought it", 30,
        )  # fmt: skip
    with device.running():
        wait_until(lambda: device.version() == "0", "and stays so after a start", 30)
