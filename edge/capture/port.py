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

    @property
    def decoder(self) -> str:
        """What really decodes it, such as `OpenCV FFMPEG h264`."""

    @property
    def clock_resets(self) -> int:
        """How often its timestamps jumped, so that their mapping to time began anew."""

    def read(self) -> Frame | None:
        """The next frame, or None at the end of the source.

        Raises:
            CaptureError: the source cannot be opened or broke; open a new one.
        """

    def close(self) -> None:
        """Let go of the device, file or connection."""


class Video(Protocol):
    """Pictures as a technology brings them; a source makes frames of them."""

    @property
    def decoder(self) -> str:
        """What really decodes it."""

    @property
    def fps(self) -> float:
        """Pictures a second as announced, 0 where unknown."""

    @property
    def frame_count(self) -> int:
        """Pictures as announced, 0 where unknown."""

    @property
    def pts_ns(self) -> int | None:
        """Presentation timestamp of the picture read last; None where only arrival is known."""

    def read(self) -> Image | None:
        """The next picture, None where there is none; later ones do not overwrite it.

        Raises:
            CaptureError: it cannot be read or decoded.
        """

    def count(self) -> int:
        """Pictures from here to the end, counted by skipping through them."""

    def close(self) -> None:
        """Let go of it; harmless when called again."""
