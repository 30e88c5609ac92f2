"""The agent put together, with a tiny network and short videos."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.app import run_agent, run_drain
from edge.errors import OutboxError
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.settings import EdgeSettings, load
from models.errors import ChecksumError
from models.record.reading import read_record
from protos.ids import Lane
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.mosquitto import mosquitto
from tests.support.processes import ServerProcess, wait_until
from tests.support.records import registered
from tests.support.retained import device_state
from tests.support.small_agent import DEVICE, FRAMES, small_agent
from tests.support.small_cloud import SmallCloud
from tests.support.tiny_detector import write_tiny_model
from wayside.errors import MqttSettingsError

YARD = {"id": "yard", "source": "yard.mp4"}


def agent(folder: Path, **changes: Any) -> EdgeSettings:
    return load(small_agent(folder, **changes))


def run(settings: EdgeSettings) -> bool:
    return run_agent(settings, threading.Event())


def kinds(folder: Path) -> list[EventBatch.Kind]:
    """Kinds of the events that wait on disk."""
    outbox = Outbox.open(folder / "data", OutboxSettings(), DEVICE)
    try:
        return [
            EventBatch.Event.FromString(row.payload).kind
            for stream, last in outbox.streams()
            for row in outbox.read(stream, 1, last, 10_000)
        ]
    finally:
        outbox.close()


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
    assert small.subscribed.wait(10)
    yield small
    small.stop()


def test_a_videos_events_are_on_disk_when_the_agent_ends(tmp_path: Path) -> None:
    settings = agent(tmp_path, status={"file": "status.json"})
    with capture_logs() as logs:
        assert run(settings)

    assert sorted(kinds(tmp_path)) == sorted(
        [
            EventBatch.CAMERA_STATE,
            EventBatch.CAMERA_STATE,
            EventBatch.OBJECT_STARTED,
            EventBatch.OBJECT_ENDED,
        ]
    )
    told = json.loads((tmp_path / "status.json").read_text())
    (network,) = told["models"]
    did = network.pop("scheduler")
    assert network == {
        "id": None, "name": "tiny", "version": "1", "engine": "onnxruntime/CPU", "record": "",
    }  # fmt: skip
    assert (did["batches"], did["frames"]) == (FRAMES, FRAMES)
    assert told["cameras"][0]["frames_inferred"] == FRAMES
    assert told["outbox"]["rows"] == 4
    (last,) = [log for log in logs if log["event"] == "agent ends"]
    assert (last["events_waiting"], last["failed_cameras"]) == (4, [])


def test_the_engine_that_was_chosen_is_told(tmp_path: Path) -> None:
    pytest.importorskip("models.engines.openvino", exc_type=ModuleNotFoundError)
    settings = agent(
        tmp_path,
        model={"name": "tiny.yaml", "engine": "openvino/CPU"},
        status={"file": "status.json"},
    )
    with capture_logs() as logs:
        assert run(settings)

    assert EventBatch.OBJECT_STARTED in kinds(tmp_path)
    (loaded,) = [log for log in logs if log["event"] == "model loaded"]
    assert loaded["engine"] == "openvino/CPU"
    told = json.loads((tmp_path / "status.json").read_text())
    assert told["models"][0]["engine"] == "openvino/CPU"


def test_two_cameras_with_networks_of_their_own(tmp_path: Path) -> None:
    """Each loaded once; the one that nobody names is left alone, and it is said."""
    write_tiny_model(tmp_path / "dogs", class_id=2)
    settings = agent(
        tmp_path,
        models={"dogs": {"name": "dogs/tiny.yaml"}},
        cameras=[{**YARD, "model": "dogs"}, {**YARD, "id": "door", "model": "dogs", "max_fps": 5}],
        status={"file": "status.json"},
    )
    with capture_logs() as logs:
        assert run(settings)

    assert len([log for log in logs if log["event"] == "model loaded"]) == 1
    (left,) = [log for log in logs if log["event"].startswith("model not loaded")]
    assert left["model"] == str(tmp_path / "tiny.yaml")
    told = json.loads((tmp_path / "status.json").read_text())
    (network,) = told["models"]
    assert (network["id"], network["engine"]) == ("dogs", "onnxruntime/CPU")
    assert network["scheduler"]["frames"] == FRAMES + FRAMES // 2
    yard, door = told["cameras"]
    assert (yard["frames_inferred"], door["frames_inferred"]) == (FRAMES, FRAMES // 2)
    assert door["dropped"]["rate"] == FRAMES // 2


def test_a_network_that_cannot_be_used_leaves_none_loaded(tmp_path: Path) -> None:
    write_tiny_model(tmp_path / "dogs", class_id=2)
    settings = agent(
        tmp_path,
        models={"dogs": {"name": "dogs/tiny.yaml"}},
        cameras=[YARD, {**YARD, "id": "door", "model": "dogs"}],
    )
    (tmp_path / "dogs" / "tiny.onnx").write_bytes(b"something else")

    with pytest.raises(ChecksumError, match=r"dogs/tiny\.onnx: sha256 is"):
        run(settings)
    assert not (tmp_path / "data").exists()


def test_a_camera_that_fails_makes_the_run_fail_and_the_others_go_on(tmp_path: Path) -> None:
    settings = agent(tmp_path, cameras=[{"id": "door", "source": "gone.mp4"}, YARD])
    with capture_logs() as logs:
        assert not run(settings)

    assert EventBatch.OBJECT_STARTED in kinds(tmp_path)
    (last,) = [log for log in logs if log["event"] == "agent ends"]
    assert (last["log_level"], last["failed_cameras"]) == ("warning", ["door"])


def test_receipts_empty_the_outbox_and_the_heartbeat_tells_everything(
    tmp_path: Path, broker: ServerProcess, cloud: SmallCloud
) -> None:
    settings = agent(
        tmp_path,
        mqtt={"port": broker.port},
        cameras=[{"id": "door", "source": "gone.mp4"}, YARD],
        sensors=[{"id": "temp", "kind": "file", "path": "gone", "unit": "Cel"}],
        infer={"workers": "auto"},
        when_done="drain",
    )

    assert not run(settings)

    assert len(cloud.events) == 5
    assert kinds(tmp_path) == []
    state = device_state(broker.port, DEVICE)
    assert state.status == DeviceState.STOPPED
    assert state.agent_version
    assert [(m.model, m.version, m.engine) for m in state.models] == [
        ("tiny", "1", "onnxruntime/CPU")
    ]
    assert [(c.camera, c.state, c.frames) for c in state.cameras] == [
        ("door", "failed", 0), ("yard", "ended", FRAMES),
    ]  # fmt: skip
    sensor, camera = state.last_errors
    assert "sensor temp" in sensor
    assert "camera door" in camera
    assert "gone.mp4" in camera


def test_a_registered_model_is_told_by_the_digest_of_its_record(
    tmp_path: Path, broker: ServerProcess, cloud: SmallCloud
) -> None:
    folder = registered(tmp_path / "models").folder
    settings = agent(
        tmp_path, model={"name": str(folder)}, mqtt={"port": broker.port}, when_done="drain"
    )
    assert run(settings)
    [model] = device_state(broker.port, DEVICE).models
    assert model.sha256.hex() == read_record(folder).digest


def test_drain_sends_what_an_earlier_run_left(
    tmp_path: Path, broker: ServerProcess, cloud: SmallCloud
) -> None:
    settings = agent(tmp_path, mqtt={"port": broker.port})
    outbox_alone = agent(tmp_path)
    assert run(outbox_alone)
    assert not cloud.events

    assert run_drain(settings, threading.Event()) == 0

    assert len(cloud.events) == 4
    assert {name.lane for name in cloud.events} == {Lane.STATE}
    assert device_state(broker.port, DEVICE).agent_version


def test_a_drain_that_is_told_to_stop_says_how_many_events_wait(tmp_path: Path) -> None:
    settings = agent(tmp_path)
    assert run(settings)
    stop = threading.Event()
    stop.set()

    assert run_drain(settings, stop) == 4


def test_an_agent_that_stays_ends_when_told(tmp_path: Path) -> None:
    settings = agent(tmp_path, when_done="stay", status={"file": "status.json", "interval_s": 0.1})
    stop = threading.Event()
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(run_agent(settings, stop)))
    thread.start()

    def is_done() -> bool:
        assert thread.is_alive()
        assert settings.status.file is not None
        if not settings.status.file.exists():
            return False
        told = json.loads(settings.status.file.read_text())
        return bool(told["cameras"][0]["state"] == "ended")

    wait_until(is_done, "the end of the video")
    stop.set()
    thread.join(10)
    assert ended == [True]


def test_confidence_of_the_settings_counts_and_not_the_manifests(tmp_path: Path) -> None:
    assert run(agent(tmp_path, model={"name": "tiny.yaml", "confidence": 0.95}))

    assert set(kinds(tmp_path)) == {EventBatch.CAMERA_STATE}


def test_a_network_that_is_not_the_manifests_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    settings = agent(tmp_path)
    (tmp_path / "tiny.onnx").write_bytes(b"something else")

    with pytest.raises(ChecksumError, match=r"tiny\.onnx: sha256 is"):
        run(settings)
    assert not (tmp_path / "data").exists()


def test_a_password_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    settings = agent(tmp_path, mqtt={"port": 1, "username": "gate-1", "password_file": "gone"})

    with pytest.raises(MqttSettingsError, match="gone"):
        run(settings)


def test_two_agents_do_not_share_an_outbox(tmp_path: Path) -> None:
    outbox = Outbox.open(tmp_path / "data", OutboxSettings(), DEVICE)
    try:
        with pytest.raises(OutboxError, match="another agent"):
            run(agent(tmp_path))
    finally:
        outbox.close()
