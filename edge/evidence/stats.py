"""What became of evidence, in figures, for whoever watches the agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClipStats:
    """What became of the clips of all cameras.

    Attributes:
        written: files that are there, or were.
        lost: clips that nobody could write, or that had to wait for too long.
        deleted: that had to go for age or room.
        codec: `h264`, or `mjpeg` where nothing makes H.264.
    """

    written: int
    lost: int
    deleted: int
    codec: str


@dataclass(frozen=True, slots=True)
class RecorderStats:
    """What the recorder of one camera's clips did.

    Attributes:
        stills: pictures that were kept for a while.
        dropped: frames, and events, that it could not take.
        clips: handed on to be written.
    """

    stills: int = 0
    dropped: int = 0
    clips: int = 0


@dataclass(frozen=True, slots=True)
class CameraEvidenceStats:
    """What became of the evidence of one camera.

    Attributes:
        pictures_taken: of objects.
        pictures_dropped: that memory had no room for.
        recorder: of its clips.
    """

    pictures_taken: int = 0
    pictures_dropped: int = 0
    recorder: RecorderStats = RecorderStats()


@dataclass(frozen=True, slots=True)
class EvidenceStats:
    """What became of the evidence of all cameras.

    Attributes:
        clips: None where no camera keeps any, or has since the agent started.
        cameras: by id, those of which something is hidden or kept.
    """

    clips: ClipStats | None = None
    cameras: Mapping[str, CameraEvidenceStats] = field(default_factory=dict)
