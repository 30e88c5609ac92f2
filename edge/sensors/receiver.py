"""A GPS receiver: bytes of a link into lines, lines into fixes."""

from collections import deque
from collections.abc import Callable

from edge.errors import SensorError
from edge.sensors.lines import Lines
from edge.sensors.port import Fix, Link

Understand = Callable[[bytes], Fix | None]
"""The fix that a line completes, None where it completes none; raises SensorError."""


class Receiver:
    """Reads fixes off a link. A sensor, see port.py.

    Args:
        link: where the bytes come from; closed with the receiver.
        lines: cuts and bounds them.
        understand: what a line says.
    """

    def __init__(self, link: Link, lines: Lines, understand: Understand) -> None:
        self._link = link
        self._lines = lines
        self._understand = understand
        self._waiting: deque[bytes] = deque()

    def read(self) -> Fix | None:
        """The next fix, None where none came within a part of a second.

        Raises:
            SensorError: unplugged, silent, flooding, or sending something else.
        """
        if not self._waiting:
            data = self._link.read()
            try:
                self._waiting.extend(self._lines.feed(data))
            except SensorError as error:
                raise SensorError(f"{self._link.name} {error}; is it a receiver?") from error
        while self._waiting:
            fix = self._understood(self._waiting.popleft())
            if fix is not None:
                return fix
        self._check()
        return None

    def close(self) -> None:
        """Let go of the link."""
        self._link.close()

    def _understood(self, line: bytes) -> Fix | None:
        try:
            fix = self._understand(line)
        except SensorError as error:
            self._lines.refused(str(error))
            return None
        self._lines.heard()
        return fix

    def _check(self) -> None:
        try:
            self._lines.check()
        except SensorError as error:
            raise SensorError(f"{self._link.name} {error}; {self._link.remedy}") from error
