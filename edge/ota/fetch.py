"""One answer over HTTP(S), by urllib3, which no other module of the agent knows.

A thread asks and reads; whoever waits for it looks at the clock. So a stop is heeded at once, and
a server that drips, in the body or already in its headers, is given up, whatever the socket waits
for.
The thread touches no file: when it is left behind, its socket is shut down, and it ends.
"""

import contextlib
import queue
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from edge.errors import OtaError
from edge.ota.pacing import MinimumRate
from edge.ota.refusal import refusal
from edge.ota.settings import FetchSettings, OtaSettings, check_url
from edge.ota.states import Code
from wayside.net import TlsSettings, is_loopback

_CHUNK_BYTES = 64 * 1024
_CHUNKS_AHEAD = 8
_LOOK_S = 0.1
"""Between two looks at the stop event and the clock."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_THERE = frozenset({403, 404, 410})
"""403 is what buckets answer for what they do not have, where nobody may list them."""

_asking = threading.local()


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
            self._context: ssl.SSLContext = (settings.tls or TlsSettings()).context()
        except OSError as error:  # ssl.SSLError is one
            raise refusal(Code.UNREACHABLE, f"ota.tls: cannot be used: {error}") from error
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def close(self) -> None:
        """Let connections go that wait for the next question."""
        for pool in self._pools.values():
            pool.clear()

    def bytes(self, url: str, max_bytes: int) -> bytes | None:
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
        return Transfer(self, url, headers, self._stop)

    def ask(self, url: str, headers: Mapping[str, str]) -> tuple[str, urllib3.BaseHTTPResponse]:
        """The response of whoever has the file; called on a transfer's thread.

        Raises:
            HTTPError: of urllib3.
            OSError: of the socket.
            ValueError: a URL that may not be asked.
        """
        _check(url)
        for _ in range(self.settings.max_redirects + 1):
            response = self._pool(url).request(
                "GET", url, headers=dict(headers), preload_content=False, decode_content=False,
                redirect=False, retries=False,
                timeout=urllib3.Timeout(
                    connect=self.settings.connect_timeout_s, read=self.settings.answer_timeout_s
                ),
            )  # fmt: skip
            place = response.headers.get("Location")
            if response.status not in _REDIRECTS or place is None:
                return url, response
            response.close()
            url = _next_url(url, place)
        raise ValueError(f"more than {self.settings.max_redirects} redirects")

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = _proxy_for(url)
        if proxy not in self._pools:
            pool = _new_pool(proxy, self._context)
            pool.pool_classes_by_scheme = _POOLS
            self._pools[proxy] = pool
        return self._pools[proxy]


class Transfer:
    """An answer on its way: its head once it is there, then its body."""

    def __init__(
        self, fetch: Fetch, url: str, headers: Mapping[str, str], stop: threading.Event
    ) -> None:
        self._fetch = fetch
        self._url = url
        self._stop = stop
        self._left = threading.Event()
        self._arrived: queue.Queue[Answer | bytes | Exception | None] = queue.Queue(_CHUNKS_AHEAD)
        self._line = _Line()
        settings = fetch.settings
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
            arrived: Answer | bytes | Exception | _Nothing | None = _NOTHING
            with contextlib.suppress(queue.Empty):
                arrived = self._arrived.get(timeout=_LOOK_S)
            if self._stop.is_set():
                raise refusal(Code.UNREACHABLE, f"{self._url}: given up, for the agent stops")
            if isinstance(arrived, Exception):
                raise self._translated(arrived) from arrived
            got = len(arrived) if isinstance(arrived, bytes) else 0
            if self._rate.is_too_slow(time.monotonic() - began_s, got):
                limits = self._fetch.settings
                raise refusal(
                    Code.UNREACHABLE,
                    f"{self._url}: the server sends less than {limits.min_bytes_per_s} bytes a "
                    f"second over {limits.slow_window_s:g} s",
                )
            if not isinstance(arrived, _Nothing):
                return arrived

    def _translated(self, error: Exception) -> OtaError:
        if isinstance(error, _CutError):
            return refusal(Code.TRUNCATED, f"{self._url}: the answer breaks off: {error}")
        return refusal(Code.UNREACHABLE, f"{self._url}: cannot be had: {_cause(error)}")

    def _leave(self) -> None:
        self._left.set()
        self._line.cut()

    # On the thread

    def _run(self, headers: Mapping[str, str]) -> None:
        _asking.line = self._line
        try:
            url, response = self._fetch.ask(self._url, headers)
        except (HTTPError, OSError, ValueError, ssl.SSLError) as error:
            self._put(error)
            return
        try:
            names = {name.lower(): value for name, value in response.headers.items()}
            self._put(Answer(url, response.status, names))
            self._read(response)
        finally:
            self._put(None)
            with contextlib.suppress(HTTPError, OSError, ValueError):
                response.close()

    def _read(self, response: urllib3.BaseHTTPResponse) -> None:
        try:
            while not self._left.is_set():
                chunk = response.read1(_CHUNK_BYTES)
                if not chunk:
                    self._line.release()
                    return
                self._put(chunk)
        except (HTTPError, OSError, ValueError) as error:
            self._put(_CutError(_cause(error)))

    def _put(self, what: Answer | bytes | Exception | None) -> None:
        while not self._left.is_set():
            with contextlib.suppress(queue.Full):
                self._arrived.put(what, timeout=_LOOK_S)
                return


class _Nothing:
    """Nothing has arrived yet."""


_NOTHING = _Nothing()


class _CutError(Exception):
    """The body broke off."""


class _Line:
    """The connection that a transfer uses, so that another thread can cut it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._socket: Any = None
        self._is_cut = False

    def uses(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._connection = connection
            self._socket = connection.sock or self._socket
        if self._is_cut:
            self.cut()

    def release(self) -> None:
        """The answer is there; whoever asks next may use the connection."""
        with self._lock:
            self._connection = self._socket = None

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            connection = self._connection
            used = self._socket or (None if connection is None else connection.sock)
        if isinstance(used, socket.socket):
            # Not SSLSocket's own, which would take the TLS away from under who reads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(used, socket.SHUT_RDWR)


def _tell_line(connection: HTTPConnection) -> None:
    line: _Line | None = getattr(_asking, "line", None)
    if line is not None:
        line.uses(connection)


class _PlainConnection(HTTPConnection):
    def connect(self) -> None:
        _tell_line(self)
        super().connect()
        _tell_line(self)

    def request(self, *args: Any, **options: Any) -> None:
        _tell_line(self)
        super().request(*args, **options)
        _tell_line(self)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        _tell_line(self)
        super().connect()
        _tell_line(self)

    def request(self, *args: Any, **options: Any) -> None:
        _tell_line(self)
        super().request(*args, **options)
        _tell_line(self)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _PlainPool, "https": _TlsPool}


def _new_pool(proxy: str | None, context: ssl.SSLContext) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(ssl_context=context)
    parts = urlsplit(proxy)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = None
    if parts.username is not None:
        who = f"{parts.username}:{parts.password or ''}"
        headers = urllib3.make_headers(proxy_basic_auth=who)
    return urllib3.ProxyManager(plain, proxy_headers=headers, ssl_context=context)


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names (https_proxy, no_proxy and so on); none to loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _next_url(url: str, place: str) -> str:
    found = urljoin(url, place)
    if urlsplit(url).scheme == "https" and urlsplit(found).scheme != "https":
        raise ValueError(f"a redirect to plain text, {found[:200]!r}, is not followed")
    _check(found)
    return found


def _check(url: str) -> None:
    """Refuse what the settings would refuse, but for a query: a bucket signs there."""
    check_url(urlunsplit(urlsplit(url)._replace(query="", fragment="")))


def _cause(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:300]
