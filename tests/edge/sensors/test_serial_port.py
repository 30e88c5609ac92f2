"""A receiver on a serial port: a pty pair stands for the cable."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import SensorError
from edge.sensors.assembly import open_receiver
from edge.sensors.port import Fix, Sensor
from edge.sensors.serial_port import SerialPort
from edge.sensors.settings import GpsSettings
from tests.support.fake_sensor import next_value
from tests.support.nmea import PtyReceiver, rmc, sentence


@pytest.fixture
def pty(tmp_path: Path) -> Iterator[PtyReceiver]:
    receiver = PtyReceiver(tmp_path / "ttyGPS")
    receiver.plug()
    yield receiver
    receiver.unplug()


def opened(pty: PtyReceiver, **changes: float) -> Sensor[Fix]:
    settings = GpsSettings.model_validate(
        {"id": "gps", "kind": "gps", "source": str(pty.path), **changes}
    )
    return open_receiver(settings, time.time_ns)


def test_bytes_pass_as_they_are(pty: PtyReceiver) -> None:
    """No echo, no translation of line ends, no signals of a terminal."""
    odd = bytes(range(256))
    with closing(SerialPort(str(pty.path), 115200)) as port:
        pty.send(odd)
        found = b""
        while len(found) < len(odd):
            found += port.read()
    assert found == odd


def test_a_receiver_in_the_middle_of_a_sentence_among_others_and_garbage(
    pty: PtyReceiver,
) -> None:
    with closing(opened(pty)) as sensor:
        pty.send(b"2,N,01131.0000,E,022.4,084.4,230394,,,A*57\r\n")
        pty.send(sentence("GPGSV,1,1,01,03,03,111,00") + b"\xff\x00\x13\x11garbage\r\n")
        first, second = rmc(48.0, 11.0), rmc(49.0, 11.0).replace(b"N", b"S", 1)
        pty.send(second)  # its checksum is wrong now
        pty.send(first[:20])
        assert sensor.read() is None
        pty.send(first[20:])
        assert next_value(sensor).latitude_deg == pytest.approx(48.0)


def test_what_waits_in_the_port_when_it_is_opened_is_old_and_left_out(pty: PtyReceiver) -> None:
    pty.send(rmc(1.0, 2.0))
    with closing(opened(pty)) as sensor:
        pty.send(rmc(48.0, 11.0))
        assert next_value(sensor).latitude_deg == pytest.approx(48.0)


def test_unplugged_and_plugged_in_again_as_another_device(pty: PtyReceiver) -> None:
    with closing(opened(pty)) as sensor:
        pty.send(rmc(48.0, 11.0))
        next_value(sensor)
        pty.unplug()
        with pytest.raises(SensorError, match="ttyGPS was unplugged"):
            next_value(sensor)
    with pytest.raises(SensorError, match="ttyGPS cannot be opened: it is not there; is the"):
        opened(pty)
    pty.plug()
    with closing(opened(pty)) as sensor:
        pty.send(rmc(49.0, 11.0))
        assert next_value(sensor).latitude_deg == pytest.approx(49.0)


def test_a_flood_is_an_error(pty: PtyReceiver) -> None:
    with closing(opened(pty, max_bytes_per_s=2048)) as sensor:
        pty.send((b"x" * 99 + b"\n") * 30)
        with pytest.raises(SensorError, match="ttyGPS floods: more than 2048 bytes within a s"):
            next_value(sensor)


def test_what_is_no_serial_port_is_refused_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, "/dev/null", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(SensorError, match="is no serial port"):
            SerialPort(str(path), 9600)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
