"""What cameras do to an agent: a real RTSP server and the synthetic camera, fault by fault.

Whatever happens, the camera is live again in less than 5 s after its source is back, and another
camera, which is read all the while, loses no frame.
"""

import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.cameras import Watched, watched
from tests.support.processes import wait_until
from tests.support.rtsp import PASSWORD, RtspCamera, missing

pytestmark = pytest.mark.system

BACK_S = 5.0
NEIGHBOUR_FPS = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspCamera]:
    if reason := missing():
        pytest.skip(reason)
    camera = RtspCamera(tmp_path / "rtsp.log")
    yield camera
    camera.kill()


@pytest.fixture
def neighbour() -> Iterator[Watched]:
    """Another camera; at the end no frame of it may be missing."""
    source = f"synthetic://beside?width=160&height=90&fps={NEIGHBOUR_FPS}"
    with watched(source, "cam-beside") as other:
        other.wait_for_frames(1)
        yield other
        other.wait_for_frames(2)
    assert other.states_since_live == ["live"], "it was never away"
    numbers = [frame.number for frame in other.frames]
    assert numbers == list(range(len(numbers))), "each was taken"
    # Its frames are timed by its own timestamps, which go on where it skips a picture.
    gaps_ns = [after.captured_ns - before.captured_ns for before, after in pairwise(other.frames)]
    assert max(gaps_ns) < 1.5e9 / NEIGHBOUR_FPS, "none was skipped"


def increasing(camera: Watched) -> bool:
    times = [frame.captured_ns for frame in camera.frames]
    return all(before < after for before, after in pairwise(times))


def test_a_server_that_is_down_at_the_start(server: RtspCamera, neighbour: Watched) -> None:
    with watched(server.url) as camera:
        camera.wait_for_event("connecting", "unreachable")
        server.start()
        assert camera.wait_for_frames() < BACK_S
        assert camera.states_since_live == ["live"]
        view = camera.reader.view
        assert (view.decoder, view.width_px, view.height_px) == ("OpenCV FFMPEG h264", 320, 240)


def test_a_server_that_is_killed_and_started_again(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url) as camera:
        camera.wait_for_frames()
        server.kill()
        camera.wait_for_event("reconnecting", "lost")
        server.start()
        assert camera.wait_for_frames() < BACK_S
        assert camera.states_since_live == ["live", "reconnecting", "live"]
        assert camera.reader.view.reconnects == 1
        assert increasing(camera)


def test_a_server_that_is_stopped_and_goes_on(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url, read_timeout_ms=1000) as camera:
        camera.wait_for_frames()
        server.signal(signal.SIGSTOP)
        camera.wait_for("reconnecting")
        server.signal(signal.SIGCONT)
        assert camera.wait_for_frames() < BACK_S
        camera.wait_for("live")
        assert increasing(camera)


def test_a_picture_that_freezes(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url, frozen_after_s=2) as camera:
        camera.wait_for_frames()
        server.command("picture still")
        camera.wait_for_event("stalled", "frozen")
        taken, dropped = len(camera.frames), camera.reader.view.dropped["frozen"]
        wait_until(lambda: camera.reader.view.dropped["frozen"] > dropped + 10, "further drops")
        assert len(camera.frames) <= taken + 1, "what is frozen is not inferred"
        server.command("picture moving")
        assert camera.wait_for_frames() < BACK_S
        assert camera.state == "live"


def test_garbage_instead_of_pictures(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url, read_timeout_ms=1000) as camera:
        camera.wait_for_frames()
        server.command("garbage 1")
        camera.wait_for("reconnecting")
        server.command("garbage 0")
        assert camera.wait_for_frames() < BACK_S
        assert camera.state == "live"


def test_another_resolution_after_a_restart(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url) as camera:
        camera.wait_for_frames()
        server.kill()
        camera.wait_for("reconnecting")
        server.start()
        server.command("size 480 272")
        assert camera.wait_for_frames() < BACK_S
        camera.wait_for_event("live", "resolution")
        assert camera.frames[-1].image.shape == (272, 480, 3)


def test_timestamps_that_jump_back(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url) as camera:
        camera.wait_for_frames(60)
        server.command("back 1.5")
        camera.wait_for_event("live", "timestamps")
        camera.wait_for_frames(20)
        assert camera.states_since_live == ["live"], "it was never away"
        gaps = [after.captured_ns - before.captured_ns for before, after in pairwise(camera.frames)]
        assert min(gaps) > 0
        assert max(gaps[-15:]) < 1e9, "time goes on at its pace"


@pytest.mark.deep
def test_another_rate(server: RtspCamera, neighbour: Watched) -> None:
    server.start()
    with watched(server.url) as camera:
        camera.wait_for_frames(150)
        server.command("rate 8")
        camera.wait_for_event("live", "rate", 30)
        assert camera.reader.view.fps == pytest.approx(8, abs=2)


def test_udp_is_read_by_a_process_that_shows_no_password(
    server: RtspCamera, neighbour: Watched
) -> None:
    server.start()
    with watched(server.url, transport="udp") as camera:
        camera.wait_for_frames()
        assert camera.reader.view.decoder == "ffmpeg process"
        assert PASSWORD not in command_lines()
        server.kill()
        camera.wait_for("reconnecting")
        server.start()
        assert camera.wait_for_frames() < BACK_S


def command_lines() -> str:
    """Of all processes but the test's own server, which is given its password so."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "rtsp_server.py" not in line:
            lines.append(line)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("fault", "state", "reason"),
    [
        ("down", "reconnecting", "lost"),
        ("end", "reconnecting", "lost"),
        ("silent", "reconnecting", "lost"),
        ("hang", "reconnecting", "hangs"),
        ("freeze", "stalled", "frozen"),
        ("garbage", "stalled", "corrupt"),
    ],
)
def test_a_synthetic_camera_comes_back(
    fault: str, state: str, reason: str, tmp_path: Path, neighbour: Watched
) -> None:
    control = tmp_path / "fault"
    limits: dict[str, Any] = {"frozen_after_s": 1, "read_timeout_ms": 500, "hang_timeout_ms": 500}
    with watched(f"synthetic://yard?width=320&height=180&control={control}", **limits) as camera:
        camera.wait_for_frames()
        control.write_text(fault)
        camera.wait_for_event(state, reason)
        control.write_text("")
        assert camera.wait_for_frames() < BACK_S
        camera.wait_for("live")
        assert increasing(camera)


@pytest.mark.parametrize(("fault", "reason"), [("size", "resolution"), ("reset", "timestamps")])
def test_a_synthetic_camera_that_changes_goes_on(
    fault: str, reason: str, tmp_path: Path, neighbour: Watched
) -> None:
    control = tmp_path / "fault"
    with watched(f"synthetic://yard?width=320&height=180&control={control}") as camera:
        camera.wait_for_frames(10)
        control.write_text(fault)
        camera.wait_for_event("live", reason)
        camera.wait_for_frames()
        assert camera.states_since_live == ["live"], "it was never away"
        assert increasing(camera)
