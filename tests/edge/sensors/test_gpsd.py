"""gpsd: the real one over a receiver on a pty, and what a played one says."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SensorError
from edge.sensors.assembly import open_receiver
from edge.sensors.gpsd import GpsdConnection, Reports
from edge.sensors.port import Fix, Sensor
from edge.sensors.settings import GpsSettings
from tests.support.fake_sensor import next_value
from tests.support.gpsd import PlayedGpsd, real_gpsd
from tests.support.nmea import PtyReceiver, rmc
from tests.support.processes import free_port

NOW_NS = 1_700_000_000_000_000_000
TPV = {"class": "TPV", "mode": 3, "time": "2023-11-14T22:13:20.500Z", "lat": -33.85,
       "lon": 151.21, "speed": 12.5, "track": 360.0}  # fmt: skip


def opened(port: int, device: str = "", **changes: float) -> Sensor[Fix]:
    settings = GpsSettings.model_validate(
        {"id": "gps", "kind": "gps", "source": f"gpsd://127.0.0.1:{port}{device}", **changes}
    )
    return open_receiver(settings, time.time_ns)


def understood(**changes: object) -> Fix | None:
    report = {key: value for key, value in {**TPV, **changes}.items() if value != "gone"}
    return Reports(lambda: NOW_NS).understand(json.dumps(report).encode())


@pytest.fixture
def gpsd() -> Iterator[PlayedGpsd]:
    server = PlayedGpsd()
    yield server
    server.close()


def test_the_real_gpsd_gives_the_fixes_of_its_receiver_until_it_ends(tmp_path: Path) -> None:
    pty = PtyReceiver(tmp_path / "gps")
    pty.plug()
    with real_gpsd(tmp_path, pty.path) as port, closing(opened(port)) as sensor:
        fixes: list[Fix] = []
        while len(fixes) < 3:
            north = (len(fixes) + 1) / 100
            pty.send(rmc(48 + north, -11.5, speed_mps=20, course_deg=90))
            fix = sensor.read()
            if fix is not None:
                fixes.append(fix)
    pty.unplug()
    assert {round(fix.longitude_deg, 6) for fix in fixes} == {-11.5}
    assert all(48 < fix.latitude_deg < 48.05 for fix in fixes)
    assert fixes[-1].speed_mps == pytest.approx(20, abs=0.1)
    assert fixes[-1].heading_deg == pytest.approx(90, abs=0.1)
    assert fixes[-1].utc_ns is not None
    assert abs(fixes[-1].captured_ns - fixes[-1].utc_ns) < 2e9


def test_a_report_is_a_fix() -> None:
    assert understood() == Fix(NOW_NS, -33.85, 151.21, 12.5, 0.0, 1_700_000_000_500_000_000)
    assert understood(speed="gone", track="gone", time="gone") == Fix(NOW_NS, -33.85, 151.21)
    assert understood(mode=2, time="2023-11-14T22:13:20Z") is not None


@pytest.mark.parametrize("changes", [{"mode": 1}, {"mode": 0}, {"mode": "gone"}, {"lat": "gone"},
                                     {"class": "SKY"}, {"status": 8}])  # fmt: skip
def test_a_report_without_a_fix_is_none(changes: dict[str, object]) -> None:
    assert understood(**changes) is None


def test_two_reports_of_one_moment_are_one_fix() -> None:
    reports = Reports(lambda: NOW_NS)
    line = json.dumps(TPV).encode()
    assert reports.understand(line) is not None
    assert reports.understand(line) is None


@pytest.mark.parametrize(
    "changes",
    [{"lat": 91}, {"lon": -180.5}, {"lat": "48"}, {"lat": True}, {"lat": None}, {"lat": [1]},
     {"speed": -1}, {"speed": float("nan")}, {"speed": 10**400}, {"track": 361},
     {"time": "yesterday"}, {"time": 7}, {"class": 3}, {"class": "ERROR", "message": "x" * 999}],
)  # fmt: skip
def test_what_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SensorError) as caught:
        understood(**changes)
    assert len(str(caught.value)) < 200


@given(st.binary(max_size=60) | st.sampled_from([b"[" * 16_000, b"1", b"[]", b"null", b'"TPV"']))
def test_any_bytes_are_a_report_or_an_error(line: bytes) -> None:
    with pytest.raises(SensorError):
        Reports(lambda: NOW_NS).understand(line)


def test_it_asks_for_reports_of_its_receiver(gpsd: PlayedGpsd) -> None:
    with closing(opened(gpsd.port, "/dev/ttyACM0")) as sensor:
        gpsd.report(**TPV)
        next_value(sensor)
    assert gpsd.asked == ['?WATCH={"enable": true, "json": true, "device": "/dev/ttyACM0"};\n']


def test_a_flood_is_an_error(gpsd: PlayedGpsd) -> None:
    with closing(opened(gpsd.port, max_bytes_per_s=1024)) as sensor:
        gpsd.send(b"x" * 100 + b"\n" * 10_000)
        with pytest.raises(SensorError, match=r"gpsd://127.* floods: more than 1024 bytes"):
            next_value(sensor)


def test_where_nobody_answers_it_says_so() -> None:
    port = free_port()
    with pytest.raises(SensorError, match=rf"gpsd://127.0.0.1:{port} does not answer.*running"):
        GpsdConnection("127.0.0.1", port)


def test_what_can_be_no_name_is_told() -> None:
    with pytest.raises(SensorError, match=r"gpsd://a\.\.b:2947: there can be no such name"):
        GpsdConnection("a..b", 2947)
