"""The sources of one camera: a file that ends, or a stream that should not."""

from collections.abc import Callable

import structlog

from edge.capture.clock import FileClock, StreamClock, WallClock
from edge.capture.opencv import OpenCvVideo
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource
from edge.errors import CaptureError
from models.detections import Image

_log = structlog.get_logger(__name__)

Wait = Callable[[float], object]
"""Waits so many seconds, or until somebody stops the camera."""

MakeFrame = Callable[[int, Image], Frame]
"""The camera's next frame, of a captured time in ns and a picture."""

FALLBACK_FPS = 25.0
"""Of a video that does not say how fast it runs."""

EARLY_END = 0.98
"""A file that ends before this share of what it announces is cut or damaged."""


class Camera:
    """Opens the source of one camera, as often as it takes; times and numbers go on.

    Args:
        camera: id of the camera.
        settings: where its frames come from.
        wall: the device's clock.
    """

    def __init__(self, camera: str, settings: CameraSource, wall: WallClock) -> None:
        self._camera = camera
        self._settings = settings
        self._wall = wall
        self._clock = StreamClock(wall.now_ns)
        self._frames = 0

    def open(self, wait: Wait) -> Source:
        """A source that is open.

        Args:
            wait: how a file of pace `live` waits for the time of its next frame.

        Raises:
            CaptureError: it cannot be opened; the message says what to do.
        """
        if self._settings.kind == "file":
            return FileSource(self._frame, self._settings, self._wall, wait)
        self._clock.restart()
        return StreamSource(self._frame, self._settings, self._clock)

    def _frame(self, captured_ns: int, image: Image) -> Frame:
        frame = Frame(self._camera, self._frames, captured_ns, image)
        self._frames += 1
        return frame


class FileSource:
    """A video file; `lossless` it ends now, `live` it starts now.

    Args:
        make_frame: makes the camera's next frame.
        settings: path, pace and loop.
        wall: the device's clock.
        wait: how it waits for the time of a frame.

    Raises:
        CaptureError: the file is missing or no video.
    """

    def __init__(
        self, make_frame: MakeFrame, settings: CameraSource, wall: WallClock, wait: Wait
    ) -> None:
        self._make_frame = make_frame
        self._settings = settings
        self._wall = wall
        self._wait = wait
        self._video = OpenCvVideo(settings)
        self._period_ns = round(1e9 / (self._video.fps or FALLBACK_FPS))
        self._total = self._video.frame_count or self._counted()
        self._duration_ns = self._total * self._period_ns
        start_ns = wall.now_ns() - (self._duration_ns if settings.lossless else 0)
        self._clock = FileClock(start_ns)
        self._round_ns = 0
        self._pts_ns = -self._period_ns

    @property
    def lossless(self) -> bool:
        """True unless its pace is `live`."""
        return self._settings.lossless

    @property
    def total_frames(self) -> int | None:
        """As the file announces; None for a loop."""
        return None if self._settings.loop else self._total

    def read(self) -> Frame | None:
        """The next frame; with pace `live` once its time has come.

        Raises:
            CaptureError: it cannot be decoded.
        """
        image = self._video.read()
        if image is None and self._settings.loop and self._pts_ns >= self._round_ns:
            image = self._next_round()
        if image is None:
            self._check_end()
            return None
        self._pts_ns = self._next_pts_ns()
        captured_ns = self._clock.captured_ns(self._pts_ns)
        if not self.lossless:
            self._wait_until(captured_ns)
        return self._make_frame(captured_ns, image)

    def close(self) -> None:
        """Let go of the file."""
        self._video.close()

    def _counted(self) -> int:
        """Frames of a container that announces none (raw H.264), found by skipping through."""
        total = self._video.count()
        self._video.close()
        self._video = OpenCvVideo(self._settings)
        return total

    def _next_round(self) -> Image | None:
        self._video.close()
        self._video = OpenCvVideo(self._settings)
        self._round_ns = self._pts_ns + self._period_ns
        return self._video.read()

    def _next_pts_ns(self) -> int:
        """Time of this frame since the start; a raw stream has none, then frames are counted."""
        pts_ns = self._round_ns + self._video.pts_ns
        return pts_ns if pts_ns > self._pts_ns else self._pts_ns + self._period_ns

    def _wait_until(self, captured_ns: int) -> None:
        ahead_ns = captured_ns - self._wall.now_ns()
        if ahead_ns > 0:
            self._wait(ahead_ns / 1e9)

    def _check_end(self) -> None:
        read_ns = self._pts_ns + self._period_ns
        if read_ns < self._duration_ns * EARLY_END:
            _log.warning(
                "video ends early: it is cut or damaged", source=self._settings.shown,
                read_s=round(read_ns / 1e9, 1), announced_s=round(self._duration_ns / 1e9, 1),
            )  # fmt: skip


class StreamSource:
    """A camera: RTSP with its own timestamps, HTTP and USB by arrival.

    FFmpeg makes up timestamps for MJPEG over HTTP, at 25 frames a second whatever they are.

    Args:
        make_frame: makes the camera's next frame.
        settings: URL or device, and the limits.
        clock: of the camera.

    Raises:
        CaptureError: it does not answer.
    """

    def __init__(self, make_frame: MakeFrame, settings: CameraSource, clock: StreamClock) -> None:
        self._make_frame = make_frame
        self._settings = settings
        self._clock = clock
        self._video = OpenCvVideo(settings)
        self._left = self._video.frame_count if settings.kind == "http" else 0

    @property
    def lossless(self) -> bool:
        """False: a camera does not wait."""
        return False

    @property
    def total_frames(self) -> int | None:
        """None, unless it is a file behind a URL."""
        return self._video.frame_count or None

    def read(self) -> Frame | None:
        """The next frame; None only where a file behind a URL has come to its end.

        Raises:
            CaptureError: the stream broke or fell silent.
        """
        image = self._video.read()
        if image is None:
            if self._left == 0 and self.total_frames is not None:
                return None
            raise CaptureError(
                f"{self._settings.shown} stopped: the connection was closed, or no picture came "
                f"for {self._settings.read_timeout_ms} ms"
            )
        self._left = max(0, self._left - 1)
        pts_ns = self._video.pts_ns if self._settings.kind == "rtsp" else None
        return self._make_frame(self._clock.captured_ns(pts_ns), image)

    def close(self) -> None:
        """Let go of the connection or device."""
        self._video.close()
