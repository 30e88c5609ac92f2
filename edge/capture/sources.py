"""The sources of one camera: a file that ends, or a stream that should not."""

import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from edge.capture.clock import FileClock, Lag, StreamClock, WallClock
from edge.capture.decoders import open_video
from edge.capture.folder import FolderVideo
from edge.capture.opencv import OpenCvVideo
from edge.capture.port import Frame, Source, Video
from edge.capture.settings import CameraSource
from edge.capture.synthetic.scene import parse_scene
from edge.capture.synthetic.video import SyntheticCamera, SyntheticVideo
from edge.errors import CaptureError
from models.detections import Image

_log = structlog.get_logger(__name__)

Wait = Callable[[float], object]
"""Waits so many seconds, or until somebody stops the camera."""

FALLBACK_FPS = 25.0
"""Of a video that does not say how fast it runs."""

FOLDER_FPS = 10.0
"""Of a folder of pictures, unless the settings say another."""

EARLY_END = 0.98
"""A file that ends before this share of what it announces is cut or damaged."""


class Camera:
    """Opens the source of one camera, as often as it takes; times and numbers go on.

    Only the source that was opened last makes frames: a read of an earlier one that comes back
    late finds that its picture is no longer wanted.

    Args:
        camera: id of the camera.
        settings: where its frames come from.
        wall: the device's clock.
        file_start_ns: Unix time of a file's first moment; None: reckoned from now, see FileClock.
    """

    def __init__(
        self,
        camera: str,
        settings: CameraSource,
        wall: WallClock,
        *,
        file_start_ns: int | None = None,
    ) -> None:
        self._camera = camera
        self._settings = settings
        self._wall = wall
        self._file_start_ns = file_start_ns
        self._clock = StreamClock(wall.now_ns, lambda: wall.anchor_id)
        self._counting = threading.Lock()
        self._frames = 0
        self._opened = 0
        self._device = _synthetic(settings)

    def open(self, wait: Wait) -> Source:
        """A source that is open.

        Args:
            wait: how what is paced waits for the time of its next frame.

        Raises:
            CaptureError: it cannot be opened; the message says what to do.
        """
        with self._counting:
            self._opened += 1
            stamp = Stamp(self, self._opened)
        if not self._settings.is_camera:
            return FileSource(
                stamp, self._settings, self._wall, wait, lambda: self._file_video(wait),
                self._file_start_ns,
            )  # fmt: skip
        video = SyntheticVideo(self._device, wait) if self._device else open_video(self._settings)
        with self._counting:
            if stamp.opened == self._opened:
                self._clock.restart()
        return StreamSource(stamp, self._settings, self._clock, video)

    def _file_video(self, wait: Wait) -> Video:
        if self._device is not None:
            return SyntheticVideo(self._device, wait)
        path = Path(str(self._settings.source))
        if path.is_dir():
            return FolderVideo(path, self._settings.fps or FOLDER_FPS)
        return OpenCvVideo(self._settings)

    def frame(self, opened: int, captured_ns: Callable[[], int], image: Image) -> Frame:
        """The camera's next frame, from the source that was opened as the `opened`-th.

        Raises:
            CaptureError: another one was opened since.
        """
        with self._counting:
            if opened != self._opened:
                raise CaptureError("the camera was opened again meanwhile")
            frame = Frame(self._camera, self._frames, captured_ns(), image)
            self._frames += 1
            return frame


class Stamp:
    """Makes the camera's next frame, for one source.

    Attributes:
        opened: the how manyth source of the camera.

    Args:
        camera: whose frames.
        opened: as above.
    """

    def __init__(self, camera: Camera, opened: int) -> None:
        self._camera = camera
        self.opened = opened

    def __call__(self, captured_ns: Callable[[], int], image: Image) -> Frame:
        """The next frame; `captured_ns` is asked only if it is wanted.

        Raises:
            CaptureError: the camera was opened again meanwhile.
        """
        return self._camera.frame(self.opened, captured_ns, image)


def _synthetic(settings: CameraSource) -> SyntheticCamera | None:
    if settings.kind != "synthetic":
        return None
    timeout_s = settings.read_timeout_ms / 1000
    scene = parse_scene(str(settings.source))
    return SyntheticCamera(scene, timeout_s, is_paced=settings.is_camera)


class FileSource:
    """A video file; `lossless` it ends now, `live` it starts now.

    Args:
        stamp: makes the camera's next frame.
        settings: path, pace and loop.
        wall: the device's clock.
        wait: how it waits for the time of a frame.
        open_video: opens it, again for each round of a loop.
        start_ns: Unix time of its first moment; None: reckoned from now.

    Raises:
        CaptureError: the file is missing or no video.
    """

    def __init__(
        self,
        stamp: Stamp,
        settings: CameraSource,
        wall: WallClock,
        wait: Wait,
        open_video: Callable[[], Video],
        start_ns: int | None = None,
    ) -> None:
        self._stamp = stamp
        self._open_video = open_video
        self._settings = settings
        self._wall = wall
        self._wait = wait
        self._video = self._open_video()
        self._period_ns = round(1e9 / (self._video.fps or FALLBACK_FPS))
        self._total = self._video.frame_count or self._counted()
        self._duration_ns = self._total * self._period_ns
        if start_ns is None:
            start_ns = wall.now_ns() - (self._duration_ns if settings.lossless else 0)
        self._clock = FileClock(start_ns)
        self._anchor_id = wall.anchor_id
        self._lag = Lag()
        self._round_ns = 0
        self._pts_ns = -self._period_ns

    @property
    def lossless(self) -> bool:
        """True unless its pace is `live`."""
        return self._settings.lossless

    @property
    def decoder(self) -> str:
        """What decodes it."""
        return self._video.decoder

    @property
    def clock_resets(self) -> int:
        """0: a file's timestamps are taken as they are."""
        return 0

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
        if not self.lossless:
            self._keep_up()
        captured_ns = self._clock.captured_ns(self._pts_ns)
        if not self.lossless:
            self._wait_until(captured_ns)
        return self._stamp(lambda: captured_ns, image)

    def close(self) -> None:
        """Let go of the file."""
        self._video.close()

    def _counted(self) -> int:
        """Frames of a container that announces none (raw H.264), found by skipping through."""
        total = self._video.count()
        self._video.close()
        self._video = self._open_video()
        return total

    def _next_round(self) -> Image | None:
        self._video.close()
        self._video = self._open_video()
        self._round_ns = self._pts_ns + self._period_ns
        return self._video.read()

    def _next_pts_ns(self) -> int:
        """Time of this frame since the start; a raw stream has none, then frames are counted."""
        pts_ns = self._round_ns + (self._video.pts_ns or 0)
        return pts_ns if pts_ns > self._pts_ns else self._pts_ns + self._period_ns

    def _keep_up(self) -> None:
        """Go on from now where every frame would be late: by a clock that was set, or for good.

        The latter is a file that cannot be decoded at its own pace; it plays more slowly then.
        """
        now_ns, anchor_id = self._wall.now_ns(), self._wall.anchor_id
        lags = self._lag.stays(now_ns - self._clock.due_ns(self._pts_ns), now_ns)
        if lags or anchor_id != self._anchor_id:
            self._anchor_id = anchor_id
            self._lag.forget()
            self._clock.restart(now_ns - self._pts_ns)

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
    """A camera: with its own timestamps where it has them, else by arrival.

    Args:
        stamp: makes the camera's next frame.
        settings: URL or device, and the limits.
        clock: of the camera; its mapping has begun anew with this connection.
        video: the connection.
    """

    def __init__(
        self, stamp: Stamp, settings: CameraSource, clock: StreamClock, video: Video
    ) -> None:
        self._stamp = stamp
        self._settings = settings
        self._clock = clock
        self._video = video
        self._left = video.frame_count if settings.kind == "http" else 0

    @property
    def lossless(self) -> bool:
        """False: a camera does not wait."""
        return False

    @property
    def total_frames(self) -> int | None:
        """None, unless it is a file behind a URL."""
        return self._video.frame_count or None if self._settings.kind == "http" else None

    @property
    def decoder(self) -> str:
        """What decodes it."""
        return self._video.decoder

    @property
    def clock_resets(self) -> int:
        """How often the camera's timestamps have jumped."""
        return self._clock.resets

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
        pts_ns = self._video.pts_ns
        return self._stamp(lambda: self._clock.captured_ns(pts_ns), image)

    def close(self) -> None:
        """Let go of the connection or device."""
        self._video.close()
