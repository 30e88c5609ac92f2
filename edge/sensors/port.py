"""A sensor is something that is opened, read again and again, and closed.

`Sensor` is what the agent reads; a `Link` is where a GPS receiver's bytes come from.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Sensor(Protocol[T_co]):
    """What one thread reads. It may vanish, fall silent, send garbage or flood at any time."""

    def read(self) -> T_co | None:
        """The next value, waiting for it for a part of a second at most.

        Returns:
            None where there is no new value: a GPS receiver between two fixes, or one that has
            no view of the sky.

        Raises:
            SensorError: it is gone, silent, or sends what is none of its values; open a new one.
        """

    def close(self) -> None:
        """Let go of the port, connection or file."""


class Link(Protocol):
    """A stream of bytes from a receiver, read by one thread.

    Attributes:
        name: of the port or address, for messages.
        remedy: what to look at when it sends nothing.
    """

    @property
    def name(self) -> str: ...

    @property
    def remedy(self) -> str: ...

    def read(self) -> bytes:
        """What has come, waiting for it for a part of a second at most; empty: nothing.

        Raises:
            SensorError: the other end is gone.
        """

    def close(self) -> None:
        """Let go of the port or connection; twice is harmless."""


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the device was at one moment, as its receiver says (WGS 84).

    Attributes:
        captured_ns: Unix time of this device's clock (decision 3), in ns.
        latitude_deg: -90 to 90, north is positive.
        longitude_deg: -180 to 180, east is positive.
        speed_mps: over ground; None where the receiver does not say.
        heading_deg: course over ground, clockwise from true north, 0 to 360; None where the
            receiver does not say, as most do not while they stand still.
        utc_ns: Unix time that the receiver says; None where it sends no date.
    """

    captured_ns: int
    latitude_deg: float
    longitude_deg: float
    speed_mps: float | None = None
    heading_deg: float | None = None
    utc_ns: int | None = None
