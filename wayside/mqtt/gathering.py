"""A socket that reads all that is there, and gathers what is written until it is flushed.

paho reads a packet by two or three system calls and writes each one by another. A bridge takes
and acknowledges thousands of small packets a second, which come and go together here.
"""

import socket
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho

from wayside.mqtt.refusals import AttentiveSocket

if TYPE_CHECKING:
    RawSocket = socket.socket | AttentiveSocket

_CHUNK_BYTES = 16 * 1024
"""Read at once; when so much is gathered, it has to go before more is taken."""

_DISCONNECT = 0xE0
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class GatheringSocket:
    """What paho asks of a non-blocking socket. One thread uses it.

    Args:
        raw: the connection.
        ahead: whole packets that any thread adds; all that are there go before the next one that
            is written.
    """

    def __init__(self, raw: "RawSocket", ahead: "deque[bytes]") -> None:
        self._raw = raw
        self._ahead = ahead
        self._received = b""
        self._at = 0
        self._unsent = bytearray()
        self._error: OSError | None = None

    @property
    def failure(self) -> ssl.SSLError | None:
        """The alert by which the broker ended a TLS connection, None where there was none."""
        return self._raw.failure if isinstance(self._raw, AttentiveSocket) else None

    @property
    def has_received(self) -> bool:
        """True while there is something to be read, or told, that `poll` does not know of."""
        if self._at < len(self._received) or self._error is not None:
            return True
        return isinstance(self._raw, AttentiveSocket) and self._raw.pending() > 0

    @property
    def wants_write(self) -> bool:
        """True while something that was gathered waits for room."""
        return bool(self._unsent)

    def recv(self, size_bytes: int) -> bytes:
        """Up to so many bytes; empty at the end.

        Raises:
            BlockingIOError: there is nothing now; `ssl.SSLWantReadError` over TLS.
            OSError: the connection is broken.
        """
        if self._at == len(self._received):
            if self._error is not None:
                raise self._error
            self._received, self._at = self._raw.recv(_CHUNK_BYTES), 0
        found = self._received[self._at : self._at + size_bytes]
        self._at += len(found)
        return found

    def send(self, packet: bytes | bytearray) -> int:
        """Take a packet that `flush` sends; returns how many bytes it took, which are all.

        Raises:
            BlockingIOError: there is no room now; `ssl.SSLWantWriteError` over TLS.
            OSError: the connection is broken.
        """
        self._take_ahead()
        # After DISCONNECT paho closes the socket, so that has to be gone and not gathered.
        if packet[0] == _DISCONNECT:
            self._send_gathered()
            return self._raw.send(packet)
        if len(self._unsent) >= _CHUNK_BYTES:
            self._send_gathered()
        self._unsent += packet
        return len(packet)

    def flush(self) -> None:
        """Send what was gathered, as far as there is room; the next `recv` tells of an error."""
        self._take_ahead()
        try:
            self._send_gathered()
        except _NOT_NOW:
            return
        except OSError as error:
            self._error = error
            self._unsent.clear()

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()

    def shutdown(self) -> None:
        """End the connection for both sides, from any thread.

        Raises:
            OSError: it is gone already.
        """
        self._raw.shutdown(socket.SHUT_RDWR)

    def fileno(self) -> int:
        """Number of the descriptor, -1 once it is closed."""
        return self._raw.fileno()

    def setblocking(self, flag: bool) -> None:
        """As a socket's."""
        self._raw.setblocking(flag)

    def setsockopt(self, level: int, option: int, value: int) -> None:
        """As a socket's."""
        self._raw.setsockopt(level, option, value)

    def _take_ahead(self) -> None:
        ahead = self._ahead
        if ahead:
            self._unsent += b"".join([ahead.popleft() for _ in range(len(ahead))])

    def _send_gathered(self) -> None:
        while self._unsent:
            del self._unsent[: self._raw.send(self._unsent)]


class GatheringClient(paho.Client):
    """A paho client on a `GatheringSocket`.

    paho has no other place for a socket of one's own. Takes what `paho.Client` takes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ahead: deque[bytes] = deque()
        """Whole packets that go before the next one of paho's; any thread may add some."""

    def _create_socket(self) -> Any:
        raw: Any = super()._create_socket()
        return GatheringSocket(raw, self.ahead)
