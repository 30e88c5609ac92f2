"""OpenCV: files, RTSP and HTTP streams through FFmpeg, USB through V4L2, pipelines of GStreamer.

What it hides: when a stream's resolution changes while it runs, FFmpeg's pictures are scaled to
the size that it had when it was opened; the change shows when it is opened again.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.capture.pipelines import decoder_in
from edge.capture.settings import CameraSource
from edge.errors import CaptureError
from models.detections import Image

_AV_LOG_FATAL = "8"

_FFMPEG_OPTIONS = "rtsp_transport;tcp|fpsprobesize;2"
"""Of two pictures FFmpeg learns the rate well enough; by its default of twenty the first picture of
an RTSP camera of 25 fps came after 1.4 s instead of 0.5 s (measured)."""

_V4L2_SELECT_S = "2"
"""What OpenCV waits for a USB camera's picture, for all of them; its default is 10."""

_ACCELERATORS = {
    cv2.VIDEO_ACCELERATION_D3D11: "D3D11",
    cv2.VIDEO_ACCELERATION_VAAPI: "VA-API",
    cv2.VIDEO_ACCELERATION_MFX: "MFX",
}


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

    def getBackendName(self) -> str: ...  # noqa: N802

    def release(self) -> None: ...


class OpenCvVideo:
    """A video that is open: a cv2.VideoCapture with its errors translated.

    Args:
        settings: what to open.
        open_capture: makes the cv2.VideoCapture.
        pipeline: GStreamer's, ending in an appsink of BGR pictures; empty: not by GStreamer.

    Raises:
        CaptureError: it cannot be opened; the message says what to do.
    """

    def __init__(
        self,
        settings: CameraSource,
        open_capture: Callable[..., VideoCapture] = cv2.VideoCapture,
        pipeline: str = "",
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        prepare_opencv()
        self._capture = open_capture(*self._arguments())
        if not self._capture.isOpened():
            self._capture.release()
            raise CaptureError(self._refusal())

    def _arguments(self) -> tuple[Any, ...]:
        """Of cv2.VideoCapture: source, backend and, for streams, the limits."""
        settings = self._settings
        if self._pipeline:
            return self._pipeline, cv2.CAP_GSTREAMER
        if settings.kind == "usb":
            asked = self._asked_of_usb()
            return (settings.source, cv2.CAP_V4L2, *([asked] if asked else []))
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

    def _asked_of_usb(self) -> list[int]:
        settings, asked = self._settings, []
        if settings.width_px and settings.height_px:
            asked += [cv2.CAP_PROP_FRAME_WIDTH, settings.width_px]
            asked += [cv2.CAP_PROP_FRAME_HEIGHT, settings.height_px]
        if settings.fps:
            asked += [cv2.CAP_PROP_FPS, round(settings.fps)]
        return asked

    @property
    def decoder(self) -> str:
        """OpenCV's backend, its codec, and the accelerator where one decodes."""
        backend = f"OpenCV {self._capture.getBackendName()}"
        if self._pipeline:
            return f"{backend} {decoder_in(self._pipeline)}"
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        codec = code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
        acceleration = int(self._capture.get(cv2.CAP_PROP_HW_ACCELERATION))
        return " ".join(
            part for part in (backend, codec, _ACCELERATORS.get(acceleration, "")) if part
        )

    def _refusal(self) -> str:
        settings = self._settings
        match settings.kind:
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
            case "csi" | "gst":
                return (
                    f"{settings.shown}: GStreamer cannot start its pipeline; try it with "
                    "`gst-launch-1.0`"
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
    def pts_ns(self) -> int | None:
        """Presentation timestamp of the picture that was read last, of files and RTSP only.

        FFmpeg makes up timestamps for MJPEG over HTTP, at 25 frames a second whatever they are.
        """
        if self._pipeline or self._settings.kind not in ("file", "rtsp"):
            return None
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
    # OpenCV reads these when it opens a source, and takes them from nowhere else.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", _FFMPEG_OPTIONS)
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _AV_LOG_FATAL)
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", _V4L2_SELECT_S)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    cv2.setNumThreads(1)


def has_gstreamer() -> bool:
    """True where OpenCV was built with GStreamer, as JetPack's is and the wheel is not."""
    return cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER)


def read_picture(path: Path) -> Image:
    """The picture of a file, (height, width, 3) uint8, BGR.

    Raises:
        CaptureError: it cannot be read.
    """
    prepare_opencv()
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise CaptureError(f"{path}: is no picture that OpenCV can read; take it out of the folder")
    return np.asarray(image, np.uint8)


def bgr_of_i420(planes: bytearray, width_px: int, height_px: int) -> Image:
    """The picture, (height, width, 3) uint8, BGR, of its planes Y, U and V; both sides even."""
    rows = np.frombuffer(planes, np.uint8).reshape(height_px * 3 // 2, width_px)
    return np.asarray(cv2.cvtColor(rows, cv2.COLOR_YUV2BGR_I420), np.uint8)


def thumbnail(image: Image) -> NDArray[np.uint8]:
    """A picture as a small grey one, (54, 96) uint8, whatever its size; 0.1 ms of one of 720p.

    Samples of it are averaged, not every pixel, which would take ten times as long.
    """
    samples = cv2.resize(image, (192, 108), interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(samples, cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, (96, 54), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
