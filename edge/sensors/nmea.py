"""Sentences of NMEA 0183 taken apart: no I/O, no clock, no memory.

    $GPRMC,092751.000,A,5321.6802,N,00630.3371,W,0.06,31.66,280511,,,A*45
    $<talker 2><type 3>,<field>,...*<checksum: XOR of all between $ and *, two hex digits>

The fields are those of NMEA 0183 version 2.3 and later, which receivers' manuals describe
(u-blox "Receiver Description", section "NMEA Protocol"; Garmin "GPS 18 Technical
Specifications", section 4.2). Every field may be empty.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from edge.errors import SensorError

MAX_SENTENCE_BYTES = 128
"""The standard allows 82, receivers with many decimals send more."""

TALKERS = frozenset({"GP", "GL", "GA", "GB", "BD", "GQ", "GI", "GN"})
"""GPS, GLONASS, Galileo, BeiDou (two names), QZSS, NavIC, and several of them together."""

KNOT_MPS = 1852 / 3600
_KMH_MPS = 1 / 3.6
_CENTURY_TURN = 80  # GPS time begins in 1980
_SENTENCE = re.compile(rb"\$([A-Z]{2})([A-Z]{3}),([ -)+-~]*)\*([0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
_TIME = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2}(?:\.[0-9]*)?)")
_DATE = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})")
_ANGLE = re.compile(r"([0-9]{1,3})([0-9]{2}(?:\.[0-9]*)?)")
_MEASURED_MODES = frozenset("ADEFPR")
_MEASURED_QUALITIES = frozenset("123456")


@dataclass(frozen=True, slots=True)
class Rmc:
    """Recommended minimum: time, position, speed and course.

    Attributes:
        time: of the day as it was sent, `hhmmss.sss`; what belongs together carries the same.
        position: latitude and longitude in degrees, None without a fix.
        speed_mps: over ground, None where it is not said.
        course_deg: over ground, clockwise from true north, None where it is not said.
        utc_ns: Unix time, None where date or time is not said.
    """

    time: str
    position: tuple[float, float] | None
    speed_mps: float | None
    course_deg: float | None
    utc_ns: int | None


@dataclass(frozen=True, slots=True)
class Gga:
    """Fix data: time of the day and position, see `Rmc`."""

    time: str
    position: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Vtg:
    """Course and speed over ground, see `Rmc`."""

    speed_mps: float | None
    course_deg: float | None


Sentence = Rmc | Gga | Vtg


def parse(line: bytes) -> Sentence | None:
    """What a line says.

    Args:
        line: without its end.

    Returns:
        None for a sentence that is right and of no use here: another type or another talker.

    Raises:
        SensorError: it is no sentence, or its checksum or a field is wrong.
    """
    match = _SENTENCE.fullmatch(line.strip()) if len(line) <= MAX_SENTENCE_BYTES else None
    if match is None:
        raise SensorError(f"{_shown(line)} is no NMEA sentence")
    talker, kind, body, sum_hex = (group.decode("ascii") for group in match.groups())
    if checksum(f"{talker}{kind},{body}") != int(sum_hex, 16):
        raise SensorError(f"{_shown(line)} has a wrong checksum")
    if talker not in TALKERS:
        return None
    fields = [field.strip() for field in body.split(",")]
    try:
        match kind:
            case "RMC":
                return _rmc(fields)
            case "GGA":
                return _gga(fields)
            case "VTG":
                return _vtg(fields)
    except (ValueError, IndexError) as error:
        raise SensorError(f"{_shown(line)}: {error}") from error
    return None


def checksum(text: str) -> int:
    """XOR of what stands between `$` and `*`."""
    total = 0
    for byte in text.encode("ascii"):
        total ^= byte
    return total


def _rmc(fields: list[str]) -> Rmc:
    """time, status, lat, N/S, lon, E/W, knots, course, date, variation, E/W[, mode[, status]]."""
    is_valid = fields[1] == "A" and _is_measured(fields[11:12])
    return Rmc(
        time=_time_of_day(fields[0]),
        position=_position(fields[2:6]) if is_valid else None,
        speed_mps=_number(fields[6], "speed", KNOT_MPS),
        course_deg=_course(fields[7]),
        utc_ns=_utc_ns(fields[8], fields[0]),
    )


def _gga(fields: list[str]) -> Gga:
    """time, lat, N/S, lon, E/W, quality, satellites, HDOP, altitude, ..."""
    is_valid = fields[5] in _MEASURED_QUALITIES
    return Gga(_time_of_day(fields[0]), _position(fields[1:5]) if is_valid else None)


def _vtg(fields: list[str]) -> Vtg:
    """course, T, magnetic course, M, knots, N, km/h, K[, mode]; before 2.3: without the letters."""
    if "T" not in fields[1:2] or "N" not in fields[5:6]:
        raise ValueError("a VTG of before version 2.3 is not understood")
    if not _is_measured(fields[8:9]):
        return Vtg(None, None)
    speed_mps = _number(fields[4], "speed", KNOT_MPS)
    if speed_mps is None:
        speed_mps = _number("".join(fields[6:7]), "speed", _KMH_MPS)
    return Vtg(speed_mps, _course(fields[0]))


def _is_measured(mode: list[str]) -> bool:
    """False for a position that is typed in, simulated or not valid; older ones say no mode."""
    return not mode or mode[0] == "" or mode[0] in _MEASURED_MODES


def _position(fields: list[str]) -> tuple[float, float] | None:
    latitude, north, longitude, east = fields
    if not latitude or not longitude:
        return None
    return (_degrees(latitude, north, "NS", 90), _degrees(longitude, east, "EW", 180))


def _degrees(text: str, side: str, sides: str, most: int) -> float:
    """`dddmm.mmmm` and a letter into degrees, negative in the south and in the west."""
    match = _ANGLE.fullmatch(text)
    if match is None or side not in tuple(sides):
        raise ValueError(f"{text!r} {side!r} is no angle")
    degrees, minutes = int(match[1]), float(match[2])
    angle = degrees + minutes / 60
    if minutes >= 60 or angle > most:
        raise ValueError(f"{text!r} is no angle up to {most} degrees")
    return -angle if side == sides[1] else angle


def _course(text: str) -> float | None:
    course_deg = _number(text, "course", 1.0)
    if course_deg is not None and course_deg > 360:
        raise ValueError(f"{text!r} is no course")
    return None if course_deg is None else course_deg % 360


def _number(text: str, what: str, unit: float) -> float | None:
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None or not math.isfinite(number := float(text) * unit):
        raise ValueError(f"{text!r} is no {what}")
    return number


def _time_of_day(text: str) -> str:
    if text and _TIME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no time")
    return text


def _utc_ns(date: str, time: str) -> int | None:
    """Unix time of `ddmmyy` and `hhmmss.sss`; second 60 is a leap second, the next one's first."""
    if not date or not time:
        return None
    day, clock = _DATE.fullmatch(date), _TIME.fullmatch(time)
    if day is None or clock is None:
        raise ValueError(f"{date!r} {time!r} is no date and time")
    year = int(day[3]) + (1900 if int(day[3]) >= _CENTURY_TURN else 2000)
    seconds = float(clock[3])
    if seconds >= 61:
        raise ValueError(f"{time!r} is no time")
    begin = datetime(year, int(day[2]), int(day[1]), int(clock[1]), int(clock[2]), tzinfo=_UTC)
    return (begin - _EPOCH) // timedelta(seconds=1) * 1_000_000_000 + round(seconds * 1e9)


_UTC = timezone.utc
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)


def _shown(line: bytes) -> str:
    """The beginning of a line, printable, for a message."""
    text = repr(line[:40])[1:]
    return f"{text}..." if len(line) > 40 else text
