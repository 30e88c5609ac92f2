"""Pictures and video files, read; pictures written."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import cast

import cv2
import numpy as np

from models.detections import Image
from models.errors import MediaError
from models.whole import hidden

_FALLBACK_FPS = 25.0
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def is_picture(path: Path) -> bool:
    """True where the file is a picture by its first bytes.

    Raises:
        MediaError: it is no readable file.
    """
    if not path.is_file():
        raise MediaError(f"{path}: there is no such file")
    if not os.access(path, os.R_OK):
        raise MediaError(f"{path}: may not be read")
    return cv2.haveImageReader(str(path))


def is_picture_name(path: Path) -> bool:
    """True where a file of this suffix would be written as a picture."""
    return cv2.haveImageWriter(path.name)


def read_picture(path: Path) -> Image:
    """The picture, BGR.

    Raises:
        MediaError: it cannot be read.
    """
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise MediaError(f"{path}: cannot be read: {error.err}") from error
    if picture is None:
        raise MediaError(f"{path}: is no picture that OpenCV can read")
    return cast("Image", picture)


def write_picture(path: Path, picture: Image) -> None:
    """Write a picture in the format of the path's suffix.

    Raises:
        MediaError: no picture is written with this suffix, or the file cannot be written.
    """
    if not is_picture_name(path):
        raise MediaError(f"{path}: no picture can be written as {path.suffix!r}; use .png or .jpg")
    part = hidden(path)
    try:
        done, encoded = cv2.imencode(path.suffix, picture)
        if not done:
            raise MediaError(f"{path}: a picture of {picture.shape} cannot be written")
        part.write_bytes(encoded.tobytes())
        part.replace(path)
    except cv2.error as error:
        raise MediaError(f"{path}: cannot be written: {error.err}") from error
    except OSError as error:
        part.unlink(missing_ok=True)
        raise MediaError(f"{path}: cannot be written: {error.strerror}") from error


def shrunk(picture: Image, max_side: int) -> Image:
    """The picture, smaller where a side is longer than so many pixels."""
    height, width = picture.shape[:2]
    share = max_side / max(width, height)
    if share >= 1:
        return picture
    size = max(1, round(width * share)), max(1, round(height * share))
    return cast("Image", cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def png_of(picture: Image) -> bytes:
    """The picture as a PNG file, which loses nothing.

    Raises:
        MediaError: it is no picture.
    """
    try:
        done, encoded = cv2.imencode(".png", picture)
    except cv2.error as error:
        raise MediaError(f"no PNG can be made: {error.err}") from error
    if not done:
        raise MediaError(f"a picture of {picture.shape} cannot be written as PNG")
    return encoded.tobytes()


def picture_of_png(content: bytes, width: int, height: int) -> Image:
    """The picture of a PNG file that should be of this size, px.

    Raises:
        MediaError: it is none.
    """
    # Looked at before it is decoded: a small file may say that it is of gigabytes.
    header = _PNG_START + width.to_bytes(4, "big") + height.to_bytes(4, "big")
    if not content.startswith(header):
        raise MediaError(f"is no PNG of {width}x{height}")
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise MediaError(f"is a damaged PNG: {error.err}") from error
    if picture is None or picture.shape != (height, width, 3):
        raise MediaError("is a damaged PNG")
    return cast("Image", picture)


class VideoReader:
    """Frames of a video file.

    Args:
        path: the file.

    Raises:
        MediaError: it is no video that can be read.
    """

    def __init__(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path))
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        if not self._capture.isOpened() or width <= 0:
            self._capture.release()
            raise MediaError(f"{path}: is no video that OpenCV can read")
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or _FALLBACK_FPS
        frames = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.total_frames = frames if frames > 0 else None

    def __iter__(self) -> Iterator[Image]:
        while True:
            taken, frame = self._capture.read()
            if not taken:
                return
            yield cast("Image", frame)

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._capture.release()
