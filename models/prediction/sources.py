"""The pictures and videos of a path."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from models.detections import Image
from models.errors import MediaError
from models.media import VideoReader, is_picture, read_picture

VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ts", ".webm"}
)
"""Of files of a folder; a file that is named itself may be called anything."""


@dataclass(frozen=True, slots=True)
class Item:
    """A picture or a video.

    Attributes:
        name: its path within the source, with `/` between folders.
    """

    path: Path
    name: str
    is_picture: bool


def items_of(source: Path) -> Sequence[Item]:
    """What a source holds, ordered by name: itself, or the files of a folder and those below.

    Files of a folder that are neither pictures nor called like a video are left out, and so are
    hidden ones.

    Raises:
        MediaError: there is no such file, or a folder holds none.
    """
    if not source.is_dir():
        return [Item(source, source.name, is_picture(source))]
    found = []
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if not path.is_file() or any(part.startswith(".") for part in name.parts):
            continue
        if is_picture(path):
            found.append(Item(path, name.as_posix(), True))
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            found.append(Item(path, name.as_posix(), False))
    if not found:
        raise MediaError(f"{source}: holds neither a picture nor a video")
    return found


Some = TypeVar("Some")


def spread(things: Iterable[Some], count: int, total: int | None) -> list[Some]:
    """So many of them, spread over all where it is known how many there are; else the first."""
    if total is None or total <= count:
        return list(itertools.islice(things, count))
    wanted = {round(number * (total - 1) / max(1, count - 1)) for number in range(count)}
    return [one for number, one in enumerate(things) if number in wanted]


def frames_of(item: Item) -> Iterator[Image]:
    """The frames of a video, or the one picture.

    Raises:
        MediaError: it cannot be read, or holds no frame.
    """
    if item.is_picture:
        yield read_picture(item.path)
        return
    with VideoReader(item.path) as reader:
        is_empty = True
        for frame in reader:
            is_empty = False
            yield frame
        if is_empty:
            raise MediaError(f"{item.path}: holds no frame that OpenCV can read")
