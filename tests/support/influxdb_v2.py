"""The buckets API of InfluxDB 2.x, as its reference describes it; it keeps no events."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class InfluxDbV2(ThreadingHTTPServer):
    """The server.

    Attributes:
        url: where it listens.
        version: what `/ping` says; empty: nothing.
        retention: seconds by bucket, 0 for ever.
        forbidden: the token may not do anything.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.version = "v2.7.12"
        self.retention: dict[str, int] = {}
        self.forbidden = False


@contextmanager
def influxdb_v2() -> Iterator[InfluxDbV2]:
    """A server that runs."""
    server = InfluxDbV2()
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
    server: InfluxDbV2

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/ping":
            self._answer(204, None)
        elif parts.path == "/api/v2/orgs":
            self._answer(200, {"orgs": [{"id": "0123456789abcdef", "name": "wayside"}]})
        else:
            self._find(parse_qs(parts.query)["name"][0])

    def do_POST(self) -> None:
        asked = self._body()
        self.server.retention[asked["name"]] = _every_s(asked)
        self._answer(201, self._bucket(asked["name"]))

    def do_PATCH(self) -> None:
        name = self.path.rsplit("/", 1)[1].removeprefix("id-")
        self.server.retention[name] = _every_s(self._body())
        self._answer(200, self._bucket(name))

    def _find(self, name: str) -> None:
        if self.server.forbidden:
            self._answer(403, {"code": "forbidden", "message": "insufficient permissions"})
        elif name in self.server.retention:
            self._answer(200, {"buckets": [self._bucket(name)]})
        else:
            self._answer(404, {"code": "not found", "message": f'bucket "{name}" not found'})

    def _bucket(self, name: str) -> dict[str, Any]:
        every_s = self.server.retention[name]
        rules = [{"type": "expire", "everySeconds": every_s}] if every_s else []
        return {"id": f"id-{name}", "name": name, "retentionRules": rules}

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, body: object) -> None:
        encoded = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if self.server.version:
            self.send_header("X-Influxdb-Version", self.server.version)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


def _every_s(asked: dict[str, Any]) -> int:
    rules = asked.get("retentionRules") or []
    return int(rules[0]["everySeconds"]) if rules else 0
