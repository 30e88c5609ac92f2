"""Bytes into lines, whatever the sender does: bounded in memory and in bytes a second."""

import time
from collections.abc import Callable

from edge.errors import SensorError

_NS_PER_S = 1_000_000_000


class Lines:
    """Cuts a stream of bytes at its newlines.

    A line without an end is dropped, up to the next newline, as soon as it is too long.

    Args:
        max_line_bytes: longest line.
        max_bytes_per_s: a sender of more is broken, or no sensor.
        silence_s: without a line that `heard` for so long, the sender counts as gone.
        monotonic_ns: the monotonic clock.
    """

    def __init__(
        self,
        max_line_bytes: int,
        max_bytes_per_s: int,
        silence_s: float,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._max_line_bytes = max_line_bytes
        self._max_bytes_per_s = max_bytes_per_s
        self._silence_s = silence_s
        self._monotonic_ns = monotonic_ns
        self._rest = b""
        self._skipping = False
        self._second_ns = self._heard_ns = monotonic_ns()
        self._second_bytes = 0
        self._refused = ""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete, without their ends.

        Raises:
            SensorError: more came within a second than may.
        """
        self._count(len(data))
        *lines, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if self._skipping or len(rest) > self._max_line_bytes:
            self._skipping, rest = True, b""
        self._rest = rest
        fitting = [line for line in lines if len(line) <= self._max_line_bytes]
        if self._skipping or len(fitting) < len(lines):
            self._refused = f"a line of more than {self._max_line_bytes} bytes"
        return [line for line in fitting if line]

    def heard(self) -> None:
        """A line was understood: somebody is there."""
        self._heard_ns, self._refused = self._monotonic_ns(), ""

    def refused(self, reason: str) -> None:
        """A line was not understood; that is told if no better one comes."""
        self._refused = reason

    def check(self) -> None:
        """Raise where no line was understood for too long.

        Raises:
            SensorError: it is silent, or sends something else.
        """
        if self._monotonic_ns() - self._heard_ns <= self._silence_s * _NS_PER_S:
            return
        what = f"only garbage, last: {self._refused}" if self._refused else "nothing"
        raise SensorError(f"sent {what} for {self._silence_s:g} s")

    def _count(self, count: int) -> None:
        now_ns = self._monotonic_ns()
        if now_ns - self._second_ns >= _NS_PER_S:
            self._second_ns, self._second_bytes = now_ns, 0
        self._second_bytes += count
        if self._second_bytes > self._max_bytes_per_s:
            raise SensorError(f"floods: more than {self._max_bytes_per_s} bytes within a second")
