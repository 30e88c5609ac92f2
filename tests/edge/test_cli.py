"""wayside-edge: what a user types, reads and gets back."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.edge_command import call
from tests.support.mosquitto import mosquitto
from tests.support.small_agent import small_agent
from tests.support.small_cloud import SmallCloud


def test_help_names_every_command() -> None:
    result = call("--help")

    assert result.exit_code == 0
    for command in ("run", "drain", "validate"):
        assert command in result.stdout


def test_a_valid_file_is_said_to_be_valid(tmp_path: Path) -> None:
    file = small_agent(tmp_path)

    result = call("validate", "-c", file)

    assert (result.exit_code, result.stdout) == (0, f"{file}: valid, 1 camera\n")


@pytest.mark.parametrize("command", ["validate", "run", "drain"])
def test_a_refused_file_is_told_with_line_and_key(tmp_path: Path, command: str) -> None:
    file = small_agent(tmp_path, device="gate/1", when_done="never")

    result = call(command, "-c", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}:5: device: id 'gate/1' is not allowed" in result.stderr
    assert f"{file}:12: when_done: Input should be 'drain', 'exit' or 'stay'" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = call("validate", "-c", tmp_path / "edge.yaml")

    assert result.exit_code == 2
    assert f"{tmp_path}/edge.yaml: cannot be read: No such file or directory" in result.stderr


def test_a_run_that_worked_ends_with_zero(tmp_path: Path) -> None:
    result = call("run", "-c", small_agent(tmp_path))

    assert (result.exit_code, result.stdout) == (0, "")
    assert "agent ends" in result.stderr


def test_a_run_with_a_camera_that_failed_ends_with_one_and_says_which(tmp_path: Path) -> None:
    cameras = [{"id": "door", "source": "gone.mp4"}, {"id": "yard", "source": "yard.mp4"}]

    result = call("run", "-c", small_agent(tmp_path, cameras=cameras))

    assert result.exit_code == 1
    assert f"{tmp_path}/gone.mp4: there is no such file; check `source`" in result.stderr


def test_a_network_that_cannot_be_used_ends_with_one_and_says_why(tmp_path: Path) -> None:
    file = small_agent(tmp_path)
    (tmp_path / "tiny.onnx").unlink()

    result = call("run", "-c", file)

    assert result.exit_code == 1
    assert "its network should lie beside it as tiny.onnx" in result.stderr


def test_a_password_that_cannot_be_read_ends_with_two(tmp_path: Path) -> None:
    mqtt = {"port": 1, "username": "gate-1", "password_file": "gone"}

    result = call("run", "-c", small_agent(tmp_path, mqtt=mqtt))

    assert result.exit_code == 2
    assert f"{tmp_path}/gone" in result.stderr


def test_drain_says_when_the_cloud_has_everything(tmp_path: Path) -> None:
    assert call("run", "-c", small_agent(tmp_path)).exit_code == 0
    broker = mosquitto(tmp_path / "broker")
    broker.start()
    cloud = SmallCloud(broker.port)
    cloud.start()
    try:
        assert cloud.subscribed.wait(10)
        result = call("drain", "-c", small_agent(tmp_path, mqtt={"port": broker.port}))
    finally:
        cloud.stop()
        broker.stop()

    assert (result.exit_code, result.stdout) == (0, "the cloud has every event\n")
    assert len(cloud.events) == 4


def test_a_drain_that_is_told_to_stop_says_how_much_waits(tmp_path: Path) -> None:
    file = small_agent(tmp_path)
    assert call("run", "-c", file).exit_code == 0
    process = started("drain", file)
    try:
        ready(process, "mqtt not connected")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 1
    assert "4 events wait on disk" in output
    assert "Traceback" not in output


def test_an_agent_that_is_told_to_stop_ends_in_order(tmp_path: Path) -> None:
    process = started("run", small_agent(tmp_path, when_done="stay", log={"style": "console"}))
    try:
        ready(process, "all sources have ended")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 0
    assert "agent ends" in output
    assert "Traceback" not in output


def started(command: str, file: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "edge.cli", command, "-c", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def ready(process: "subprocess.Popen[str]", said: str) -> None:
    """Wait until the process has said something."""
    assert process.stdout is not None
    for line in process.stdout:
        if said in line:
            return
    raise AssertionError(f"it ended without saying {said!r}")


def test_systemd_is_told_that_the_agent_works_lives_and_ends(tmp_path: Path) -> None:
    camera = {"id": "yard", "source": "yard.mp4", "pace": "live", "loop": True}
    file = small_agent(tmp_path, cameras=[camera])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        agent = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", "run", "-c", str(file)],
            env={**os.environ, "NOTIFY_SOCKET": manager.getsockname()}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            # Of the watchdog before the cameras began there may be some.
            told = {manager.recv(1000)}
            while not any(
                one.startswith(b"READY=1\nSTATUS=1 cameras, onnxruntime") for one in told
            ):
                told.add(manager.recv(1000))
            while manager.recv(1000) != b"WATCHDOG=1":
                pass
            agent.send_signal(signal.SIGTERM)
            while manager.recv(1000) != b"STOPPING=1":
                pass
            assert agent.wait(30) == 0
        finally:
            agent.kill()
            agent.wait()
