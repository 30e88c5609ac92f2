"""An HTTP server before a real InfluxDB, or instead of one, that answers writes as it is told.

Everything that the script does not answer is passed on.
"""

import gzip
import http.client
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """What a server says to a write."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Sequence[str]], Answer | None]
"""From the lines of a write to an answer; None: ask the real server."""


def too_many_requests(retry_after_s: object) -> Answer:
    """As InfluxDB Cloud answers above its rate limit."""
    return v2_error(
        429, "too many requests", "org has exceeded limited_write plan limit", retry_after_s
    )


def unavailable(retry_after_s: object = None) -> Answer:
    """As InfluxDB 2.x answers while it is not ready."""
    return v2_error(503, "unavailable", "service not ready", retry_after_s)


def v2_error(status: int, code: str, message: str, retry_after_s: object = None) -> Answer:
    """An error as InfluxDB 2.x words it."""
    headers = {"Content-Type": "application/json"}
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    return Answer(status, json.dumps({"code": code, "message": message}).encode(), headers)


def v3_partial(bad: Sequence[tuple[int, str, str]]) -> Answer:
    """A partial write as InfluxDB 3.x words it: line number, line, message of each bad line."""
    found = [
        {"line_number": number, "original_line": line, "error_message": message}
        for number, line, message in bad
    ]
    body = {"error": "partial write of line protocol occurred", "data": found}
    return Answer(400, json.dumps(body).encode(), {"Content-Type": "application/json"})


class ScriptedInfluxDb(ThreadingHTTPServer):
    """The server.

    Attributes:
        url: where it listens.
        script: asked for each write.
        writes: the lines of each write that came, in order.
        encodings: the Content-Encoding of each.
    """

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.script: Script = lambda lines: None
        self.writes: list[list[str]] = []
        self.encodings: list[str | None] = []

    def say(self, *answers: Answer) -> None:
        """These answers to the next writes, one each; then the real server's."""
        waiting = list(answers)
        self.script = lambda lines: waiting.pop(0) if waiting else None


@contextmanager
def scripted_influxdb(upstream: str = "http://127.0.0.1:9") -> Iterator[ScriptedInfluxDb]:
    """A server that runs, before another one or before none."""
    server = ScriptedInfluxDb(upstream)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedInfluxDb

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    do_PATCH = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = self._told(body) or self._passed_on(body)
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        self.wfile.write(told.body)

    def _told(self, body: bytes) -> Answer | None:
        if urlsplit(self.path).path != "/api/v2/write":
            return None
        encoding = self.headers.get("Content-Encoding")
        text = gzip.decompress(body) if encoding == "gzip" else body
        lines = text.decode().split("\n")
        self.server.writes.append(lines)
        self.server.encodings.append(encoding)
        return self.server.script(lines)

    def _passed_on(self, body: bytes) -> Answer:
        upstream = self.server.upstream
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=30)
        try:
            kept = {k: v for k, v in self.headers.items() if k.lower().startswith("content-")}
            connection.request(self.command, self.path, body, kept)
            response = connection.getresponse()
            found = {"Content-Type": response.headers.get("Content-Type", "")}
            return Answer(response.status, response.read(), found)
        finally:
            connection.close()
