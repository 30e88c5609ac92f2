"""/metrics, /healthz and /readyz, on loopback.

/metrics   the agent's figures, for Prometheus
/healthz   200 while the agent lives: whatever is stuck in it ends it (decision 1)
/readyz    200 while every camera delivers, else 503 and the reasons, a line each
"""

import io
import socket
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

import structlog

from edge.errors import TelemetryError
from edge.telemetry.exposition import exposition
from edge.telemetry.health import unready
from edge.telemetry.view import Look
from wayside.net import host_port

_TEXT = "text/plain; charset=utf-8"
REQUEST_TIMEOUT_S = 5.0
"""For a request and its answer together: who sends a byte now and then gets no more."""

MAX_CONNECTIONS = 16
"""At once; each holds a thread and a descriptor, of which the cameras need some as well."""

_log = structlog.get_logger(__name__)


class TelemetryServer:
    """Answers from threads of its own. Use it as a context.

    Args:
        host: a loopback address.
        port: where it listens; 0: a free one.
        look: at the agent.
        request_timeout_s: for a request and its answer together.

    Raises:
        TelemetryError: nobody can listen there.
    """

    def __init__(
        self, host: str, port: int, look: Look, request_timeout_s: float = REQUEST_TIMEOUT_S
    ) -> None:
        try:
            self._server = _Server(host, port, look, request_timeout_s)
        except OSError as error:
            raise TelemetryError(
                f"telemetry cannot listen on {host_port(host, port)}: {error.strerror}; set "
                "telemetry.port to another one, or see who has it: ss -ltnp"
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="telemetry", daemon=True
        )

    def __enter__(self) -> "TelemetryServer":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    """A thread a connection, and so many of them; not HTTPServer, which asks DNS for its name."""

    daemon_threads = True
    block_on_close = False
    """Who holds a connection open keeps no agent from ending."""
    allow_reuse_address = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, host: str, port: int, look: Look, request_timeout_s: float) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.look = look
        self.request_timeout_s = request_timeout_s
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or hang up where too many are answered already."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who hangs up early is no news; whatever else is wrong is told in one line."""
        if isinstance(sys.exc_info()[1], OSError):
            _log.debug("telemetry's client is gone", exc_info=True)
        else:
            _log.error("telemetry could not answer", exc_info=True)


class _UntilDeadline(io.RawIOBase):
    """What a client sends, until its time is over.

    Args:
        connection: to the client.
        deadline_s: of the monotonic clock.
    """

    def __init__(self, connection: socket.socket, deadline_s: float) -> None:
        self._connection = connection
        self._deadline_s = deadline_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the time of this request is over")
        self._connection.settimeout(left_s)  # for the answer, too
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def setup(self) -> None:
        super().setup()
        deadline_s = time.monotonic() + self.server.request_timeout_s
        self.rfile.close()
        self.rfile = io.BufferedReader(_UntilDeadline(self.connection, deadline_s))

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                content, content_type = exposition(self.server.look, self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, content, content_type)
            case "/healthz":
                self._answer(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                reasons = unready(self.server.look())
                status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
                self._answer(status, "".join(f"{one}\n" for one in reasons or ["ok"]).encode())
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics, /healthz and /readyz\n")

    def _answer(self, status: HTTPStatus, content: bytes, content_type: str = _TEXT) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """A request is no news, nor is one that cannot be read: such a one has no path."""
        _log.debug("telemetry asked", said=format % args)
