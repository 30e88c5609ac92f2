"""A serial port, by the kernel's own terminal interface (termios(3))."""

import errno
import fcntl
import os
import select
import termios
from contextlib import suppress

from edge.errors import SensorError

READ_BYTES = 4096
"""At once; the kernel's buffer of a terminal is no larger."""

WAIT_MS = 200
"""A read comes back after so long, so that its thread can end."""


class SerialPort:
    """A link of 8 data bits, no parity, no flow control, for reading only.

    Args:
        path: of the port, such as /dev/ttyACM0.
        baud: bits a second; a receiver on USB does not care.

    Raises:
        SensorError: there is no such port, it is none, or it may not be opened.
    """

    def __init__(self, path: str, baud: int) -> None:
        self.name = path
        self.remedy = f"check the receiver's cable and power, and `baud` ({baud})"
        self._file = _open(path, baud)
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLIN)

    def read(self) -> bytes:
        """What has come within a part of a second.

        Raises:
            SensorError: it was unplugged.
        """
        try:
            if not self._poll.poll(WAIT_MS):
                return b""
            data = os.read(self._file, READ_BYTES)
        except BlockingIOError:  # woken for nothing
            return b""
        except OSError as error:
            raise SensorError(f"{self.name} was unplugged: {error.strerror}") from error
        if not data:
            raise SensorError(f"{self.name} was unplugged: it hung up")
        return data

    def close(self) -> None:
        """Let go of the port."""
        file, self._file = self._file, -1
        if file < 0:
            return
        with suppress(OSError):  # it may be gone
            fcntl.ioctl(file, termios.TIOCNXCL)
        os.close(file)


def _open(path: str, baud: int) -> int:
    """The port as a raw stream of bytes.

    Raises:
        SensorError: see `SerialPort`.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SensorError(f"{path} cannot be opened: {_remedy(error)}") from error
    try:
        _make_raw(file, getattr(termios, f"B{baud}"))
        # Two readers would get half of the sentences each.
        fcntl.ioctl(file, termios.TIOCEXCL)
        termios.tcflush(file, termios.TCIFLUSH)  # what waits is old, nobody knows how old
    except (OSError, termios.error) as error:
        os.close(file)
        raise SensorError(f"{path} is no serial port: {error.args[-1]}") from error
    return file


def _make_raw(file: int, speed: int) -> None:
    """Set what cfmakeraw(3) sets, and the speed."""
    attributes = termios.tcgetattr(file)
    attributes[0] = attributes[1] = attributes[3] = 0
    attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes[4] = attributes[5] = speed
    attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
    termios.tcsetattr(file, termios.TCSANOW, attributes)


def _remedy(error: OSError) -> str:
    remedies = {
        errno.ENOENT: "it is not there; is the receiver plugged in?",
        errno.EACCES: "not allowed; let the agent's user be in the group `dialout`",
        errno.EBUSY: "another program has it; if that is gpsd, take gpsd://127.0.0.1 as source",
    }
    return remedies.get(error.errno or 0, str(error.strerror))
