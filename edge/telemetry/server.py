"""/metrics, /healthz and /readyz, on loopback.

/metrics   the agent's figures, for Prometheus
/healthz   200 while the agent lives: whatever is stuck in it ends it (decision 1)
/readyz    200 while every camera delivers, else 503 and the reasons, a line each
"""

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog

from edge.errors import TelemetryError
from edge.telemetry.exposition import exposition
from edge.telemetry.health import unready
from edge.telemetry.view import Look

_TEXT = "text/plain; charset=utf-8"
_REQUEST_TIMEOUT_S = 5.0

_log = structlog.get_logger(__name__)


class TelemetryServer:
    """Answers from threads of its own. Use it as a context.

    Args:
        host: a loopback address.
        port: where it listens; 0: a free one.
        look: at the agent.

    Raises:
        TelemetryError: nobody can listen there.
    """

    def __init__(self, host: str, port: int, look: Look) -> None:
        try:
            self._server = _Server((host, port), look)
        except OSError as error:
            raise TelemetryError(
                f"telemetry cannot listen on {host}:{port}: {error.strerror}; set telemetry.port "
                "to another one, or see who has it: ss -ltnp"
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    """Who holds a connection open keeps no agent from ending."""

    def __init__(self, address: tuple[str, int], look: Look) -> None:
        self.look = look
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _REQUEST_TIMEOUT_S

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
        """A request is no news."""
        _log.debug("telemetry asked", path=self.path.partition("?")[0])
