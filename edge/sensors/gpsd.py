"""gpsd(8): its JSON over TCP, of which one report is read (TPV, see gpsd_json(5))."""

import json
import math
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from edge.errors import SensorError
from edge.sensors.port import Fix
from wayside.net import host_port

MAX_REPORT_BYTES = 16 * 1024
"""gpsd itself ends at 10 KiB (GPS_JSON_RESPONSE_MAX)."""

READ_BYTES = 16 * 1024
WAIT_S = 0.2
"""A read comes back after so long, so that its thread can end."""

CONNECT_TIMEOUT_S = 3.0
MAX_SPEED_MPS = 1e5
"""A larger number is none of a receiver's; what is plausible is asked of the fix later."""

_MODES_WITH_FIX = (2, 3)
_SIMULATED = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class GpsdConnection:
    """A link to gpsd that is told to report.

    Args:
        host: where gpsd runs.
        port: TCP port.
        device: the receiver's path as gpsd knows it, where it has several; empty: all.

    Raises:
        SensorError: nobody answers there.
    """

    def __init__(self, host: str, port: int, device: str = "") -> None:
        self.name = f"gpsd://{host_port(host, port)}{device}"
        self.remedy = "ask `gpspipe -w` whether gpsd has a receiver, and which"
        try:
            self._socket = socket.create_connection((host, port), CONNECT_TIMEOUT_S)
        except OSError as error:
            raise SensorError(
                f"{self.name} does not answer: {error.strerror or error}; is gpsd running there?"
            ) from error
        except UnicodeError as error:  # of a part that is empty or too long
            raise SensorError(f"{self.name}: there can be no such name; check `source`") from error
        watch = {"enable": True, "json": True} | ({"device": device} if device else {})
        try:
            self._socket.sendall(f"?WATCH={json.dumps(watch)};\n".encode())
            self._socket.settimeout(WAIT_S)
        except OSError as error:
            self.close()
            raise SensorError(f"{self.name} hung up: {error.strerror or error}") from error

    def read(self) -> bytes:
        """What has come within a part of a second.

        Raises:
            SensorError: gpsd hung up.
        """
        try:
            data = self._socket.recv(READ_BYTES)
        except TimeoutError:
            return b""
        except OSError as error:
            raise SensorError(f"{self.name} hung up: {error.strerror or error}") from error
        if not data:
            raise SensorError(f"{self.name} hung up")
        return data

    def close(self) -> None:
        """Let go of the connection."""
        with suppress(OSError):
            self._socket.close()


class Reports:
    """gpsd's lines into fixes; of one moment, one.

    Args:
        now_ns: the clock by which frames are captured, in ns of Unix time.
    """

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._time: object = None

    def understand(self, line: bytes) -> Fix | None:
        """The fix of a report; None where it holds none.

        Raises:
            SensorError: it is none of gpsd's reports.
        """
        report = _parsed(line)
        if report["class"] == "ERROR":
            raise SensorError(f"gpsd says: {str(report.get('message'))[:80]}")
        if report["class"] != "TPV" or report.get("mode") not in _MODES_WITH_FIX:
            return None
        if "lat" not in report or "lon" not in report or report.get("status") == _SIMULATED:
            return None
        if (time := report.get("time")) is not None and time == self._time:
            return None
        self._time = time
        return Fix(
            self._now_ns(),
            _within(report, "lat", -90, 90),
            _within(report, "lon", -180, 180),
            _within(report, "speed", 0, MAX_SPEED_MPS) if "speed" in report else None,
            _within(report, "track", 0, 360) % 360 if "track" in report else None,
            _utc_ns(time),
        )


def _parsed(line: bytes) -> dict[str, object]:
    try:
        report = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SensorError(f"{line[:40]!r} is no JSON") from error
    if not isinstance(report, dict) or not isinstance(report.get("class"), str):
        raise SensorError(f"{line[:40]!r} is no report of gpsd")
    return report


def _within(report: dict[str, object], key: str, least: float, most: float) -> float:
    value = report[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SensorError(f"gpsd's {key} is no number")
    if not (least <= value <= most and math.isfinite(value)):
        raise SensorError(f"gpsd's {key} is {str(value)[:20]}, not {least:g} to {most:g}")
    return float(value)


def _utc_ns(text: object) -> int | None:
    """Unix time in ns of ISO 8601 in UTC; None where it is not said."""
    if text is None:
        return None
    decimals = "" if "." not in str(text) else ".%f"
    try:
        # `fromisoformat` of Python 3.10 reads neither `Z` nor any number of decimals.
        when = datetime.strptime(str(text), f"%Y-%m-%dT%H:%M:%S{decimals}%z")
    except ValueError as error:
        raise SensorError(f"gpsd's time is {str(text)[:40]!r}") from error
    return (when - _EPOCH) // timedelta(microseconds=1) * 1000
