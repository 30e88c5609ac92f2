"""A number in a file, as the kernel's sysfs shows temperatures, voltages and GPIO lines.

/sys/class/thermal/thermal_zone0/temp          thousandths of a degree Celsius
/sys/class/hwmon/hwmon0/in1_input              mV
/sys/bus/iio/devices/iio:device0/in_voltage0_raw   steps of a converter
/sys/class/gpio/gpio17/value                   0 or 1
"""

import math
import os
import re
import stat
from pathlib import Path

from edge.errors import SensorError

MAX_BYTES = 64
"""A number is no longer."""

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


class NumberFile:
    """A sensor that is read by reading a file anew each time.

    Args:
        path: of the file.
        scale: what the number is multiplied by.
        offset: what is added then.
        least: a smaller value is no measurement but a fault.
        most: a larger one, too.
    """

    def __init__(self, path: Path, scale: float, offset: float, least: float, most: float) -> None:
        self._path = path
        self._scale = scale
        self._offset = offset
        self._least = least
        self._most = most

    def read(self) -> float:
        """The value of now, in the sensor's unit.

        Raises:
            SensorError: the file cannot be read, holds no number, or one that cannot be.
        """
        text = _content(self._path).strip()
        if _NUMBER.fullmatch(text) is None:
            raise SensorError(f"{self._path} holds {text[:40]!r}, no number")
        value = float(text) * self._scale + self._offset
        if not (math.isfinite(value) and self._least <= value <= self._most):
            raise SensorError(
                f"{self._path} says {text[:40]}, a value of {value:g}: it may be "
                f"{self._least:g} to {self._most:g} (`minimum`, `maximum`)"
            )
        return value

    def close(self) -> None:
        """Nothing is held between two readings."""


def _content(path: Path) -> str:
    """The text of a small regular file.

    Raises:
        SensorError: missing, of another kind, not readable, or too long.
    """
    try:
        # O_NONBLOCK: a named pipe in its place would wait for a writer for ever.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise SensorError(f"{path} is no regular file")
            content = os.read(file, MAX_BYTES + 1)
        finally:
            os.close(file)
    except OSError as error:
        raise SensorError(
            f"{path} cannot be read: {error.strerror}; is the driver loaded, may the agent's "
            "user read it?"
        ) from error
    if len(content) > MAX_BYTES:
        raise SensorError(f"{path} is longer than {MAX_BYTES} bytes: it holds no number")
    return content.decode("ascii", "replace")
