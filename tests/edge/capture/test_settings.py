from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.capture.redaction import redact, without
from edge.capture.settings import CameraSource
from wayside.errors import SettingsError
from wayside.settings import parse

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("source", "kind", "value"),
    [
        ("video.mp4", "file", "video.mp4"),
        ("rtsp://10.0.0.5/stream1", "rtsp", "rtsp://10.0.0.5/stream1"),
        ("RTSPS://10.0.0.5:322/a", "rtsp", "RTSPS://10.0.0.5:322/a"),
        ("https://cam.example/video.mjpg", "http", "https://cam.example/video.mjpg"),
        (0, "usb", 0),
        ("2", "usb", 2),
        ("/dev/video1", "usb", "/dev/video1"),
        ("csi://0", "csi", "csi://0"),
        ("gst://videotestsrc ! identity", "gst", "gst://videotestsrc ! identity"),
        ("synthetic://yard?fps=5", "synthetic", "synthetic://yard?fps=5"),
    ],
)
def test_what_a_source_is(source: int | str, kind: str, value: int | str) -> None:
    settings = CameraSource(source=source)
    assert (settings.kind, settings.source) == (kind, value)
    assert settings.lossless is (kind == "file")
    assert settings.is_camera is (kind != "file")
    assert settings.limits.is_final is (kind == "file")


def test_a_relative_path_is_relative_to_the_settings_file(tmp_path: Path) -> None:
    settings = parse("source: clips/a.mp4", "x.yaml", CameraSource, base=tmp_path)
    assert settings.source == str(tmp_path / "clips/a.mp4")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"source": ""}, "must be a file"),
        ({"source": True}, "must be a file"),
        ({"source": [f"rtsp://admin:{SECRET}@cam"]}, "must be a file"),
        ({"source": 64}, "0 to 63"),
        ({"source": "ftp://cam/video"}, "ftp:// is not supported"),
        ({"source": f"rtsp://admin:{SECRET}@"}, "no valid host"),
        ({"source": f"rtsp://admin:{SECRET}@cam:99999/"}, "no valid host and port"),
        ({"source": f"rtsp://admin:{SECRET}@cam", "pace": "lossless"}, "does not wait"),
        ({"source": "a.mp4", "loop": True}, "pace `live`"),
        ({"source": 0, "loop": True, "pace": "live"}, "pace `live`"),
        ({"source": f"rtsp://admin:{SECRET}@cam", "read_timeout_ms": 1}, "greater than"),
        ({"source": f"rtsp://admin:{SECRET}@cam/a\nb"}, "holds a control character"),
        ({"source": "csi://left"}, "such as csi://0"),
        ({"source": "gst://  "}, "needs a pipeline"),
        ({"source": "gst://videotestsrc name='x"}, "cannot be read: No closing quotation"),
        ({"source": "synthetic://yard?fsp=5"}, "knows no 'fsp'"),
        ({"source": "a.mp4", "transport": "udp"}, "is for rtsp://"),
        ({"source": "rtsp://cam", "transport": "udp", "decoder": "opencv"}, "read by ffmpeg"),
        ({"source": 0, "decoder": "ffmpeg"}, "is for rtsp:// and http://"),
        ({"source": "csi://0", "decoder": "opencv"}, "read by GStreamer"),
        ({"source": "http://cam/", "decoder": "gstreamer"}, "is for rtsp://, USB"),
        ({"source": 0, "width_px": 640}, "go together"),
        ({"source": "synthetic://a?frames=5&faults=down@1-2", "pace": "lossless"}, "pace `live`"),
        ({"source": "synthetic://a", "pace": "lossless"}, "needs `frames`"),
    ],
)
def test_what_cannot_be_is_refused_without_the_password(
    document: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words) as caught:
        CameraSource.model_validate(document)
    assert SECRET not in str(caught.value)


def test_the_settings_file_s_errors_hold_no_password() -> None:
    text = f"source: rtsp://admin:{SECRET}@cam:0/\nlop: true\n"
    with pytest.raises(SettingsError) as caught:
        parse(text, "x.yaml", CameraSource)
    assert SECRET not in str(caught.value)
    assert "did you mean 'loop'" in str(caught.value)


def test_a_synthetic_scene_that_ends_may_be_lossless() -> None:
    settings = CameraSource(source="synthetic://yard?frames=9", pace="lossless")
    assert (settings.lossless, settings.is_camera) == (True, False)


def test_repr_holds_no_password() -> None:
    assert SECRET not in repr(CameraSource(source=f"rtsp://admin:{SECRET}@cam/1"))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("video.mp4", "video.mp4"),
        ("/dev/video0", "/dev/video0"),
        ("0", "0"),
        ("rtsp://10.0.0.5:554/stream1", "rtsp://10.0.0.5:554/stream1"),
        ("rtsp://[fe80::1]:554/stream1", "rtsp://[fe80::1]:554/stream1"),
        (f"rtsp://admin:{SECRET}@10.0.0.5/stream1", "rtsp://***@10.0.0.5/stream1"),
        (f"http://cam/video.cgi?user=admin&pwd={SECRET}", "http://cam/video.cgi?***"),
        (f"http://cam/video.cgi#{SECRET}", "http://cam/video.cgi#***"),
        (f"rtsp://cam/user=admin_password={SECRET}_channel=1", "rtsp://cam/***"),
        (f"rtsp://admin:a/{SECRET}@cam/1", "rtsp://***"),
        (f"rtsp://admin:a?{SECRET}@cam/1", "rtsp://***"),
        (f"rtsp://admin:a#{SECRET}@cam/1", "rtsp://***"),
        (f"rtsp://admin:a@{SECRET}@cam/1", "rtsp://***"),
        (f"http://cam/?pwd=a@{SECRET}", "http://***"),
        (f"gst://rtspsrc user-pw={SECRET}", "gst://***"),
        ("csi://0", "csi://0"),
        (f"admin:{SECRET}@cam/1", "***@cam/1"),
        (f"/etc/wayside/admin:a/{SECRET}@cam/1", "/etc/wayside/***@cam/1"),
        (f"admin:{SECRET}@rtsp://cam/1", "***://***"),
    ],
)
def test_redaction(source: str, shown: str) -> None:
    assert redact(source) == shown


PRINTABLE = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)


@given(user=PRINTABLE, password=PRINTABLE, path=st.sampled_from(["", "/", "/live/1"]))
def test_no_password_is_ever_shown(user: str, password: str, path: str) -> None:
    secret = f"{password}~~secret"
    assert "~~secret" not in redact(f"rtsp://{user}:{secret}@camera{path}")
    assert "~~secret" not in redact(f"http://camera{path}?user={user}&password={secret}")


def test_a_password_in_the_wrong_place_is_not_told() -> None:
    with pytest.raises(ValidationError, match=r"\*\*\*:// is not supported") as refused:
        CameraSource(source=f"admin:{SECRET}@rtsp://cam/1")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "said",
    [
        f"rtsp://admin:{SECRET}@cam/1: Connection refused",
        f"[tcp @ 0x5] Connection to tcp://admin:{SECRET}@cam:554?timeout=0 failed",
        f"rtsp://admin:a/{SECRET}@cam/1 and rtsp://admin:a@{SECRET}@cam/1",
    ],
)
def test_what_other_programs_say_holds_no_password(said: str) -> None:
    assert SECRET not in without(said, f"rtsp://admin:{SECRET}@cam/1")
    assert "cam" in without(said, f"rtsp://admin:{SECRET}@cam/1")
