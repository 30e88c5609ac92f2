"""What a folder of clips holds, for people."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import EvidenceError
from edge.evidence.folder import Kept, clips_of

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """A clip as it is listed.

    Attributes:
        camera: id of the camera.
        begins: UTC, RFC 3339.
        duration_s: from its first picture to its last.
        reasons: kinds and rules of its events, each once.
        is_masked: parts of its pictures are painted over.
        bytes: of video and JSON.
        video: the file.
    """

    camera: str
    begins: str
    duration_s: float
    reasons: tuple[str, ...]
    is_masked: bool
    bytes: int
    video: Path

    def __str__(self) -> str:
        masked = ", masked" if self.is_masked else ""
        return (
            f"{self.camera:20} {self.begins}  {self.duration_s:5.1f} s  "
            f"{self.bytes / _MIB:6.2f} MiB  {', '.join(self.reasons)}{masked}  {self.video}"
        )


def listed(folder: Path, camera: str = "") -> Iterator[Listed]:
    """The clips of a folder in the order of their times; of all cameras where none is named.

    Raises:
        EvidenceError: the folder cannot be read, or the JSON of a clip is none of ours.
    """
    try:
        clips = sorted(clips_of(folder), key=lambda clip: clip.sidecar.name)
        for clip in clips:
            if camera in ("", clip.sidecar.parent.name) and (told := _listed(clip)):
                yield told
    except OSError as error:
        raise EvidenceError(f"{folder}: clips cannot be read: {error.strerror}") from error


def _listed(clip: Kept) -> Listed | None:
    """None where it is gone: the agent deletes the oldest meanwhile."""
    try:
        told: dict[str, Any] = json.loads(clip.sidecar.read_text(encoding="utf-8"))
        reasons = [f"{one['kind']} {one['rule']}".strip() for one in told["events"]]
        return Listed(
            camera=told["camera"],
            begins=told["from"],
            duration_s=(told["to_ns"] - told["from_ns"]) / 1e9,
            reasons=tuple(dict.fromkeys(reasons)),
            is_masked=told["masked"],
            bytes=clip.bytes,
            video=clip.video,
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            f"{clip.sidecar}: is damaged ({error}); delete it together with its video"
        ) from error
