"""Settings of the sensors beside the cameras: a GPS receiver, and numbers in files."""

import math
import re
from collections.abc import Collection, Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from protos.ids import check_id
from wayside.paths import SettingsPath

GPSD_PORT = 2947
"""Registered with IANA."""

Id = Annotated[str, AfterValidator(check_id)]
Baud = Literal[4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600]
Number = Annotated[float, Field(allow_inf_nan=False)]
_SOURCE = "a serial port (/dev/ttyACM0) or gpsd://host[:port][/dev/ttyACM0]"
_UNIT = re.compile(r"[!-~]{1,32}")  # UCUM 2.1, section 1: printable ASCII without space
_NO_UNITS = {"°C": "Cel", "C": "Cel (C is a coulomb)", "degC": "Cel", "celsius": "Cel",
             "volt": "V", "volts": "V", "percent": "%", "": "1 where there is none"}  # fmt: skip


class _Sensor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    every_s: float = Field(
        60.0, ge=1, le=86_400, description="a reading is told at least so often, in s"
    )
    reconnect_initial_s: float = Field(0.5, gt=0, le=60)
    reconnect_max_s: float = Field(30.0, gt=0, le=3600, description="longest wait before a retry")


class GpsSettings(_Sensor):
    """A GPS receiver: its position goes into events, and is told as a reading of its own."""

    kind: Literal["gps"]
    source: str = Field(description=_SOURCE)
    baud: Baud = Field(9600, description="of a serial port, bits a second")
    cameras: tuple[Id, ...] = Field(
        (), description="whose events carry the position; empty: every camera's"
    )
    every_s: float = Field(
        10.0, ge=1, le=86_400, description="speed and position are told so often, in s"
    )
    max_age_s: float = Field(
        2.0, ge=0.1, le=60, description="s between a frame and a fix; beyond, nobody knows where"
    )
    max_speed_mps: float = Field(
        100.0, ge=1, le=1000, description="m/s; a fix that needs a faster vehicle is a jump"
    )
    silence_s: float = Field(
        5.0, ge=1, le=600, description="s without a sentence after which it is opened again"
    )
    max_bytes_per_s: int = Field(
        65_536, ge=1024, le=1_048_576, description="a sender of more is no receiver"
    )

    @field_validator("source")
    @classmethod
    def _is_a_source(cls, source: str) -> str:
        if not source.startswith("/"):
            gpsd_address(source)
        return source


class FileSensorSettings(_Sensor):
    """A number in a file, such as sysfs has them: temperature, voltage, a GPIO line."""

    kind: Literal["file"]
    path: SettingsPath = Field(description="a small file that holds one number")
    unit: str = Field(description="UCUM: Cel, V, mV, %, 1")
    scale: Number = Field(1.0, description="what the number is multiplied by")
    offset: Number = Field(0.0, description="what is added then, in the unit")
    minimum: Number | None = Field(None, description="a smaller value is a fault of the sensor")
    maximum: Number | None = Field(None, description="a larger value is a fault of the sensor")
    interval_s: float = Field(5.0, ge=0.1, le=3600, description="s between two readings")
    min_change: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="a change of so much is told at once"
    )

    @field_validator("unit")
    @classmethod
    def _is_ucum(cls, unit: str) -> str:
        if unit in _NO_UNITS:
            raise ValueError(f"{unit!r} is not what UCUM calls it; write {_NO_UNITS[unit]}")
        if _UNIT.fullmatch(unit) is None:
            raise ValueError("must be a unit of UCUM: Cel, V, mV, %, 1 (https://ucum.org)")
        return unit

    @model_validator(mode="after")
    def _makes_sense(self) -> "FileSensorSettings":
        if self.scale == 0:
            raise ValueError("scale 0 makes every reading the same")
        if self.least >= self.most:
            raise ValueError(f"minimum {self.least:g} must be below maximum {self.most:g}")
        return self

    @property
    def least(self) -> float:
        """The smallest value that counts."""
        return -math.inf if self.minimum is None else self.minimum

    @property
    def most(self) -> float:
        """The largest value that counts."""
        return math.inf if self.maximum is None else self.maximum


SensorSettings = Annotated[GpsSettings | FileSensorSettings, Field(discriminator="kind")]


def gpsd_address(source: str) -> tuple[str, int, str]:
    """Host, port and device of `gpsd://host[:port][/device]`; the device may be empty.

    Raises:
        ValueError: it is no such URL.
    """
    try:
        parts = urlsplit(source)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    plain = parts.scheme == "gpsd" and host and not parts.query and not parts.username
    if not plain or port == 0:
        raise ValueError(f"must be {_SOURCE}")
    device = "" if parts.path == "/" else parts.path
    return str(host), port or GPSD_PORT, device


def sensor_problems(
    sensors: Sequence[SensorSettings], cameras: Collection[str]
) -> list[tuple[tuple[str | int, ...], str, str]]:
    """What is wrong with the sensors together: location below `sensors`, message, value.

    Args:
        sensors: of a device.
        cameras: ids of its cameras.
    """
    ids = [sensor.id for sensor in sensors]
    receivers = [
        (at, sensor) for at, sensor in enumerate(sensors) if isinstance(sensor, GpsSettings)
    ]
    found: list[tuple[tuple[str | int, ...], str, str]] = [
        ((at, "id"), f"{name!r} stands twice, first in sensors[{ids.index(name)}]", name)
        for at, name in enumerate(ids)
        if name in ids[:at]
    ]
    found += [
        ((at, "kind"), f"a device has one GPS receiver, sensors[{receivers[0][0]}] is it", "gps")
        for at, _ in receivers[1:]
    ]
    found += [
        ((at, "cameras", place), f"there is no camera {name!r}; known: {', '.join(cameras)}", name)
        for at, receiver in receivers
        for place, name in enumerate(receiver.cameras)
        if name not in cameras
    ]
    return found
