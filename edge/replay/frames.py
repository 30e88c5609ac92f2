"""A recording's frames, captured from a given time on."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.capture.clock import WallClock
from edge.capture.port import Frame
from edge.capture.settings import CameraSource
from edge.capture.sources import Camera
from models.progress import Progress


def frames(
    camera: str, recording: Path, epoch_ns: int, fps: float | None, progress: Progress
) -> Iterator[Frame]:
    """Every frame of a recording, in order; its first moment was at `epoch_ns`.

    Args:
        camera: id of the camera that it is of.
        recording: a video's file, or a folder of pictures.
        epoch_ns: Unix time.
        fps: pace of a folder of pictures; None: the default.
        progress: told what is done.

    Raises:
        CaptureError: it cannot be read; the message says what to do.
    """
    # An absolute path is never taken for a URL or the index of a USB camera.
    source = CameraSource(source=str(recording.absolute()), pace="lossless", fps=fps)
    opened = Camera(camera, source, WallClock(), file_start_ns=epoch_ns)
    with closing(opened.open(lambda _s: None)) as reading:
        total = reading.total_frames
        while (frame := reading.read()) is not None:
            yield frame
            progress(frame.number + 1, total)
