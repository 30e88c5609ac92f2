"""An HTTP server on loopback whose every answer a test decides."""

import contextlib
import http.server
import ssl
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Answer:
    """What the server says.

    `body` may be shorter than the length that `headers` promise; after it the connection stays
    open until `hold` is set. `drip` follows the body, piece by piece, as it is made.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hold: threading.Event | None = None
    drip: Iterable[bytes] = ()


Respond = Callable[[str, str | None], Answer]
"""From a path and the Range header, if there is one."""


class FileServer:
    """Answers GET until the block ends; `requests` are the paths and ranges asked for.

    Args:
        respond: what it says.
        context: of TLS, where it speaks that.
        keeps_connections: open for the next question; every answer says its length then.

    Attributes:
        connections: how many were made.
    """

    def __init__(
        self, respond: Respond, context: ssl.SSLContext | None = None,
        *, keeps_connections: bool = False,
    ) -> None:  # fmt: skip
        self.connections = 0
        self._scheme = "http" if context is None else "https"
        self.respond = respond
        self.requests: list[tuple[str, str | None]] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1" if keeps_connections else "HTTP/1.0"

            def setup(self) -> None:
                server.connections += 1
                super().setup()

            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                server.requests.append((self.path, wanted))
                answer = server.respond(self.path, wanted)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                with contextlib.suppress(OSError):  # whoever asked has gone
                    self.end_headers()
                    self.wfile.write(answer.body)
                    for piece in answer.drip:
                        self.wfile.write(piece)
                if answer.hold is not None:
                    answer.hold.wait(10)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing: the tests' output is for the tests."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        """Of the server's root, without a slash at its end."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FileServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def serve(content: bytes) -> Respond:
    """A well-behaved server of one file, ranges included."""

    def respond(path: str, wanted: str | None) -> Answer:
        if wanted is None:
            return Answer(200, {"Content-Length": str(len(content))}, content)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return Answer(416, {"Content-Range": f"bytes */{len(content)}"})
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        rest = content[start:]
        return Answer(206, {"Content-Range": span, "Content-Length": str(len(rest))}, rest)

    return respond
