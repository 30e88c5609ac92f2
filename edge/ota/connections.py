"""Connections over HTTP(S), by urllib3, which no other module of the agent knows.

They go where the settings allow, through the environment's proxy, follow redirects but never to
plain text, and can be cut by another thread than the one that waits on them.
"""

import contextlib
import socket
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from edge.ota.settings import FetchSettings, check_url
from wayside.net import is_loopback

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_KEPT = 2
"""Connections to a server: a download, and a look at the metadata meanwhile."""

_asking = threading.local()


class LineError(Exception):
    """Nobody answers, or the answer breaks off."""


class Reply:
    """An answer whose head is there.

    Attributes:
        url: that answered, after redirects.
        status: HTTP status.
        headers: names in lower case.
    """

    def __init__(self, url: str, response: urllib3.BaseHTTPResponse, line: "Line") -> None:
        self.url = url
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._line = line

    def read(self, most: int) -> bytes:
        """Bytes of the body as soon as there are some; none at its end.

        Raises:
            LineError: it breaks off.
        """
        try:
            found = self._response.read1(most)
        except (HTTPError, OSError, ValueError) as error:
            raise LineError(_cause(error)) from error
        if not found:
            self._line.release()
        return found or b""

    def close(self) -> None:
        """Let it go; the connection stays for the next question where the body was read."""
        with contextlib.suppress(HTTPError, OSError, ValueError):
            self._response.close()


class Connections:
    """Connections to whoever is asked; several threads may use them.

    Args:
        settings: how long to wait, and how many redirects to follow.
        context: of TLS.
    """

    def __init__(self, settings: FetchSettings, context: ssl.SSLContext) -> None:
        self._settings = settings
        self._context = context
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def close(self) -> None:
        """Let those go that wait for the next question."""
        for pool in self._pools.values():
            pool.clear()

    def ask(self, url: str, headers: Mapping[str, str], line: "Line") -> Reply:
        """The answer of whoever has a file, after redirects.

        Args:
            url: https, or http on loopback.
            headers: of the question.
            line: learns which connection is used, so that it can be cut.

        Raises:
            LineError: nobody answers, or a URL may not be asked.
        """
        _asking.line = line
        try:
            _check(url)
            for _ in range(self._settings.max_redirects + 1):
                response = self._get(url, headers)
                place = response.headers.get("Location")
                if response.status not in _REDIRECTS or place is None:
                    return Reply(url, response, line)
                response.close()
                url = _next_url(url, place)
        except (HTTPError, OSError, ValueError) as error:
            raise LineError(_cause(error)) from error
        finally:
            _asking.line = None
        raise LineError(f"more than {self._settings.max_redirects} redirects")

    def _get(self, url: str, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        timeout = urllib3.Timeout(
            connect=self._settings.connect_timeout_s, read=self._settings.answer_timeout_s
        )
        return self._pool(url).request(
            "GET", url, headers=dict(headers), preload_content=False, decode_content=False,
            redirect=False, retries=False, timeout=timeout,
        )  # fmt: skip

    def _pool(self, url: str) -> urllib3.PoolManager:
        proxy = _proxy_for(url)
        if proxy not in self._pools:
            pool = _new_pool(proxy, self._context)
            pool.pool_classes_by_scheme = _POOLS
            self._pools[proxy] = pool
        return self._pools[proxy]


class Line:
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
    line: Line | None = getattr(_asking, "line", None)
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
        return urllib3.PoolManager(ssl_context=context, maxsize=_KEPT)
    parts = urlsplit(proxy)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    headers = None
    if parts.username is not None:
        who = f"{parts.username}:{parts.password or ''}"
        headers = urllib3.make_headers(proxy_basic_auth=who)
    return urllib3.ProxyManager(plain, proxy_headers=headers, ssl_context=context, maxsize=_KEPT)


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
