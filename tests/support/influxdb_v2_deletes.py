"""`/api/v2/delete` of InfluxDB 2.x, and enough of `/query` to say what is left."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class DeletingInfluxDb(ThreadingHTTPServer):
    """The server.

    Attributes:
        url: where it listens.
        version: what `/ping` says.
        journal: device, writer and time of the newest entry of each.
        is_old: a release that did not say which write an entry is of wrote them.
        devices_left: that have events after the delete.
        status: of each delete.
        deletes: bodies of the deletes, and the bucket that each named.
        marks: what was written of erasures, in this order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.version = "v2.7.12"
        self.journal: list[tuple[str, str, int]] = []
        self.is_old = False
        self.devices_left: set[str] = set()
        self.status = 204
        self.deletes: list[tuple[str, dict[str, str]]] = []
        self.marks: list[list[Any]] = []


@contextmanager
def deleting_influxdb() -> Iterator[DeletingInfluxDb]:
    """A server that runs."""
    server = DeletingInfluxDb()
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
    server: DeletingInfluxDb

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(204, None)

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if parts.path == "/api/v2/delete":
            self.server.deletes.append((parse_qs(parts.query)["bucket"][0], json.loads(body)))
            error = {"code": "invalid", "message": "no"} if self.server.status != 204 else None
            self._answer(self.server.status, error)
            return
        if parts.path == "/api/v2/write":
            [text] = re.findall(r'^rollup_mark mark="(.*)" [0-9]+$', body)
            self.server.marks.append(json.loads(text.replace('\\"', '"')))
            self._answer(204, None)
            return
        asked = {name: values[0] for name, values in parse_qs(body).items()}
        bound = set(json.loads(asked["params"]).values())
        series = []
        if '"journal"' in asked["q"]:
            series = self._journal(bound)
        elif "rollup_mark" not in asked["q"]:
            series = self._left(bound)
        self._answer(200, {"results": [{"series": series}]})

    def _journal(self, bound: set[str]) -> list[dict[str, Any]]:
        return [
            {"name": "journal", "tags": {"device": device, "writer": writer},
             "columns": ["time", "last", "write_ns"],
             "values": [[at_ns, 1, None if self.server.is_old else at_ns]]}
            for device, writer, at_ns in self.server.journal
            if not bound or device in bound
        ]  # fmt: skip

    def _left(self, bound: set[str]) -> list[dict[str, Any]]:
        columns = ["time", "event_id", "payload"]
        left = bound & self.server.devices_left
        return [{"name": "object", "columns": columns, "values": [[1, "x", "x"]]}] if left else []

    def _answer(self, status: int, body: object) -> None:
        encoded = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if self.server.version:
            self.send_header("X-Influxdb-Version", self.server.version)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)
