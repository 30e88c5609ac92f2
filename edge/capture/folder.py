"""A folder of pictures as a video: in the order of their names, at a pace of the settings."""

import re
from pathlib import Path

from edge.capture.opencv import read_picture
from edge.errors import CaptureError
from models.detections import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


class FolderVideo:
    """The pictures of a folder.

    Args:
        path: the folder.
        fps: pictures a second.

    Raises:
        CaptureError: it holds none, or cannot be read.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.fps = fps
        try:
            found = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
        except OSError as error:
            raise CaptureError(
                f"{path}: cannot be read: {error.strerror}; let the agent's user read the folder"
            ) from error
        self._pictures = sorted(found, key=_natural)
        self._next = 0
        if not self._pictures:
            known = ", ".join(sorted(SUFFIXES))
            raise CaptureError(f"{path}: is a folder without pictures ({known}); check `source`")

    @property
    def decoder(self) -> str:
        """Who reads the pictures."""
        return "OpenCV pictures"

    @property
    def frame_count(self) -> int:
        """Pictures of the folder."""
        return len(self._pictures)

    @property
    def pts_ns(self) -> int:
        """Of the picture that was read last, from 0."""
        return round(max(0, self._next - 1) * 1e9 / self.fps)

    def read(self) -> Image | None:
        """The next picture, None after the last.

        Raises:
            CaptureError: a file is no picture; names it.
        """
        if self._next >= len(self._pictures):
            return None
        self._next += 1
        return read_picture(self._pictures[self._next - 1])

    def count(self) -> int:
        """Pictures that are left."""
        return len(self._pictures) - self._next

    def close(self) -> None:
        """No further picture comes."""
        self._next = len(self._pictures)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key by which `2.jpg` comes before `10.jpg`, and `1.jpg` always after `01.jpg`."""
    parts = re.split(r"([0-9]+)", path.name)  # every second one is a number
    key = [(int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts)]
    return key, path.name
