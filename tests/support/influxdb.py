"""A real InfluxDB 1.6.7, with the `/api/v2/write` that it lacks.

The facade is the one shim that the tests allow themselves: it turns `/api/v2/write?org&bucket`
into `/write?db&rp`, as InfluxDB 1.8 does itself, and passes everything else on as it is.
"""

import contextlib
import http.client
import itertools
import shutil
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.support.processes import ServerProcess, free_port

_CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{http_port}"
  log-enabled = false
[continuous_queries]
  enabled = false
[subscriber]
  enabled = false
[logging]
  level = "warn"
"""
_PASSED_ON = ("Content-Type", "Content-Encoding", "Authorization")


class InfluxDb:
    """A database server that can be killed and started again at its address.

    Attributes:
        url: of the facade, where a client of InfluxDB 2 writes and asks by InfluxQL.
        org: any.
        bucket: one that is there.
        token: any; this server asks nobody who they are.
    """

    def __init__(self, folder: Path, program: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._http_port = free_port()
        config = folder / "influxdb.conf"
        config.write_text(
            _CONFIG.format(folder=folder, http_port=self._http_port, rpc_port=free_port())
        )
        self._server = ServerProcess(
            [program, "-config", str(config)], self._http_port, folder / "influxd.log"
        )
        self._facade: _Facade | None = None
        self._port = free_port()
        self._numbers = itertools.count(1)
        self.url = f"http://127.0.0.1:{self._port}"
        self.org = "wayside"
        self.bucket = "wayside"
        self.token = "no-secret"

    def start(self) -> None:
        """Start it, wait until it answers, and make the bucket where there is none."""
        self._server.start()
        self.query(f'CREATE DATABASE "{self.bucket}"')
        self._facade = _Facade(self._port, self._http_port)
        threading.Thread(target=self._facade.serve_forever, args=(0.05,), daemon=True).start()

    def kill(self) -> None:
        """SIGKILL: its port refuses connections from now on."""
        self._close_facade()
        self._server.kill()

    def stop(self) -> None:
        """End it in order."""
        self._close_facade()
        self._server.stop()

    def new_bucket(self) -> str:
        """A further, empty bucket."""
        name = f"bucket-{next(self._numbers)}"
        self.query(f'CREATE DATABASE "{name}"')
        return name

    def query(self, statement: str, database: str = "") -> str:
        """The JSON text of what the server answers to a statement of InfluxQL."""
        body = urlencode({"q": statement, "db": database, "epoch": "ns"})
        status, answer, _ = _ask(self._http_port, "POST", f"/query?{body}", b"", {})
        if status != 200:
            raise RuntimeError(answer.decode())
        return answer.decode()

    def write(self, database: str, lines: str) -> None:
        """Write lines past every client."""
        path = f"/write?{urlencode({'db': database})}"
        status, answer, _ = _ask(self._http_port, "POST", path, lines.encode(), {})
        if status != 204:
            raise RuntimeError(answer.decode())

    def facade_apart(self) -> ServerProcess:
        """A second facade, not yet started: in a process of its own it takes no time of ours."""
        port = free_port()
        command = [sys.executable, "-m", "tests.support.influxdb", str(port), str(self._http_port)]
        return ServerProcess(command, port, self._folder / "facade.log")

    def _close_facade(self) -> None:
        if self._facade is not None:
            self._facade.end()
            self._facade = None


def influxdb(folder: Path) -> InfluxDb:
    """A server, not yet started, with its data under a folder."""
    program = shutil.which("influxd") or shutil.which("influxd", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("influxd is not installed; `make test` installs it")
    return InfluxDb(folder, program)


class _Facade(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket)
        self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """A connection that was cut is what a killed server looks like."""

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Facade

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        status, answer, found = _ask(
            self.server.upstream_port, self.command, _translated(self.path), body, headers
        )
        self.send_response(status)
        for name in ("Content-Type", "X-Influxdb-Version"):
            if name in found:
                self.send_header(name, found[name])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def _translated(path: str) -> str:
    parts = urlsplit(path)
    if parts.path == "/health":
        return "/ping?verbose=true"
    if parts.path != "/api/v2/write":
        return path
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    database, _, policy = asked["bucket"].partition("/")
    # 1.x says `u` and `n` where 2.x says `us` and `ns`.
    precision = {"us": "u", "ns": "n"}.get(asked.get("precision", "ns"), asked.get("precision"))
    wanted = {"db": database, "rp": policy, "precision": precision}
    return f"/write?{urlencode({name: value for name, value in wanted.items() if value})}"


def _ask(
    port: int, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


if __name__ == "__main__":
    _Facade(int(sys.argv[1]), int(sys.argv[2])).serve_forever()
