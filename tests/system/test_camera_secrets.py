"""A camera's password is in the settings, and nowhere else that anybody can look."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.line import Program
from tests.support.mosquitto import mosquitto
from tests.support.processes import free_port, wait_until
from tests.support.retained import device_state
from tests.support.rtsp import PASSWORD, RtspCamera, missing
from tests.support.small_agent import DEVICE, small_agent
from tests.support.small_cloud import SmallCloud

pytestmark = pytest.mark.system


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspCamera]:
    if reason := missing():
        pytest.skip(reason)
    camera = RtspCamera(tmp_path / "rtsp.log")
    camera.start()
    yield camera
    camera.kill()


def command_lines(pid: int) -> str:
    """Of a process and all of its descendants."""
    lines = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            lines += "\n" + command_lines(int(child))
    return lines


def written(folder: Path) -> dict[str, bytes]:
    """Everything that stands on disk, but the settings."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(f): f.read_bytes() for f in files if f.name not in ("edge.yaml", "rtsp.log")}


def test_a_password_shows_nowhere(tmp_path: Path, server: RtspCamera) -> None:
    gone = f"//admin:{PASSWORD}@127.0.0.1:{free_port()}/x"
    cameras: list[dict[str, Any]] = [
        {"id": "by-tcp", "source": server.url, "read_timeout_ms": 500},
        {"id": "by-udp", "source": server.url, "transport": "udp", "read_timeout_ms": 500},
        {"id": "not-there", "source": f"rtsp:{gone}"},
        {"id": "not-there-udp", "source": f"rtsp:{gone}", "transport": "udp"},
        {"id": "no-http", "source": f"http:{gone}", "decoder": "ffmpeg"},
        {"id": "no-gst", "source": server.url, "decoder": "gstreamer"},
    ]
    broker = mosquitto(tmp_path / "broker")
    broker.start()
    cloud = SmallCloud(broker.port, receipts=lambda batch: False)
    cloud.start()
    config = small_agent(
        tmp_path / "agent", cameras=cameras, mqtt={"port": broker.port},
        status={"file": "status.json", "interval_s": 0.1}, heartbeat={"interval_s": 1},
        log={"level": "debug"},
    )  # fmt: skip
    agent = Program("edge.cli", ["run", "-c", str(config)], tmp_path / "agent" / "agent.log")
    with agent:
        agent.start()

        def told(camera: str, state: str) -> bool:
            found = [e.camera_status for e in cloud.events.values() if e.camera == camera]
            return any(status.state == state for status in found)

        wait_until(lambda: told("by-tcp", "live") and told("by-udp", "live"), "pictures", 60)
        wait_until(lambda: all(told(c["id"], "connecting") for c in cameras[2:]), "refusals")
        shown = command_lines(agent.pid)
        assert "yuv4mpegpipe" in shown, "ffmpeg is at work"
        server.signal(signal.SIGSTOP)
        wait_until(
            lambda: told("by-tcp", "reconnecting") and told("by-udp", "reconnecting"), "losses"
        )
        server.signal(signal.SIGCONT)
        heartbeat = device_state(broker.port, DEVICE)
        os.kill(agent.pid, signal.SIGTERM)
        agent.wait(60)
    cloud.stop()
    broker.stop()
    events = "".join(str(event) for event in cloud.events.values())
    decoders = {camera.camera: camera.decoder for camera in heartbeat.cameras}
    assert decoders["by-tcp"] == "OpenCV FFMPEG h264"
    assert decoders["by-udp"] == "ffmpeg process"
    assert "holds a password" in events, "of no-gst, which would have shown it"
    places = {
        "processes": shown.encode(),
        "events": events.encode(),
        "heartbeat": str(heartbeat).encode(),
    }
    places |= written(tmp_path)
    assert any(name.endswith("status.json") for name in places)
    assert [name for name, content in places.items() if PASSWORD.encode() in content] == []
