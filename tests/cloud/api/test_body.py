"""Bodies that are too large or too slow, however they are sent, on a real port."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.api.settings import LimitsSettings
from cloud.fleet.api_key import Role
from tests.support.api_server import ApiServer, api_server

MAX_BYTES = 2048
LIMITS = LimitsSettings(max_body_bytes=MAX_BYTES, body_timeout_s=0.5, max_header_bytes=8192)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with api_server(tmp_path_factory.mktemp("api"), limits=LIMITS) as made:
        yield made


def body_of(size_bytes: int) -> bytes:
    """A valid request for a device, with room behind it."""
    wanted = b'{"device": "cam-box"}'
    return wanted + b" " * (size_bytes - len(wanted))


class Raw:
    """A connection on which a test says every byte itself."""

    def __init__(self, server: ApiServer) -> None:
        port = server.client.base_url.port
        assert port is not None
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._key = server.key(Role.FLEET_MANAGER)

    def begin(self, *headers: str, key: bool = True) -> None:
        shown = [f"Authorization: Bearer {self._key}"] if key else []
        lines = ["POST /v1/devices HTTP/1.1", "Host: api", "Content-Type: application/json"]
        self.socket.sendall("\r\n".join([*lines, *shown, *headers, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def answer(self) -> str:
        """All that comes until the server closes the connection."""
        with self.socket:
            received = b""
            while data := self.socket.recv(65_536):
                received += data
        return received.decode()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_the_limit_is_read_and_one_byte_more_is_not(
    server: ApiServer, is_chunked: bool
) -> None:
    headers = {"Authorization": f"Bearer {server.key(Role.FLEET_MANAGER)}"}

    def post(size_bytes: int) -> tuple[int, str]:
        body = body_of(size_bytes)
        parts = iter([body[:1000], body[1000:]])
        answer = server.client.post(
            "/v1/devices", content=parts if is_chunked else body,
            headers={**headers, "Content-Type": "application/json"},
        )  # fmt: skip
        return answer.status_code, answer.headers["content-type"] + answer.text

    assert post(MAX_BYTES)[0] in {201, 409}
    status, said = post(MAX_BYTES + 1)
    assert status == 413
    assert "application/problem+json" in said
    assert "larger than 2048 bytes (api.limits.max_body_bytes)" in said
    assert server.client.get("/healthz").status_code == 200, "another connection serves"


def test_a_body_without_an_end_is_stopped_at_the_limit(server: ApiServer) -> None:
    raw = Raw(server)
    raw.begin("Transfer-Encoding: chunked")
    for _ in range(3):
        raw.chunk(b" " * 1000)
    said = raw.answer()
    assert said.startswith("HTTP/1.1 413 ")
    assert "connection: close" in said


def test_what_is_announced_too_large_is_not_waited_for(server: ApiServer) -> None:
    raw = Raw(server)
    raw.begin(f"Content-Length: {10**15}")
    assert raw.answer().startswith("HTTP/1.1 413 ")


def test_who_has_no_key_is_refused_before_any_body(server: ApiServer) -> None:
    raw = Raw(server)
    raw.begin("Transfer-Encoding: chunked", "Connection: close", key=False)
    assert raw.answer().startswith("HTTP/1.1 401 ")


def test_a_body_that_does_not_come_ends_the_request(server: ApiServer) -> None:
    raw = Raw(server)
    raw.begin("Content-Length: 100")
    raw.socket.sendall(b"{")
    said = raw.answer()
    assert said.startswith("HTTP/1.1 408 ")
    assert "did not come within 0.5 s" in said


def test_refused_bodies_leave_a_trace(tmp_path: Path) -> None:
    with api_server(tmp_path, limits=LIMITS) as server:
        key = server.key(Role.FLEET_MANAGER)
        server.ask("post", "/v1/devices", key, {"device": "x" * MAX_BYTES})
        assert server.access.audit.page()[-1].outcome == "413"


def test_headers_without_an_end_are_refused(server: ApiServer) -> None:
    raw = Raw(server)
    headers = [f"X-{number}: {'x' * 100}\r\n" for number in range(100)]
    raw.socket.sendall("".join(["POST /v1/devices HTTP/1.1\r\n", *headers]).encode())
    assert raw.answer().startswith("HTTP/1.1 400 ")


def test_more_connections_than_may_be_are_told_so(tmp_path: Path) -> None:
    with api_server(tmp_path, limits=LimitsSettings(max_connections=3)) as server:
        waiting = [Raw(server) for _ in range(3)]
        answer = server.client.get("/healthz")
        assert answer.status_code == 503
        for raw in waiting:
            raw.socket.close()
