"""Sentences of a receiver, made by the public format; and a receiver that sends them by a pty."""

import os
import threading
import tty
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from edge.sensors.nmea import KNOT_MPS, checksum


def sentence(text: str) -> bytes:
    """`$text*checksum` and the end of its line."""
    return f"${text}*{checksum(text):02X}\r\n".encode()


def angle(degrees: float, sides: str, digits: int) -> str:
    """`dddmm.mmmmmm,S` of an angle."""
    whole, minutes = divmod(round(abs(degrees) * 60e6), 60_000_000)
    side = sides[degrees < 0]
    return f"{whole:0{digits}d}{minutes / 1e6:09.6f},{side}"


def rmc(
    latitude_deg: float,
    longitude_deg: float,
    *,
    speed_mps: float | None = None,
    course_deg: float | None = None,
    when: datetime | None = None,
    talker: str = "GN",
    status: str = "A",
    mode: str = "A",
) -> bytes:
    """An RMC of a position, of now where no time is given."""
    when = when or datetime.now(timezone.utc)
    speed = "" if speed_mps is None else f"{speed_mps / KNOT_MPS:.3f}"
    course = "" if course_deg is None else f"{course_deg:.2f}"
    return sentence(
        f"{talker}RMC,{when:%H%M%S}.{when.microsecond // 1000:03d},{status},"
        f"{angle(latitude_deg, 'NS', 2)},{angle(longitude_deg, 'EW', 3)},"
        f"{speed},{course},{when:%d%m%y},,,{mode}"
    )


class PtyReceiver:
    """A receiver on a pty pair, plugged in under a fixed path.

    Args:
        path: where the port appears, as a link; it is gone while it is unplugged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._master = -1

    def plug(self) -> None:
        """Plug it in, as another device than before."""
        master, slave = os.openpty()
        tty.setraw(slave)
        port = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(master, False)
        part = self.path.with_suffix(".part")
        part.symlink_to(port)
        part.replace(self.path)
        with self._lock:
            self._master = master

    def unplug(self) -> None:
        """Pull it out; harmless where it is not plugged in."""
        self.path.unlink(missing_ok=True)
        with self._lock:
            master, self._master = self._master, -1
        if master >= 0:
            os.close(master)

    def send(self, data: bytes) -> None:
        """Send bytes; what nobody reads is dropped, as a serial line does."""
        with self._lock, suppress(BlockingIOError):
            if self._master >= 0:
                os.write(self._master, data)
