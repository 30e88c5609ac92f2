from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.capture.redaction import redact
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
    ],
)
def test_what_a_source_is(source: int | str, kind: str, value: int | str) -> None:
    settings = CameraSource(source=source)
    assert (settings.kind, settings.source) == (kind, value)
    assert settings.lossless is (kind == "file")


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
