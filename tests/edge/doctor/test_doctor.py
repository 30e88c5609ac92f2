"""`wayside-edge doctor` on devices on which something is wrong."""

import errno
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.camera_settings import CameraSettings
from edge.doctor import disk, machine
from edge.doctor.broker import broker
from edge.doctor.camera import cameras
from edge.doctor.finding import Finding
from models.engines import gpu
from tests.support.edge_command import call
from tests.support.mosquitto import mosquitto
from tests.support.real_assets import real_network
from tests.support.small_agent import small_agent
from tests.support.tiny_detector import write_tiny_model
from wayside.mqtt.settings import MqttSettings


def doctor(file: Path) -> tuple[int, str]:
    result = call("doctor", "-c", file)
    assert result.stderr == ""
    return result.exit_code, result.stdout


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_device_on_which_all_is_well_is_said_to_be(tmp_path: Path) -> None:
    server = mosquitto(tmp_path / "broker")
    server.start()
    try:
        code, said = doctor(small_agent(tmp_path / "agent", mqtt={"port": server.port}))
    finally:
        server.stop()
    assert code == 0, said
    assert "wrong" not in said
    for line in (
        f"ok       settings: {tmp_path}/agent/edge.yaml: 1 camera",
        "ok       opencv: ",
        "ok       model: tiny 1, by onnxruntime/CPU, ",
        f"ok       broker: 127.0.0.1:{server.port} answers at 127.0.0.1",
        f"ok       mqtt: 127.0.0.1:{server.port} welcomes us, MQTT 5, plain text",
        f"ok       camera yard: {tmp_path}/agent/yard.mp4: 64x48 by OpenCV FFMPEG FMP4, first ",
    ):
        assert line in said
    assert not (tmp_path / "agent" / "data").exists(), "it only looks"


def test_every_network_in_use_is_looked_at(tmp_path: Path) -> None:
    real_network("twinlitenet")
    write_tiny_model(tmp_path / "dogs")
    (tmp_path / "dogs" / "tiny.onnx").write_bytes(b"no network")
    watched = [{"model": "lanes", "rules": [{"id": "keep-lane", "kind": "lane-departure"}]}]
    cameras = [
        {"id": "yard", "source": "yard.mp4", "areas": watched},
        {"id": "door", "source": "yard.mp4", "model": "dogs"},
    ]
    models = {"lanes": {"name": "twinlitenet"}, "dogs": {"name": "dogs/tiny.yaml"}}

    _, said = doctor(small_agent(tmp_path, cameras=cameras, models=models))

    assert "ok       model: tiny 1, by onnxruntime/CPU, " in said
    assert "ok       model lanes: twinlitenet " in said
    assert "sha256" in said.split("wrong    model dogs: ")[1].splitlines()[0]


def test_each_thing_that_is_wrong_is_told_with_what_to_do(tmp_path: Path, silent_port: int) -> None:
    cameras = [
        {"id": "door", "source": "gone.mp4"},
        {"id": "gate", "source": f"rtsp://admin:s3cret@127.0.0.1:{silent_port}/live",
         "open_timeout_ms": 300, "read_timeout_ms": 300},
        {"id": "yard", "source": "yard.mp4"},
    ]  # fmt: skip
    file = small_agent(tmp_path, cameras=cameras, data_dir="yard.mp4/data")
    (tmp_path / "tiny.onnx").write_bytes(b"no network")

    code, said = doctor(file)

    assert code == 1
    assert f"wrong    disk: {tmp_path}/yard.mp4: cannot be written: Not a directory" in said
    assert "sha256" in said.split("wrong    model: ")[1].splitlines()[0]
    assert "wrong    broker: 127.0.0.1:1: Connection refused\n         -> see mqtt.host" in said
    assert f"wrong    camera door: {tmp_path}/gone.mp4: there is no such file" in said
    assert f"wrong    camera gate: rtsp://***@127.0.0.1:{silent_port}/live does not answer" in said
    assert "ok       camera yard: " in said
    assert "s3cret" not in said


def test_refused_settings_are_findings_and_the_machine_is_looked_at(tmp_path: Path) -> None:
    code, said = doctor(small_agent(tmp_path, device="gate/1"))
    assert code == 1
    assert said.startswith(f"wrong    settings: {tmp_path}/edge.yaml:")
    assert "ok       machine: " in said


def test_a_network_that_must_be_fetched_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WAYSIDE_ASSETS", str(tmp_path / "none"))
    _, said = doctor(small_agent(tmp_path, model={"name": "fastestdet"}))
    assert "warning  model: fastestdet: not on this device yet" in said
    assert "-> fetch it now, while there is a network: wayside-models pull fastestdet" in said
    assert not (tmp_path / "cache").exists()


def test_what_will_make_clips_is_told_where_they_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = {"id": "yard", "source": "yard.mp4", "evidence": {"clips": {"enabled": True}}}
    kept = {"max_bytes": 1 << 20, "min_free_bytes": 0}
    agent = small_agent(tmp_path, cameras=[camera], clips=kept)
    (tmp_path / "data" / "clips" / "yard").mkdir(parents=True)
    (tmp_path / "data" / "clips" / "yard" / "kept.mp4").write_bytes(bytes(1 << 20))

    _, said = doctor(agent)
    assert "ok       clips: H.264 by /" in said
    assert f"ok       clips: {tmp_path}/data/clips: 1 of 1 MiB, " in said

    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    _, said = doctor(small_agent(tmp_path, cameras=[camera], clips={"max_bytes": 1 << 60}))
    assert "warning  clips: no ffmpeg that writes H.264: JPEGs in .mkv" in said
    assert "-> apt-get install ffmpeg, or set clips.encoder to none" in said
    assert "-> make room, or lower clips.max_bytes: " in said

    _, said = doctor(small_agent(tmp_path, cameras=[camera], clips={"encoder": "none"}))
    assert "ok       clips: JPEGs as they are, in .mkv, as the settings ask" in said

    _, said = doctor(small_agent(tmp_path))
    assert "clips:" not in said, "no camera keeps any"


def last(findings: Iterator[Finding]) -> Finding:
    return list(findings)[-1]


def test_a_broker_that_refuses_says_why(tmp_path: Path, silent_port: int) -> None:
    server = mosquitto(tmp_path / "broker", "allow_anonymous false")
    server.start()
    try:
        refused = last(broker(MqttSettings(port=server.port), "gate-1"))
    finally:
        server.stop()
    assert refused.state == "wrong"
    assert "refused: Not authorized" in refused.seen
    silent = last(broker(MqttSettings(port=silent_port, connect_timeout_s=0.2), "gate-1"))
    assert (silent.state, silent.subject) == ("wrong", "mqtt")
    assert "no answer to CONNECT" in silent.seen
    nowhere = MqttSettings(host="nowhere.invalid", tls={})
    named = last(broker(nowhere, "gate-1"))
    assert "nowhere.invalid: no such name" in named.seen
    unreadable = MqttSettings(
        port=silent_port, username="gate-1", password_file=tmp_path / "gone"
    )  # fmt: skip
    assert f"{tmp_path}/gone" in last(broker(unreadable, "gate-1")).seen


def test_a_camera_that_shows_nothing_is_told_by_how_far_one_comes(tmp_path: Path) -> None:
    def told(source: str) -> Finding:
        camera = {"id": "door", "source": source, "open_timeout_ms": 300, "read_timeout_ms": 300}
        return last(cameras([CameraSettings.model_validate(camera)]))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        answers = told(f"rtsp://admin:s3cret@127.0.0.1:{port}/x")
    closed = told(f"http://admin:s3cret@127.0.0.1:{port}/x.mjpg")
    nameless = told("rtsp://admin:s3cret@camera.invalid/x")
    gone = told(str(tmp_path / "gone.mp4"))

    assert f"127.0.0.1:{port} answers: see the path" in answers.remedy
    assert f"nothing answers at 127.0.0.1:{port} (Connection refused)" in closed.remedy
    assert "there is no host camera.invalid" in nameless.remedy
    assert gone.remedy == ""
    for one in (answers, closed, nameless, gone):
        assert one.state == "wrong"
        assert "s3cret" not in f"{one.seen}{one.remedy}"


def test_an_agent_that_runs_is_not_thrown_out(tmp_path: Path) -> None:
    """Two clients of one id throw each other out; the doctor has one of its own."""
    from edge.publish.uplink import Uplink

    server = mosquitto(tmp_path)
    server.start()
    lost: list[str] = []

    class Watcher:
        def __init__(self) -> None:
            self.connected = threading.Event()

        def on_connected(self) -> None:
            self.connected.set()

        def on_disconnected(self, reason: str) -> None:
            lost.append(reason)

        def on_message(self, topic: str, payload: bytes) -> None: ...

    watcher = Watcher()
    uplink = Uplink(MqttSettings(port=server.port), "gate-1")
    uplink.attach(watcher)
    uplink.start()
    try:
        assert watcher.connected.wait(10)
        assert last(broker(MqttSettings(port=server.port), "gate-1")).state == "ok"
        assert uplink.connected
        assert lost == []
    finally:
        uplink.stop()
        server.stop()


def test_a_clock_that_was_never_set_is_wrong() -> None:
    assert machine.clock(86_400.0, True).state == "wrong"
    assert "1970-01-02" in machine.clock(86_400.0, True).seen
    assert machine.clock(1.8e9, False).state == "warning"
    assert machine.clock(1.8e9, True).state == "ok"


def test_who_else_may_look_at_the_events_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    _, told, _ = disk.disk(folder, 0)
    assert (told.subject, told.state) == ("privacy", "warning")
    assert f"chmod 700 {folder}" in told.remedy
    folder.chmod(0o700)
    (folder / "outbox.sqlite3").touch(mode=0o640)
    _, told, _ = disk.disk(folder, 0)
    assert told.seen == f"{folder}/outbox.sqlite3: others than the agent's user may read it"
    (folder / "outbox.sqlite3").chmod(0o600)
    _, told, _ = disk.disk(folder, 0)
    assert told.state == "ok"


def test_a_disk_is_slow_or_small(tmp_path: Path) -> None:
    slow, small = disk.disk(tmp_path / "not" / "there", 2**62, slow_s=-1.0)
    assert (slow.state, small.state) == ("warning", "warning")
    assert "SD card" in slow.remedy
    (tmp_path / "held").write_bytes(b"x" * 5 * 1024 * 1024)
    assert "events may take 1 MiB more" in last(disk.disk(tmp_path, 6 * 1024 * 1024)).seen
    assert [path.name for path in tmp_path.iterdir()] == ["held"]


def test_what_to_do_about_a_disk_is_told_by_what_is_wrong_with_it(tmp_path: Path) -> None:
    full = disk.remedy_of(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    refused = disk.remedy_of(OSError(errno.EACCES, "Permission denied"), tmp_path)

    assert "make room" in full
    assert "let the agent's user write there" in refused
    nowhere = last(disk.disk(Path("/proc/nowhere"), 1))
    assert (nowhere.state, nowhere.subject) == ("wrong", "disk")
    assert "data_dir, which is /proc/nowhere" in nowhere.remedy


def test_what_is_missing_beside_a_gpu_is_told() -> None:
    orin = gpu.Gpu("Orin", (8, 7), 16, 64 * 2**30)
    assert [one.state for one in machine.accelerators(None, lambda module: False)] == ["ok"]
    without = list(machine.accelerators(orin, lambda module: False))
    assert [one.state for one in without] == ["ok", "warning"]
    assert "python3-libnvinfer" in without[1].remedy
    pytest.importorskip("tensorrt_rtx")
    unrun = last(machine.accelerators(orin, lambda module: module == "tensorrt_rtx"))
    assert "wayside[tensorrt]" in unrun.remedy


def test_an_opencv_that_reads_no_streams_is_wrong() -> None:
    assert machine.opencv("5.0.0", Path("/usr/lib"), ["FFmpeg", "V4L2"]).state == "ok"
    found = machine.opencv("4.5.4", Path("/usr/lib"), ["GStreamer"])
    assert (found.state, found.seen) == ("wrong", "4.5.4 from /usr/lib, GStreamer")
    assert "no video at all" in machine.opencv("4.5.4", Path("/usr/lib"), []).seen


def test_the_schema_knows_what_a_file_may_hold() -> None:
    result = call("schema")
    assert result.exit_code == 0
    found: dict[str, Any] = json.loads(result.stdout)
    assert {"device", "cameras", "model"} <= found["properties"].keys()
    assert found["properties"]["device"]["type"] == "string"


def test_a_camera_s_own_pace_is_told() -> None:
    settings = CameraSettings.model_validate({"id": "yard", "source": "synthetic://yard?fps=10"})
    (found,) = cameras([settings])
    fps = float(found.seen.rsplit(", ", 1)[1].split()[0])
    assert 5 <= fps <= 11, found.seen


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_what_can_be_no_name_of_a_broker_is_told(host: str) -> None:
    (found,) = broker(MqttSettings(host=host, tls={}), "gate-1")
    assert (found.state, found.seen) == (
        "wrong", f"{host}: no such name (not possible as a name)",
    )  # fmt: skip


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (found,) = disk.disk(tmp_path / ("x" * 300) / "data", 1)
    assert (found.state, found.subject) == ("wrong", "disk")
    assert "File name too long" in found.seen


def test_a_file_of_the_outbox_that_goes_meanwhile_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    # Listed, and not there any more.
    (tmp_path / "outbox.sqlite3-wal").symlink_to(tmp_path / "nowhere")
    found = [(one.subject, one.state) for one in disk.disk(tmp_path, 1)]
    assert found == [("disk", "ok"), ("privacy", "ok"), ("space", "ok")]
