"""Settings of sensors: what is refused, and with which words."""

from pathlib import Path
from typing import Any

import pytest

from edge.sensors.settings import FileSensorSettings, gpsd_address
from edge.settings import EdgeSettings, load
from tests.support.small_agent import small_agent
from wayside.errors import SettingsError

GPS = {"id": "gps", "kind": "gps", "source": "/dev/ttyACM0"}
TEMP = {"id": "temp", "kind": "file", "path": "temp", "unit": "Cel"}


def loaded(folder: Path, *sensors: dict[str, Any]) -> EdgeSettings:
    return load(small_agent(folder, sensors=list(sensors)))


def refusals(folder: Path, *sensors: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, *sensors)
    return [f"{problem.key}: {problem.message}" for problem in caught.value.problems]


def test_without_sensors_there_are_none(tmp_path: Path) -> None:
    assert load(small_agent(tmp_path)).sensors == ()


def test_a_file_is_meant_from_the_settings_folder(tmp_path: Path) -> None:
    (sensor,) = loaded(tmp_path, TEMP).sensors
    assert isinstance(sensor, FileSensorSettings)
    assert sensor.path == tmp_path / "temp"
    assert (sensor.least, sensor.most) == (float("-inf"), float("inf"))


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("gpsd://127.0.0.1", ("127.0.0.1", 2947, "")),
        ("gpsd://router.local:29470/", ("router.local", 29470, "")),
        ("gpsd://[::1]:2947/dev/ttyACM0", ("::1", 2947, "/dev/ttyACM0")),
    ],
)
def test_addresses_of_gpsd(source: str, address: tuple[str, int, str]) -> None:
    assert gpsd_address(source) == address


@pytest.mark.parametrize(
    "source", ["", "ttyACM0", "gpsd://", "gpsd://:2947", "gpsd://host:0", "gpsd://host:99999",
               "tcp://host:2947", "gpsd://host?x", "gpsd://me@host"],
)  # fmt: skip
def test_what_is_no_receiver_is_refused(tmp_path: Path, source: str) -> None:
    (refusal,) = refusals(tmp_path, {**GPS, "source": source})
    assert refusal.startswith("sensors[0].source: must be a serial port (/dev/ttyACM0) or gpsd://")


@pytest.mark.parametrize(
    ("unit", "words"),
    [("°C", "write Cel"), ("C", "write Cel"), ("volts", "write V"), ("", "write 1"),
     ("m s", "must be a unit of UCUM"), ("Ω", "must be a unit of UCUM")],
)  # fmt: skip
def test_units_are_ucums(tmp_path: Path, unit: str, words: str) -> None:
    (refusal,) = refusals(tmp_path, {**TEMP, "unit": unit})
    assert refusal.startswith("sensors[0].unit: ")
    assert words in refusal


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "lidar"}, "sensors[0].kind: must be 'gps' or 'file', not 'lidar'"),
        ({"scale": 0}, "scale 0 makes every reading the same"),
        ({"minimum": 5, "maximum": 5}, "minimum 5 must be below maximum 5"),
        ({"scale": ".nan"}, "sensors[0].scale"),
        ({"interval_s": 0.01}, "sensors[0].interval_s"),
        ({"min_change": 0}, "sensors[0].min_change"),
        ({"baud": 9600}, "sensors[0].baud: is unknown"),
        ({"id": "T"}, "sensors[0].id"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    (refusal,) = refusals(tmp_path, {**TEMP, **changes})
    assert words in refusal


def test_a_speed_of_the_line_that_there_is_not_is_refused(tmp_path: Path) -> None:
    (refusal,) = refusals(tmp_path, {**GPS, "baud": 9601})
    assert refusal.startswith("sensors[0].baud: ")
    assert "9600" in refusal


def test_names_that_clash_or_lead_nowhere_are_refused_together(tmp_path: Path) -> None:
    found = refusals(
        tmp_path, {**GPS, "cameras": ["yard", "roof"]}, TEMP, TEMP, {**GPS, "id": "second"}
    )
    assert found == [
        "sensors[0].cameras[1]: there is no camera 'roof'; known: yard",
        "sensors[2].id: 'temp' stands twice, first in sensors[1]",
        "sensors[3].kind: a device has one GPS receiver, sensors[0] is it",
    ]
