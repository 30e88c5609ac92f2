"""A video file, written whole or not at all: H.264 by ffmpeg, or MPEG-4 Part 2 by OpenCV."""

import contextlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

import cv2
import numpy as np

from models.detections import Image
from models.errors import MediaError
from models.whole import hidden


class _Encoder(Protocol):
    def write(self, frame: Image) -> None: ...

    def finish(self) -> None: ...

    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What the frames of a video are like; width and height in pixels."""

    width: int
    height: int
    fps: float


class VideoWriter:
    """A video file that appears when the block ends well, and leaves nothing behind otherwise.

    H.264 where ffmpeg with libx264 is on the PATH, MPEG-4 Part 2 by OpenCV elsewhere.

    Args:
        path: the file; its suffix names the container.
        form: of every frame.
        ffmpeg: the program; None: OpenCV writes.

    Raises:
        MediaError: the file cannot be written.
    """

    def __init__(self, path: Path, form: VideoFormat, ffmpeg: str | None) -> None:
        self._path = path
        self._form = form
        self._part = hidden(path)
        if not path.parent.is_dir():
            raise MediaError(f"{path}: cannot be written: there is no folder {path.parent}")
        self._encoder: _Encoder = (
            _OpenCvEncoder(self._part, form)
            if ffmpeg is None
            else _FfmpegEncoder(ffmpeg, self._part, form)
        )

    def write(self, frame: Image) -> None:
        """Append a frame.

        Raises:
            MediaError: it has another size, or it cannot be written.
        """
        if frame.shape != (self._form.height, self._form.width, 3):
            raise MediaError(f"{self._path}: the size of the frames changed to {frame.shape}")
        self._encoder.write(frame)

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._encoder.finish()
                self._part.replace(self._path)
            else:
                self._encoder.abort()
        finally:
            self._part.unlink(missing_ok=True)


class _OpenCvEncoder:
    def __init__(self, path: Path, form: VideoFormat) -> None:
        self._path = path
        code = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), code, form.fps, (form.width, form.height))
        if not self._writer.isOpened():
            raise MediaError(f"{path.suffix!r} cannot be written by OpenCV; use .mp4")

    def write(self, frame: Image) -> None:
        self._writer.write(frame)

    def finish(self) -> None:
        self._writer.release()
        if not self._path.is_file() or not self._path.stat().st_size:
            raise MediaError("OpenCV could not write the video; is the disk full?")

    def abort(self) -> None:
        self._writer.release()


class _FfmpegEncoder:
    def __init__(self, program: str, path: Path, form: VideoFormat) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _end
        source = f"-f rawvideo -pix_fmt bgr24 -s {form.width}x{form.height} -r {form.fps:.6f} -i -"
        # 4:2:0 chroma needs even sides: an odd picture gets one more line or column.
        result = "-vf pad=ceil(iw/2)*2:ceil(ih/2)*2 -c:v libx264 -preset veryfast -pix_fmt yuv420p"
        self._process = subprocess.Popen(
            [program, "-nostdin", "-loglevel", "error", "-y", *source.split(), *result.split(),
             "-movflags", "+faststart", f"file:{path}"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors,
        )  # fmt: skip

    def write(self, frame: Image) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(np.ascontiguousarray(frame).data)
        except BrokenPipeError as error:
            raise MediaError(f"ffmpeg failed: {self._last_words()}") from error

    def finish(self) -> None:
        with self._errors:
            if self._end():
                raise MediaError(f"ffmpeg failed: {self._last_words()}")

    def abort(self) -> None:
        with self._errors:
            self._process.kill()
            self._end()

    def _end(self) -> int:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its exit code tells
            self._process.stdin.close()
        return self._process.wait()

    def _last_words(self) -> str:
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def find_h264_encoder() -> str | None:
    """The path of an ffmpeg that writes H.264, None where there is none."""
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    known = subprocess.run(
        [program, "-hide_banner", "-encoders"], capture_output=True, text=True, check=False
    )
    return program if " libx264 " in known.stdout else None
