"""Small videos, and a camera that sends MJPEG over HTTP."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.detections import Image
from tests.support.processes import free_port

WIDTH, HEIGHT = 64, 48
_BOUNDARY = b"frame"


def picture(number: int) -> Image:
    """A grey picture whose level tells its number (mod 25), whatever compression does."""
    return np.full((HEIGHT, WIDTH, 3), 20 + 8 * (number % 25), np.uint8)


def number_of(image: Image) -> int:
    """The number (mod 25) of a picture made by `picture`."""
    return round((float(image.mean()) - 18) / 8)


def write_video(path: Path, frames: int, fps: float = 10.0) -> Path:
    """A video of `picture(0)`, `picture(1)`, ...; `.avi` is MJPEG, anything else MPEG-4."""
    code = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), code, fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(picture(number))
    writer.release()
    return path


class MjpegCamera:
    """A camera on loopback that can be switched off, frozen and switched on again.

    Args:
        period_s: time between pictures.
    """

    def __init__(self, period_s: float = 0.02) -> None:
        self.period_s = period_s
        self.port = free_port()
        self.connections = 0
        self._off = threading.Event()
        self._frozen = threading.Event()
        self._server: http.server.ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where its pictures are, with a password as cameras have them."""
        return f"http://admin:s3cret@127.0.0.1:{self.port}/video.mjpg"

    def switch_on(self) -> None:
        """Begin to answer."""
        self._off = threading.Event()
        self._frozen.clear()
        self._server = _Server(("127.0.0.1", self.port), self._handler(self._off))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def freeze(self) -> None:
        """Keep the connections, send nothing."""
        self._frozen.set()

    def switch_off(self) -> None:
        """Close every connection and the port."""
        self._off.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self, off: threading.Event) -> type[http.server.BaseHTTPRequestHandler]:
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera.connections += 1
                self.send_response(200)
                content = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
                self.send_header("Content-Type", content)
                self.end_headers()
                number = 0
                while not off.wait(camera.period_s):
                    if not camera._frozen.is_set():
                        try:
                            self.wfile.write(_part(number))
                        except OSError:
                            return
                        number += 1

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nothing: the tests' output is for the tests."""

        return Handler


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL under which the files of a folder are to be had."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: the tests' output is for the tests."""

    server = _Server(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True


def _part(number: int) -> bytes:
    encoded = cv2.imencode(".jpg", picture(number))[1].tobytes()
    head = b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
    return head % (_BOUNDARY, len(encoded)) + encoded + b"\r\n"
