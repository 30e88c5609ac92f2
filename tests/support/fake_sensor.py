"""A sensor whose values a test puts in, and how a test waits for a sensor's value."""

import queue
from typing import TypeVar

from edge.errors import SensorError
from edge.sensors.port import Sensor

T = TypeVar("T")


def next_value(sensor: Sensor[T]) -> T:
    """The next value, however long it takes; raises what the sensor raises."""
    while (value := sensor.read()) is None:
        pass
    return value


class FakeSensor:
    """Gives what was put in, in that order; an error that was put in is raised."""

    def __init__(self) -> None:
        self._values: queue.Queue[float | Exception] = queue.Queue()
        self.closed = False

    def put(self, value: float | Exception) -> None:
        self._values.put(value)

    def read(self) -> float | None:
        if self.closed:
            raise SensorError("the fake is closed")
        try:
            value = self._values.get(timeout=0.02)
        except queue.Empty:
            return None
        if isinstance(value, Exception):
            raise value
        return value

    def close(self) -> None:
        self.closed = True
