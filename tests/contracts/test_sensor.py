"""What holds for every sensor: the fake, a number in a file, a serial port, gpsd.

Here gpsd is played; the real one has its test in tests/edge/sensors/test_gpsd.py.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from edge.errors import SensorError
from edge.sensors.assembly import open_file, open_receiver
from edge.sensors.port import Fix, Sensor
from edge.sensors.settings import FileSensorSettings, GpsSettings
from tests.support.fake_sensor import FakeSensor, next_value
from tests.support.gpsd import PlayedGpsd
from tests.support.nmea import PtyReceiver, rmc

BEGIN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@dataclass
class Bench:
    """A sensor, and the other end of it.

    Attributes:
        sensor: open.
        show: has it measure a number; of a receiver, so many hundredths of a degree north.
        vanish: takes it away.
    """

    sensor: Sensor[float | Fix]
    show: Callable[[int], None]
    vanish: Callable[[], None]

    def measured(self, number: int) -> int:
        """What is measured once `number` is shown."""
        self.show(number)
        value = next_value(self.sensor)
        return round(value.latitude_deg * 100 if isinstance(value, Fix) else value)


def receiver(source: str) -> Sensor[Fix]:
    settings = GpsSettings(id="gps", kind="gps", source=source, silence_s=60)
    return open_receiver(settings, time.time_ns)


def when(number: int) -> datetime:
    return BEGIN + timedelta(seconds=number)


def number_file(folder: Path) -> Bench:
    path = folder / "temp"
    path.write_text("0")
    settings = FileSensorSettings(id="temp", kind="file", path=path, unit="Cel")

    def show(number: int) -> None:
        path.write_text(str(number))

    return Bench(open_file(settings), show, path.unlink)


def fake() -> Bench:
    sensor = FakeSensor()
    return Bench(sensor, sensor.put, lambda: sensor.put(SensorError("gone")))


def played_gpsd(ends: ExitStack) -> Bench:
    server = PlayedGpsd()
    ends.callback(server.close)

    def show(number: int) -> None:
        at = when(number).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        server.report(**{"class": "TPV"}, mode=3, time=at, lat=number / 100, lon=0.0)

    return Bench(receiver(f"gpsd://127.0.0.1:{server.port}"), show, server.hang_up)


def serial_port(folder: Path, ends: ExitStack) -> Bench:
    pty = PtyReceiver(folder / "gps")
    pty.plug()
    ends.callback(pty.unplug)

    def show(number: int) -> None:
        pty.send(rmc(number / 100, 0.0, when=when(number)))

    return Bench(receiver(str(pty.path)), show, pty.unplug)


@pytest.fixture(params=["fake", "file", "serial", "gpsd"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as ends:
        match request.param:
            case "fake":
                made = fake()
            case "file":
                made = number_file(tmp_path)
            case "gpsd":
                made = played_gpsd(ends)
            case _:
                made = serial_port(tmp_path, ends)
        with closing(made.sensor):
            yield made


def test_values_are_what_was_measured(bench: Bench) -> None:
    assert [bench.measured(number) for number in range(1, 6)] == [1, 2, 3, 4, 5]


def test_a_read_comes_back_without_a_value(bench: Bench) -> None:
    """Or its thread could not end."""
    value = bench.sensor.read()
    assert value is None or value == 0.0
    assert bench.measured(7) == 7


def test_a_sensor_that_vanishes_is_an_error_that_says_so(bench: Bench) -> None:
    assert bench.measured(1) == 1
    bench.vanish()
    with pytest.raises(SensorError) as caught:
        next_value(bench.sensor)
    assert str(caught.value).isprintable()


def test_closing_twice_is_harmless(bench: Bench) -> None:
    assert bench.measured(1) == 1
    bench.sensor.close()
    bench.sensor.close()
