"""Numbers in files, and what may stand there instead."""

import math
import os
from pathlib import Path

import pytest

from edge.errors import SensorError
from edge.sensors.number_file import NumberFile


def read(path: Path, scale: float = 1.0, offset: float = 0.0) -> float:
    return NumberFile(path, scale, offset, -math.inf, math.inf).read()


@pytest.mark.parametrize(
    ("text", "value"),
    [("45123\n", 45.123), ("-40000", -40.0), (" 0 \n", 0.0), ("1.5e3\n", 1.5), ("+7.", 0.007)],
)
def test_a_number_is_scaled(tmp_path: Path, text: str, value: float) -> None:
    path = tmp_path / "temp"
    path.write_text(text)
    assert read(path, 0.001) == pytest.approx(value)


def test_scale_and_offset_make_any_line(tmp_path: Path) -> None:
    """A TMP36 on a converter of 12 bits and 1.8 V: 10 mV a degree, 500 mV at 0."""
    path = tmp_path / "in_voltage0_raw"
    path.write_text("1707\n")
    assert read(path, 1800 / 4096 / 10, -50) == pytest.approx(25.01, abs=0.01)


def test_each_reading_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "value"
    sensor = NumberFile(path, 1, 0, 0, 1)
    path.write_text("0")
    assert sensor.read() == 0
    path.write_text("1")
    assert sensor.read() == 1


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"on", b"nan", b"inf", b"1_000", b"1 2", b"0x10", b"\xff\x00", b"1,5"]
)
def test_what_is_no_number_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "temp"
    path.write_bytes(content)
    with pytest.raises(SensorError, match=r"temp holds .*no number"):
        read(path)


@pytest.mark.parametrize("text", ["85001", "-127001", "1e999"])
def test_what_the_sensor_cannot_measure_is_its_fault_and_no_reading(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "w1_slave"
    path.write_text(text)
    with pytest.raises(SensorError, match=r"-55 to 85 \(`minimum`, `maximum`\)"):
        NumberFile(path, 0.001, 0, -55, 85).read()


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_text("1" * 65)
    with pytest.raises(SensorError, match="longer than 64 bytes"):
        read(path)


def test_what_is_no_regular_file_is_refused_and_nothing_waits(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, Path("/dev/zero")):
        with pytest.raises(SensorError, match="regular file"):
            read(path)


def test_a_missing_file_says_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match=r"gone cannot be read: No such file.*driver loaded"):
        read(tmp_path / "gone")
