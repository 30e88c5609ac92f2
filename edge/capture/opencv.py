"""OpenCV: files, RTSP and HTTP streams through FFmpeg, USB cameras through V4L2."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2

from edge.capture.settings import CameraSource
from edge.errors import CaptureError
from models.detections import Image

_AV_LOG_FATAL = "8"


class Build(NamedTuple):
    """The cv2 that is imported.

    Attributes:
        folder: it was imported from.
        backends: ways of decoding it was built with.
    """

    version: str
    folder: Path
    backends: tuple[str, ...]


def build() -> Build:
    """Which cv2 this is; on a Jetson there may be two, and only the system's has GStreamer."""
    said = cv2.getBuildInformation()
    there = [
        name
        for name, pattern in (("FFmpeg", r"FFMPEG:\s+YES"), ("GStreamer", r"GStreamer:\s+YES"),
                              ("V4L2", r"v4l/v4l2:\s+YES"))
        if re.search(pattern, said)
    ]  # fmt: skip
    return Build(cv2.__version__, Path(cv2.__file__).parent, tuple(there))


class VideoCapture(Protocol):
    """What is used of a cv2.VideoCapture."""

    def isOpened(self) -> bool: ...  # noqa: N802

    def grab(self) -> bool: ...

    def read(self) -> tuple[bool, Any]: ...

    def get(self, propId: int) -> float: ...  # noqa: N803

    def release(self) -> None: ...


class OpenCvVideo:
    """A video that is open: a cv2.VideoCapture with its errors translated.

    Args:
        settings: what to open.
        open_capture: makes the cv2.VideoCapture.

    Raises:
        CaptureError: it cannot be opened; the message says what to do.
    """

    def __init__(
        self,
        settings: CameraSource,
        open_capture: Callable[..., VideoCapture] = cv2.VideoCapture,
    ) -> None:
        self._settings = settings
        prepare_opencv()
        self._capture = open_capture(*self._arguments())
        if not self._capture.isOpened():
            self._capture.release()
            raise CaptureError(self._refusal())

    def _arguments(self) -> tuple[Any, ...]:
        """Of cv2.VideoCapture: source, backend and, for streams, the limits."""
        settings = self._settings
        if settings.kind == "usb":
            return settings.source, cv2.CAP_V4L2
        if settings.kind == "file":
            return settings.source, cv2.CAP_FFMPEG
        limits = [
            cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, settings.open_timeout_ms,
            cv2.CAP_PROP_READ_TIMEOUT_MSEC, settings.read_timeout_ms,
            # FFmpeg decodes n frames in n threads and gives the first when it has the n-th:
            # measured, 16 threads showed a camera of 10 fps 1.5 s later than one thread did.
            cv2.CAP_PROP_N_THREADS, settings.decode_threads,
        ]  # fmt: skip
        return settings.source, cv2.CAP_FFMPEG, limits

    def _refusal(self) -> str:
        settings = self._settings
        match settings.kind:
            case "file" if Path(str(settings.source)).is_dir():
                return f"{settings.shown}: is a folder; name one video file in `source`"
            case "file" if not Path(str(settings.source)).is_file():
                return f"{settings.shown}: there is no such file; check `source`"
            case "file":
                return (
                    f"{settings.shown}: is no video that OpenCV can read; play it with `ffplay`, "
                    "or convert it with `ffmpeg -i IN -c:v libx264 OUT.mp4`"
                )
            case "usb":
                return (
                    f"USB camera {settings.shown} cannot be opened; list them with "
                    "`v4l2-ctl --list-devices`, and see that the user is in the group `video`"
                )
            case _:
                return (
                    f"{settings.shown} does not answer with video within "
                    f"{settings.open_timeout_ms} ms; check address, user and password"
                )

    def read(self) -> Image | None:
        """The next picture, None where there is none.

        Raises:
            CaptureError: the picture is broken, as a USB camera's may be.
        """
        try:
            found, image = self._capture.read()
        except cv2.error as error:
            raise CaptureError(
                f"{self._settings.shown} sent a picture that cannot be decoded; check the cable"
            ) from error
        return image if found else None

    @property
    def pts_ns(self) -> int:
        """Presentation timestamp of the picture that was read last."""
        return round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * 1e6)

    @property
    def fps(self) -> float:
        """Pictures a second as announced, 0 where unknown."""
        return max(0.0, self._capture.get(cv2.CAP_PROP_FPS))

    @property
    def frame_count(self) -> int:
        """Pictures as announced, 0 where unknown."""
        return max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def count(self) -> int:
        """Pictures from here to the end, counted by skipping through them."""
        pictures = 0
        while self._capture.grab():
            pictures += 1
        return pictures

    def close(self) -> None:
        """Let go of it."""
        self._capture.release()


def prepare_opencv() -> None:
    """Make OpenCV fit a process of many threads; harmless when called again.

    RTSP goes over TCP only, for UDP loses packets silently. FFmpeg and OpenCV write nothing on
    stderr themselves: what fails is told in our own messages, which hold no credentials.
    OpenCV's own thread pool is off, because the workers are the parallelism: with it they
    waited for each other, and a third to two thirds of the frames per second were gone.
    """
    # OpenCV reads these two when it opens a source, and takes them from nowhere else.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_FATAL)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    cv2.setNumThreads(1)
