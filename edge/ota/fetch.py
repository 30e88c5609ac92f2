"""One answer over HTTP(S), with an eye on the clock.

A thread asks and reads; whoever waits for it looks at the clock. So a stop is heeded at once, and
a server that drips, in the body or already in its headers, is given up, whatever the socket waits
for. The thread touches no file: when it is left behind, its connection is cut, and it ends.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType

import structlog

from edge.ota.connections import Connections, Line, LineError, Reply
from edge.ota.pacing import MinimumRate
from edge.ota.refusal import refusal
from edge.ota.settings import FetchSettings, OtaSettings
from edge.ota.states import Code
from wayside.net import TlsSettings

_log = structlog.get_logger(__name__)

_CHUNK_BYTES = 64 * 1024
_CHUNKS_AHEAD = 8
_LOOK_S = 0.1
"""Between two looks at the stop event and the clock."""

_NOT_THERE = frozenset({403, 404, 410})
"""403 is what buckets answer for what they do not have, where nobody may list them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How an answer begins.

    Attributes:
        url: that answered, after redirects.
        status: HTTP status.
        headers: names in lower case.
    """

    url: str
    status: int
    headers: Mapping[str, str]

    @property
    def length(self) -> int | None:
        """Bytes of the body as the server says it; None where it does not."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None

    @property
    def is_missing(self) -> bool:
        """The server has no such file."""
        return self.status in _NOT_THERE


class Fetch:
    """Asks one server, and whom it sends us to.

    Args:
        settings: of updates.
        stop: once set, every wait ends within a second.

    Raises:
        OtaError: `unreachable` where a file of `tls` cannot be used.
    """

    def __init__(self, settings: OtaSettings, stop: threading.Event) -> None:
        self.settings: FetchSettings = settings.fetch
        self._stop = stop
        try:
            context = (settings.tls or TlsSettings()).context()
        except OSError as error:  # ssl.SSLError is one
            raise refusal(Code.UNREACHABLE, f"ota.tls: cannot be used: {error}") from error
        self._connections = Connections(settings.fetch, context)

    def close(self) -> None:
        """Let connections go that wait for the next question."""
        self._connections.close()

    def whole(self, url: str, max_bytes: int) -> bytes | None:
        """A small file, whole; None where the server has no such file.

        Raises:
            OtaError: `unreachable`, `truncated`, or `endless` where it is longer than `max_bytes`.
        """
        with self.open(url) as transfer:
            if transfer.answer.is_missing:
                transfer.skip()
                return None
            transfer.require_status(200)
            length = transfer.answer.length
            if length is not None and length > max_bytes:
                raise refusal(
                    Code.ENDLESS, f"{url}: has {length} bytes, {max_bytes} at most were expected"
                )
            found = bytearray()
            for chunk in transfer.chunks():
                found += chunk
                if len(found) > max_bytes:
                    raise refusal(Code.ENDLESS, f"{url}: goes on after {max_bytes} bytes")
            return bytes(found)

    def open(self, url: str, first: int = 0) -> "Transfer":
        """Ask for a file, from a byte on; to be used as a context manager.

        Raises:
            OtaError: `unreachable`: the URL may not be asked, nobody answers, or a stop was asked
                for.
        """
        headers = {"User-Agent": "wayside", "Accept-Encoding": "identity"}
        if first:
            headers["Range"] = f"bytes={first}-"
        return Transfer(self._connections, self.settings, url, headers, self._stop)


class Transfer:
    """An answer on its way: its head once it is there, then its body."""

    def __init__(
        self, connections: Connections, settings: FetchSettings, url: str,
        headers: Mapping[str, str], stop: threading.Event,
    ) -> None:  # fmt: skip
        self._connections = connections
        self._settings = settings
        self._url = url
        self._stop = stop
        self._left = threading.Event()
        self._arrived: queue.Queue[_Arrived] = queue.Queue(_CHUNKS_AHEAD)
        self._line = Line()
        self._rate = MinimumRate(settings.min_bytes_per_s, settings.slow_window_s)
        self._thread = threading.Thread(
            target=self._run, args=(dict(headers),), name="ota-fetch", daemon=True
        )

    def __enter__(self) -> "Transfer":
        self._thread.start()
        try:
            first = self._next()
        except BaseException:
            self._leave()
            raise
        assert isinstance(first, Answer), "the thread puts it first"
        self.answer = first
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._leave()

    def require_status(self, *allowed: int) -> None:
        """Refuse an answer of another status.

        Raises:
            OtaError: `unreachable`.
        """
        if self.answer.status not in allowed:
            raise refusal(Code.UNREACHABLE, f"{self._url}: the server answers {self.answer.status}")

    def chunks(self) -> Iterator[bytes]:
        """The body, as it comes.

        Raises:
            OtaError: `truncated` where it ends before its length, `unreachable` where the server is
                silent or too slow, or a stop was asked for.
        """
        while True:
            arrived = self._next()
            if not isinstance(arrived, bytes):
                return
            yield arrived

    def skip(self) -> None:
        """Let a short body pass, so that the connection can be used again.

        Raises:
            OtaError: as `chunks`.
        """
        passed = 0
        for chunk in self.chunks():
            passed += len(chunk)
            if passed > _CHUNK_BYTES:
                return

    def _next(self) -> Answer | bytes | None:
        while True:
            began_s = time.monotonic()
            arrived: _Arrived | _Nothing = _NOTHING
            with contextlib.suppress(queue.Empty):
                arrived = self._arrived.get(timeout=_LOOK_S)
            if self._stop.is_set():
                raise refusal(Code.UNREACHABLE, f"{self._url}: given up, for the agent stops")
            if isinstance(arrived, _Broken):
                raise refusal(arrived.code, f"{self._url}: {arrived.reason}") from arrived.error
            got = len(arrived) if isinstance(arrived, bytes) else 0
            if self._rate.is_too_slow(time.monotonic() - began_s, got):
                limits = self._settings
                raise refusal(
                    Code.UNREACHABLE,
                    f"{self._url}: the server sends less than {limits.min_bytes_per_s} bytes a "
                    f"second over {limits.slow_window_s:g} s",
                )
            if not isinstance(arrived, _Nothing):
                return arrived

    def _leave(self) -> None:
        self._left.set()
        self._line.cut()

    # On the thread

    def _run(self, headers: Mapping[str, str]) -> None:
        try:
            self._ask(headers)
        except Exception as error:  # noqa: BLE001 - uncaught, it would end the agent
            _log.exception("an answer broke", url=self._url)
            self._put(_Broken(Code.UNREACHABLE, f"cannot be had: {type(error).__name__}", error))

    def _ask(self, headers: Mapping[str, str]) -> None:
        try:
            reply = self._connections.ask(self._url, headers, self._line)
        except LineError as error:
            self._put(_Broken(Code.UNREACHABLE, f"cannot be had: {error}", error))
            return
        with contextlib.closing(reply):
            self._put(Answer(reply.url, reply.status, reply.headers))
            self._read(reply)
            self._put(None)

    def _read(self, reply: Reply) -> None:
        try:
            while not self._left.is_set() and (chunk := reply.read(_CHUNK_BYTES)):
                self._put(chunk)
        except LineError as error:
            self._put(_Broken(Code.TRUNCATED, f"the answer breaks off: {error}", error))

    def _put(self, what: "_Arrived") -> None:
        while not self._left.is_set():
            with contextlib.suppress(queue.Full):
                self._arrived.put(what, timeout=_LOOK_S)
                return


@dataclass(frozen=True, slots=True)
class _Broken:
    """Why nothing more comes."""

    code: Code
    reason: str
    error: Exception


_Arrived = Answer | bytes | _Broken | None
"""What the thread has for who waits; None: that was all."""


class _Nothing:
    """Nothing has arrived yet."""


_NOTHING = _Nothing()
