"""Pictures that another program writes into a pipe as YUV4MPEG2.

The format is one line of header, then for each picture a line `FRAME` and its planes Y, U, V
(yuv4mpeg(5) of mjpegtools). It carries no timestamps, so arrival is all that is known.
"""

import fcntl
import os
import select
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from edge.capture.redaction import redact, without
from edge.errors import CaptureError
from models.detections import Image
from wayside.process import dying_with_parent

MAX_SIDE_PX = 16384
_PIPE_BYTES = 1 << 20
_HEADER_BYTES = 256
_SAID_BYTES = 2000
_STOP_S = 0.3
"""For a farewell to the camera; the program holds nothing else that would be lost."""


class PipedVideo:
    """A program that decodes, read through a pipe of its own.

    Args:
        make_command: the program and its arguments, given the descriptor to write to.
        given: what it reads on stdin.
        source: as in the settings, to keep it out of what the program says.
        decoder: what decodes, as people may see it.
        open_timeout_s: until the header has come.
        read_timeout_s: until each picture has come.

    Raises:
        CaptureError: it cannot be started, or no picture came; with what the program said,
            without credentials.
    """

    def __init__(
        self,
        make_command: Callable[[int], list[str]],
        given: bytes,
        *,
        source: str,
        decoder: str,
        open_timeout_s: float,
        read_timeout_s: float,
        to_bgr: Callable[[bytearray, int, int], Image],
    ) -> None:
        self.decoder = decoder
        self._source = source
        self._read_timeout_s = read_timeout_s
        self._to_bgr = to_bgr
        self._said = b""
        try:
            self._pipe, self._process = _piped(make_command, given)
        except OSError as error:
            # No memory or no descriptors now: this camera's trouble, and perhaps a passing one.
            raise CaptureError(
                f"{redact(source)}: {decoder} cannot be started: {error.strerror}"
            ) from error
        try:
            self._width_px, self._height_px, self.fps = self._header(open_timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def frame_count(self) -> int:
        """0: a stream has no length."""
        return 0

    @property
    def pts_ns(self) -> None:
        """None: there are none."""
        return

    def count(self) -> int:
        """0: a stream has no length."""
        return 0

    def read(self) -> Image | None:
        """The next picture; None where the program has ended, or none came in time.

        Raises:
            CaptureError: what came is no picture.
        """
        deadline_s = time.monotonic() + self._read_timeout_s
        line = self._line(deadline_s)
        if not line:
            return None
        if not line.startswith(b"FRAME"):
            raise CaptureError(f"{self.decoder} wrote something that is no picture")
        planes = bytearray(self._width_px * self._height_px * 3 // 2)
        if not self._fill(memoryview(planes), deadline_s):
            return None
        return self._to_bgr(planes, self._width_px, self._height_px)

    def close(self) -> None:
        """End the program; harmless when called again."""
        if self._pipe < 0:
            return
        os.close(self._pipe)
        self._pipe = -1
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _header(self, timeout_s: float) -> tuple[int, int, float]:
        line = self._line(time.monotonic() + timeout_s)
        if not line:
            raise CaptureError(self._failure(timeout_s))
        words = line.decode("ascii", "replace").split()
        if not words or words[0] != "YUV4MPEG2":
            raise CaptureError(f"{self.decoder} wrote something that is no video")
        given = {word[0]: word[1:] for word in words[1:]}
        return _size(given, self.decoder)

    def _failure(self, timeout_s: float) -> str:
        self._listen()
        said = without(self._said.decode("utf-8", "replace"), self._source).strip()
        last = said.splitlines()[-1] if said else f"no picture within {timeout_s:.1f} s"
        reason = last.removeprefix("pipe:0: ")  # where ffmpeg was told what to open
        return (
            f"{redact(self._source)} cannot be opened by {self.decoder}: {reason}; check address, "
            "user and password"
        )

    def _line(self, deadline_s: float) -> bytes:
        """A line, without its end; empty where the pipe ended or time ran out."""
        line = bytearray()
        byte = bytearray(1)
        while len(line) < _HEADER_BYTES and self._fill(memoryview(byte), deadline_s):
            if byte == b"\n":
                return bytes(line)
            line += byte
        return b""

    def _fill(self, view: memoryview, deadline_s: float) -> bool:
        while len(view):
            if self._pipe < 0 or not self._is_ready(deadline_s):
                return False
            count = os.readv(self._pipe, [view])
            if count == 0:
                return False
            view = view[count:]
        return True

    def _is_ready(self, deadline_s: float) -> bool:
        """True once the pipe can be read; what the program says meanwhile is kept, bounded."""
        while (left_s := deadline_s - time.monotonic()) > 0:
            poll = select.poll()
            poll.register(self._pipe, select.POLLIN)
            if self._process.stderr is not None:
                poll.register(self._process.stderr, select.POLLIN)
            ready = {fd for fd, flags in poll.poll(left_s * 1000)}
            if self._pipe in ready:
                return True
            if ready and not self._listen():
                return self._wait_alone(deadline_s)
        return False

    def _wait_alone(self, deadline_s: float) -> bool:
        left_s = max(0.0, deadline_s - time.monotonic())
        poll = select.poll()  # select(2) knows no descriptor from 1024 on
        poll.register(self._pipe, select.POLLIN)
        return bool(poll.poll(left_s * 1000))

    def _listen(self) -> bool:
        """Keep the end of what the program said; False once it says no more."""
        stderr = self._process.stderr
        if stderr is None or stderr.closed:
            return False
        os.set_blocking(stderr.fileno(), False)
        try:
            said = os.read(stderr.fileno(), 65536)
        except BlockingIOError:
            return True
        self._said = (self._said + said)[-_SAID_BYTES:]
        return bool(said)


def _piped(
    make_command: Callable[[int], list[str]], given: bytes
) -> "tuple[int, subprocess.Popen[bytes]]":
    """The end of a pipe to read from, and the program that writes into the other.

    Raises:
        OSError: the kernel has no room for it.
    """
    read_end, write_end = os.pipe()
    try:
        return read_end, _started(make_command(write_end), write_end, given)
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)


def _started(command: list[str], write_end: int, given: bytes) -> "subprocess.Popen[bytes]":
    with suppress(OSError):  # a user may have so many large pipes and no more; a small one will do
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    process = subprocess.Popen(
        dying_with_parent(command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, pass_fds=(write_end,), bufsize=0,
    )  # fmt: skip
    assert process.stdin is not None
    try:
        process.stdin.write(given)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it has ended already; that no header comes tells
    return process


def _size(given: dict[str, str], decoder: str) -> tuple[int, int, float]:
    try:
        width, height = int(given["W"]), int(given["H"])
        over, _, under = given.get("F", "0:1").partition(":")
        fps = int(over) / max(1, int(under or 1))
    except (KeyError, ValueError) as error:
        raise CaptureError(f"{decoder} wrote a header of video without a size") from error
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
        raise CaptureError(f"{decoder} brings pictures of {width}x{height}, which cannot be")
    if width % 2 or height % 2 or not given.get("C", "420").startswith("420"):
        raise CaptureError(
            f"{decoder} brings pictures of {width}x{height} {given.get('C', '')}; "
            "they must be of even width and height"
        )
    return width, height, fps if fps <= 1000 else 0.0
