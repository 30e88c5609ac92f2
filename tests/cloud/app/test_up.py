"""`wayside-cloud up`: everything of one machine, together and gone together."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog
import yaml
from structlog.testing import capture_logs

from cloud.app.run_folder import run_folder
from cloud.app.up import run_up
from cloud.embedded.broker.mosquitto import find_mosquitto
from cloud.errors import StartError
from cloud.settings import CloudSettings, load
from tests.support.line import Cloud
from tests.support.processes import free_port, wait_until
from wayside.net import port_is_open

PARTS = ("broker", "pubsub", "serve", "bridge")


@pytest.fixture(autouse=True)
def own_logging() -> None:
    """Whatever another test made of it."""
    structlog.reset_defaults()


def settings(folder: Path, **sections: Any) -> CloudSettings:
    """Settings on free ports."""
    ports = {name: {"port": free_port()} for name in ("broker", "pubsub", "api")}
    merged = {
        name: ports.get(name, {}) | sections[name] if isinstance(sections.get(name), dict)
        else sections.get(name, ports.get(name))
        for name in {*ports, *sections}
    }  # fmt: skip
    path = folder / "cloud.yaml"
    path.write_text(yaml.safe_dump({"data_dir": "data", **merged}))
    return load(path)


def up(chosen: CloudSettings, **options: Any) -> None:
    """Run it with nothing but its start: it is told to stop beforehand."""
    stop = threading.Event()
    stop.set()
    run_up(chosen, stop, lambda url: None, **options)


def pids(run: Path, parts: Sequence[str] = PARTS) -> dict[str, int]:
    return {part: int((run / f"{part}.pid").read_text()) for part in parts}


def is_gone(pid: int) -> bool:
    """True when it ended, whether or not anybody waited for it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def test_everything_gets_ready_and_ends_when_told_to(tmp_path: Path) -> None:
    with Cloud(tmp_path / "cloud") as cloud:
        cloud.start()
        started = pids(cloud.folder / "data" / "run")
        assert not any(is_gone(pid) for pid in started.values())
        assert cloud.ask("/readyz") == {"status": "ok"}
        assert f"http://127.0.0.1:{cloud.api_port}/docs" in cloud.program.output
        assert_a_second_one_is_refused(cloud)
        assert cloud.program.stop(timeout_s=20) == 0, cloud.program.output[-3000:]
        assert [part for part, pid in started.items() if not is_gone(pid)] == []
        assert ended(cloud) == ["bridge", "serve", "pubsub", "broker"]
        assert "Traceback" not in cloud.program.output


def assert_a_second_one_is_refused(cloud: Cloud) -> None:
    beside = settings(cloud.folder.parent, data_dir=str(cloud.folder / "data"))
    with pytest.raises(StartError, match=r"another wayside-cloud runs on data_dir /.*/cloud/data"):
        up(beside)


def ended(cloud: Cloud) -> list[str]:
    logged = [json.loads(x) for x in cloud.program.output.splitlines() if x.startswith("{")]
    return [line["part"] for line in logged if line["event"] == "part ended"]


def test_nothing_is_left_when_it_is_killed(tmp_path: Path) -> None:
    with Cloud(tmp_path / "cloud") as cloud:
        cloud.program.start()
        run = cloud.folder / "data" / "run"
        wait_until((run / "serve.pid").exists, "its third part", 60)
        started = pids(run, PARTS[:3])
        assert not any(is_gone(pid) for pid in started.values())
        cloud.program.kill()
        wait_until(lambda: all(is_gone(pid) for pid in started.values()), "the end of all parts")
        with run_folder(load(cloud.config)):
            pass  # the lock went with it


def test_parts_get_their_settings_from_the_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Overrides are in it already, and a relative path in one would mean another folder there."""
    chosen = settings(tmp_path, broker={"kind": "amqtt"})
    assert chosen.broker is not None
    port = chosen.broker.port
    monkeypatch.setenv("WAYSIDE_CLOUD__API__PORT", "a mistake that would end a part")
    stop = threading.Event()
    thread = threading.Thread(target=run_up, args=(chosen, stop, lambda url: None))
    thread.start()
    try:
        wait_until(lambda: port_is_open("127.0.0.1", port), "the broker")
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("part", ["broker", "pubsub", "api"])
def test_port_that_is_taken_is_named_with_its_setting(
    tmp_path: Path, part: Literal["broker", "pubsub", "api"]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"port {port} is taken.*set {part}\.port to a free"):
            up(settings(tmp_path, **{part: {"port": port}}))


def test_data_dir_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(StartError, match=r"data_dir /.*/data cannot be written: "):
        up(settings(tmp_path))


def test_mosquitto_that_is_wanted_and_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"apt install mosquitto.*or set broker\.kind to amqtt"):
        up(settings(tmp_path, broker={"kind": "mosquitto"}), find_broker=lambda: None)


def effective(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "data/run/effective.yaml").read_text()))


def test_without_mosquitto_amqtt_takes_over_and_says_so(tmp_path: Path) -> None:
    with capture_logs() as logs:
        up(settings(tmp_path), find_broker=lambda: None)
    [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert warning["event"] == "mosquitto is not installed"
    assert "not for a fleet" in warning["instead"]
    chosen = effective(tmp_path)
    assert (chosen["broker"]["kind"], chosen["mqtt"]["protocol"]) == ("amqtt", "3.1.1")


def test_protocol_that_somebody_chose_is_left_alone(tmp_path: Path) -> None:
    up(settings(tmp_path, mqtt={"protocol": "5"}), find_broker=lambda: None)
    assert effective(tmp_path)["mqtt"]["protocol"] == "5"


@pytest.mark.parametrize("kind", ["auto", "mosquitto"])
def test_mosquitto_is_taken_where_it_is(tmp_path: Path, kind: str) -> None:
    with capture_logs() as logs:
        up(settings(tmp_path, broker={"kind": kind}), find_broker=lambda: "/usr/sbin/mosquitto")
    assert [entry for entry in logs if entry["log_level"] == "warning"] == []
    assert effective(tmp_path)["broker"]["kind"] == kind


def test_amqtt_that_is_wanted_is_taken_without_a_warning(tmp_path: Path) -> None:
    with capture_logs() as logs:
        up(settings(tmp_path, broker={"kind": "amqtt"}), find_broker=lambda: "/usr/sbin/mosquitto")
    assert logs == []


def test_mosquitto_ends_with_its_parent_also_as_root(tmp_path: Path) -> None:
    """A process that changes its user loses its parent-death signal."""
    if find_mosquitto() is None:
        pytest.skip("mosquitto is not installed; `make test` installs it")
    port = free_port()
    code = f"""
import pathlib, signal, threading
from cloud.embedded.broker.mosquitto import find_mosquitto, mosquitto_command
from cloud.embedded.broker.settings import BrokerSettings
from cloud.embedded.supervisor import Part, Supervisor
from wayside.net import port_is_open
folder = pathlib.Path({str(tmp_path)!r})
command = mosquitto_command(find_mosquitto(), BrokerSettings(port={port}), folder)
part = Part("broker", command, lambda: port_is_open("127.0.0.1", {port}))
Supervisor(threading.Event(), pid_dir=folder).start(part)
print("ready", flush=True)
signal.pause()
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        while "ready" not in parent.stdout.readline():
            assert parent.poll() is None
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    broker = int((tmp_path / "broker.pid").read_text())
    wait_until(lambda: is_gone(broker), "the broker's end")
