"""The files of clips: whole or not at all, for this user alone, bounded in bytes and age.

    CAMERA/20261128T140612.250Z.mp4     the video, written as a hidden file and renamed
    CAMERA/20261128T140612.250Z.json    what it shows and why; renamed last, so it makes the clip

A video without its JSON, and a hidden file, are what a killed agent left: they go at the next
start.
"""

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.evidence.settings import ClipFolderSettings
from wayside.disk import REAL

_FOLDER, _FILE = 0o700, 0o600
_STEM = re.compile(r"\d{8}T\d{6}\.\d{3}Z(-\d+)?")
_SIDECAR = ".json"
_VIDEOS = (".mp4", ".mkv")
_DAY_S = 86_400.0
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A clip in the folder.

    Attributes:
        sidecar: its JSON.
        video: its video.
        bytes: of both.
        kept_s: when it was written, Unix time.
    """

    sidecar: Path
    video: Path
    bytes: int
    kept_s: float


class ClipFolder:
    """A device's clips; one thread writes.

    Args:
        folder: made where it is missing.
        settings: bounds.
        free_bytes: of the disk that a folder is on.
        now_s: Unix time; a clip's age is by when it was written.
    """

    def __init__(
        self,
        folder: Path,
        settings: ClipFolderSettings,
        *,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.folder = folder
        self._settings = settings
        self._free_bytes = free_bytes
        self._now_s = now_s

    def prepare(self) -> int:
        """Make the folder, and take away what a killed agent left; how many files that were.

        Raises:
            OSError: it cannot be made or read.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
        whole = {path for clip in self.clips() for path in (clip.sidecar, clip.video)}
        left = [path for path in _ours(self.folder) if path not in whole]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def clips(self) -> list[Kept]:
        """The clips, the oldest first.

        Raises:
            OSError: the folder cannot be read.
        """
        return sorted(clips_of(self.folder), key=lambda clip: (clip.kept_s, clip.sidecar))

    def keep(
        self, camera: str, captured_ns: int, suffix: str, write: Callable[[Path], dict[str, Any]]
    ) -> Path:
        """A new clip's video, which is there together with its JSON, or not at all.

        Args:
            camera: id of the camera.
            captured_ns: Unix time of its first picture.
            suffix: of the video.
            write: writes the video into an empty file of this user's, and returns its JSON.

        Raises:
            OSError: the disk refuses.
            EvidenceError: of `write`.
        """
        place = self.folder / camera
        place.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
        video = _free_name(place, stamp(captured_ns), suffix)
        sidecar = video.with_suffix(_SIDECAR)
        parts = [video.with_name(f".{path.name}.part") for path in (video, sidecar)]
        try:
            for part in parts:
                os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE))
            content = {"file": video.name, **write(parts[0])}
            parts[1].write_text(json.dumps(content, indent=1), encoding="utf-8")
            for part in parts:
                REAL.sync(part)
            parts[0].replace(video)
            parts[1].replace(sidecar)
            REAL.sync(place)
        except BaseException:
            for path in (*parts, video):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise
        return video

    def bound(self, more_bytes: int = 0) -> int:
        """Delete what is too old or too much, the oldest first; how many clips.

        Args:
            more_bytes: that are about to be written.

        Raises:
            OSError: the folder cannot be read, or a file not deleted.
        """
        clips = self.clips()
        held = sum(clip.bytes for clip in clips) + more_bytes
        oldest_s = self._now_s() - self._settings.max_age_days * _DAY_S
        gone = 0
        for clip in clips:
            is_short = self._free_bytes(self.folder) - more_bytes < self._settings.min_free_bytes
            if held <= self._settings.max_bytes and clip.kept_s >= oldest_s and not is_short:
                break
            # The JSON first: what is killed in between leaves no clip without a video.
            clip.sidecar.unlink(missing_ok=True)
            clip.video.unlink(missing_ok=True)
            held -= clip.bytes
            gone += 1
        return gone

    def has_room(self, more_bytes: int) -> bool:
        """True where so many bytes may be written.

        Raises:
            OSError: the disk does not say.
        """
        return self._free_bytes(self.folder) - more_bytes >= self._settings.min_free_bytes


def clips_of(folder: Path) -> Iterator[Kept]:
    """The clips of a folder in no order; one that goes meanwhile is left out.

    Raises:
        OSError: the folder cannot be read.
    """
    for sidecar in folder.glob(f"*/*{_SIDECAR}"):
        if not _STEM.fullmatch(sidecar.stem):
            continue
        for video in (sidecar.with_suffix(suffix) for suffix in _VIDEOS):
            with contextlib.suppress(FileNotFoundError):
                status = video.stat()
                size = status.st_size + sidecar.stat().st_size
                yield Kept(sidecar, video, size, status.st_mtime)


def stamp(captured_ns: int) -> str:
    """A time as files are named by it: UTC, to the ms."""
    seconds, ms = divmod(captured_ns // _NS_PER_MS, 1000)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y%m%dT%H%M%S}.{ms:03d}Z"


def _free_name(place: Path, stem: str, suffix: str) -> Path:
    number = 1
    name = stem
    while (place / f"{name}{_SIDECAR}").exists():
        number += 1
        name = f"{stem}-{number}"
    return place / f"{name}{suffix}"


def _ours(folder: Path) -> Iterator[Path]:
    """Files that are a clip's, or were to become one; nothing else in the folder is touched."""
    for path in folder.glob("*/*"):
        name = path.name.removeprefix(".").removesuffix(".part")
        stem, dot, suffix = name.rpartition(".")
        if _STEM.fullmatch(stem) and dot + suffix in (*_VIDEOS, _SIDECAR) and path.is_file():
            yield path
