"""The sensors put together; of edge/sensors/ only this module names adapters, and late."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from edge.rules.port import Draft
from edge.sensors.lines import Lines
from edge.sensors.port import Fix, Sensor
from edge.sensors.positions import Positions, Sink, reading
from edge.sensors.reporting import Reporting
from edge.sensors.settings import FileSensorSettings, GpsSettings, SensorSettings, gpsd_address
from edge.sensors.watch import SensorStats, Watch
from protos.ids import Lane
from protos.v1.device_state_pb2 import DeviceState
from wayside.backoff import Backoff

JOIN_TIMEOUT_S = 4.0
"""What all sensors together get to end."""

_MAX_DETAIL_CHARS = 300

LOOK_S = 1.0
"""How often it is looked whether a read hangs."""


class Sensors:
    """All sensors of a device at work; use it as a context.

    Args:
        settings: of each.
        now_ns: the clock by which frames are captured, in ns of Unix time.
        sink: takes their readings.
        note_error: has the heartbeat repeat an error.
    """

    def __init__(
        self,
        settings: Sequence[SensorSettings],
        now_ns: Callable[[], int],
        sink: Sink,
        note_error: Callable[[str], None],
    ) -> None:
        self._now_ns = now_ns
        self._note_error = note_error
        self._gps = next((item for item in settings if isinstance(item, GpsSettings)), None)
        self._positions = None if self._gps is None else Positions(self._gps, sink)
        sink = sink if self._positions is None else self._positions.filled(sink)
        self._watches: list[Watch[Any]] = [self._watch(item, sink) for item in settings]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="sensors", daemon=True)

    def __enter__(self) -> "Sensors":
        for watch in self._watches:
            watch.start()
        if self._watches:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """No reading comes after this; twice is harmless."""
        self._stop.set()
        for watch in self._watches:
            watch.stop()
        until_s = time.monotonic() + JOIN_TIMEOUT_S
        for watch in self._watches:
            watch.join(until_s - time.monotonic())
        if self._watches:
            self._thread.join()

    def filled(self, camera: str, sink: Sink) -> Sink:
        """The sink for a camera's events; where they carry the position, it is filled in first."""
        if self._gps is None or self._positions is None:
            return sink
        carries = not self._gps.cameras or camera in self._gps.cameras
        return self._positions.filled(sink) if carries else sink

    def stats(self) -> list[SensorStats]:
        """How each is."""
        return [watch.stats for watch in self._watches]

    def reports(self) -> list[DeviceState.Sensor]:
        """What the heartbeat says of each."""
        return [
            DeviceState.Sensor(
                sensor=one.sensor,
                state=one.state,
                detail=one.detail[:_MAX_DETAIL_CHARS],
                readings=one.readings,
                reading_age_s=one.age_s,
            )
            for one in self.stats()
        ]

    def _look(self) -> None:
        while not self._stop.wait(LOOK_S):
            for watch in self._watches:
                watch.tell_stuck()

    def _watch(self, settings: SensorSettings, sink: Sink) -> Watch[Any]:
        backoff = Backoff(settings.reconnect_initial_s, settings.reconnect_max_s)
        if isinstance(settings, GpsSettings):
            assert self._positions is not None
            return Watch(
                settings.id, lambda: open_receiver(settings, self._now_ns), self._positions.take,
                backoff=backoff, interval_s=0.0, note_error=self._note_error,
            )  # fmt: skip
        return Watch(
            settings.id, lambda: open_file(settings), self._telling(settings, sink),
            backoff=backoff, interval_s=settings.interval_s, note_error=self._note_error,
        )  # fmt: skip

    def _telling(self, settings: FileSensorSettings, sink: Sink) -> Callable[[float], None]:
        reporting = Reporting(settings.every_s, settings.min_change)

        def tell(value: float) -> None:
            at_ns = self._now_ns()
            if reporting.is_due(at_ns, value):
                event = reading(settings.id, at_ns, value, settings.unit)
                sink([Draft(Lane.STATS, event)])

        return tell


def open_receiver(settings: GpsSettings, now_ns: Callable[[], int]) -> Sensor[Fix]:
    """The receiver on a serial port, or behind gpsd.

    Raises:
        SensorError: it cannot be opened.
    """
    from edge.sensors import gpsd, nmea
    from edge.sensors.assembler import Assembler
    from edge.sensors.receiver import Receiver
    from edge.sensors.serial_port import SerialPort

    bounds = settings.max_bytes_per_s, settings.silence_s
    if not settings.source.startswith("/"):
        link = gpsd.GpsdConnection(*gpsd_address(settings.source))
        reports = gpsd.Reports(now_ns)
        return Receiver(link, Lines(gpsd.MAX_REPORT_BYTES, *bounds), reports.understand)
    port = SerialPort(settings.source, settings.baud)
    assembler = Assembler(now_ns)
    return Receiver(port, Lines(nmea.MAX_SENTENCE_BYTES, *bounds), assembler.understand)


def open_file(settings: FileSensorSettings) -> Sensor[float]:
    """The number in a file; it is opened with each reading."""
    from edge.sensors.number_file import NumberFile

    return NumberFile(settings.path, settings.scale, settings.offset, settings.least, settings.most)
