"""What a bench learns of cameras: real files, drawn cameras, and some that are not there."""

from pathlib import Path

import pytest

from edge.bench.cameras import PICTURES, STAND_IN_PX, Pictures, look_at
from edge.camera_settings import CameraSettings
from tests.support import rtsp
from tests.support.media import HEIGHT, WIDTH, MjpegCamera, write_video


def seen(seconds: float = 1.0, **camera: object) -> Pictures:
    (found,) = look_at([CameraSettings.model_validate({"id": "yard", **camera})], seconds)
    return found


def test_a_file_tells_size_rate_and_what_decoding_costs(tmp_path: Path) -> None:
    found = seen(source=str(write_video(tmp_path / "yard.mp4", 30, 10.0)))

    assert found.size_px == (WIDTH, HEIGHT)
    assert found.fps == pytest.approx(10)
    assert len(found.images) == PICTURES
    assert found.decode is not None
    assert 0 < found.decode.low_ms <= found.decode.median_ms <= found.decode.high_ms
    assert "FFMPEG" in found.decoder
    assert found.problem == ""


def test_a_file_of_one_picture_is_enough(tmp_path: Path) -> None:
    found = seen(source=str(write_video(tmp_path / "yard.mp4", 1)))

    assert (len(found.images), found.fps, found.problem) == (1, 25.0, "")


def test_a_camera_keeps_its_own_pace() -> None:
    found = seen(source="synthetic://yard?width=320&height=240&fps=50")

    assert found.size_px == (320, 240)
    assert found.fps == pytest.approx(50, rel=0.2)


def test_a_camera_that_stops_is_told_and_what_it_brought_counts() -> None:
    faulty = "synthetic://yard?width=320&height=240&fps=50&faults=silent@0.5-60"

    found = seen(seconds=3.0, source=faulty, read_timeout_ms=200)

    assert "stopped" in found.problem
    assert found.decode is not None
    assert found.size_px == (320, 240)


def test_what_stands_in_for_a_camera_has_the_size_that_is_asked_of_it(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.mp4")

    asked = seen(source=gone, width_px=320, height_px=240, fps=15)
    unasked = seen(source=gone)

    assert (asked.size_px, asked.fps, asked.decode) == ((320, 240), 15, None)
    assert unasked.size_px == STAND_IN_PX
    assert "there is no such file" in asked.problem


def test_a_camera_that_hangs_holds_up_nobody(tmp_path: Path) -> None:
    hangs = CameraSettings.model_validate({
        "id": "hangs", "source": "synthetic://yard?fps=50&faults=hang@0-600",
        "open_timeout_ms": 100, "read_timeout_ms": 100,
    })  # fmt: skip
    video = str(write_video(tmp_path / "yard.mp4", 30))

    one, two = look_at([hangs, CameraSettings.model_validate({"id": "yard", "source": video})], 0.5)

    assert "does not come back" in one.problem
    assert two.problem == ""


def test_no_password_is_told() -> None:
    camera = MjpegCamera()  # switched off

    found = seen(source=camera.url, open_timeout_ms=500)

    assert found.problem
    assert "s3cret" not in found.problem


@pytest.mark.skipif(bool(rtsp.missing()), reason=rtsp.missing() or "it is there")
def test_a_real_camera_is_read_at_its_own_rate_whoever_decodes(tmp_path: Path) -> None:
    camera = rtsp.RtspCamera(tmp_path / "log")
    camera.start()
    try:
        settings = [
            CameraSettings.model_validate({"id": name, "source": camera.url, **more})
            for name, more in (("tcp", {}), ("udp", {"transport": "udp"}))
        ]
        one, two = look_at(settings, 3.0)
    finally:
        camera.kill()

    assert (one.problem, two.problem) == ("", "")
    assert one.decoder != two.decoder
    for found in (one, two):
        assert found.fps == pytest.approx(25, rel=0.1)
        assert found.decode is not None
        assert found.decode.runs > 10
