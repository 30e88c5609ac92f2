"""A source yields frames, each with the time at which it was captured."""

from dataclasses import dataclass
from typing import Protocol

from models.detections import Image


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera.

    Attributes:
        camera: id of the camera.
        number: of the frame in its source, from 0.
        captured_ns: Unix time at which it was captured, by the source's clock (decision 3).
        image: (height, width, 3) uint8, BGR.
    """

    camera: str
    number: int
    captured_ns: int
    image: Image


class Source(Protocol):
    """Where frames come from. One thread reads it."""

    @property
    def lossless(self) -> bool:
        """True where every frame counts and waiting loses none: files, not cameras."""

    @property
    def total_frames(self) -> int | None:
        """Number of frames of a file, None where nobody knows."""

    def read(self) -> Frame | None:
        """The next frame, or None at the end of the source.

        Raises:
            CaptureError: the source cannot be opened or broke; open a new one.
        """

    def close(self) -> None:
        """Let go of the device, file or connection."""
