"""Each camera's pictures, and what decoding them costs.

A live camera hands out a picture when there is one, so the time that a read takes says nothing of
the work in it. What counts is the CPU's time, of this process and of the programs that decode for
it; a decoder in hardware costs next to none.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future, TimeoutError  # noqa: A004 - Python 3.10 has two of them
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TypeVar

from edge.bench.timing import Timing
from edge.camera_settings import CameraSettings
from edge.capture.clock import WallClock
from edge.capture.port import Frame, Source
from edge.capture.sources import FALLBACK_FPS, Camera
from edge.capture.synthetic.scene import Scene, SceneSettings
from edge.errors import CaptureError
from models.detections import Image

PICTURES = 8
"""Of a camera, on which the network is tried in turn."""

MOST = 200
"""Pictures that are timed; a file brings them as fast as they are read."""

STAND_IN_PX = (1280, 720)
"""Width and height of the picture that stands in for a camera whose size nobody knows."""

_GRACE_S = 2.0
"""Beyond its own time limits, what a camera gets before it counts as stuck."""

_WARM_UP = 2
"""Pictures that a decoder takes to get going."""

_TICKS_A_S = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


@dataclass(slots=True)
class Pictures:
    """What a camera brought.

    Attributes:
        camera: its id.
        fps: pictures a second, by their own times.
        images: some of them, one at least.
        decoder: what decodes them; empty where the camera was not to be had.
        decode: CPU's time of one; None where it was not measured.
        problem: why it was not, or not to its end; empty where all is well.
    """

    camera: str
    fps: float
    images: list[Image]
    decoder: str = ""
    decode: Timing | None = None
    problem: str = ""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.images[0].shape[:2]
        return width, height


def look_at(cameras: Sequence[CameraSettings], seconds: float) -> Iterator[Pictures]:
    """The pictures of every camera, in the order of the settings.

    All are tried at once, as one that does not answer takes its whole time limit. Those that do
    are then opened again one after the other, for the CPU's time is that of all there is to do, and
    a stream that nobody reads breaks.

    Args:
        cameras: to look at.
        seconds: for reading, shared by all of them.
    """
    looks = [_Look(camera) for camera in cameras]
    tried = [look.begin() for look in looks]
    futures.wait(tried, max(look.limit_s for look in looks))
    for look in looks:
        yield look.pictures(seconds / len(looks))


class _Look:
    """One camera, looked at in threads; one that hangs is left behind.

    Attributes:
        limit_s: by when it has shown a picture, or never will.
    """

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        self.limit_s = (settings.open_timeout_ms + settings.read_timeout_ms) / 1000 + _GRACE_S
        self._tried: Future[None] = Future()

    def begin(self) -> "Future[None]":
        """Try whether it shows anything; returns at once."""
        self._tried = _begun(f"try-{self._settings.id}", self._try)
        return self._tried

    def pictures(self, seconds: float) -> Pictures:
        """What it brings within so many seconds, or what stands in for it."""
        try:
            self._within(self._tried, 0.0)
            reading = _begun(f"bench-{self._settings.id}", partial(self._read, seconds))
            return self._within(reading, seconds + self.limit_s)
        except CaptureError as error:
            return stand_in(self._settings, str(error))

    def _within(self, work: "Future[T]", seconds: float) -> T:
        try:
            return work.result(seconds)
        except TimeoutError:
            raise CaptureError(
                f"{self._settings.shown}: does not come back, although it has time limits; "
                "restart the camera"
            ) from None

    def _try(self) -> None:
        with closing(self._opened()) as source:
            self._first(source)

    def _read(self, seconds: float) -> Pictures:
        with closing(self._opened()) as source:
            seen = _seen(source, self._first(source), seconds)
            decode = Timing.of(seen.took_s) if seen.took_s else None
            fps = seen.fps or self._settings.fps or FALLBACK_FPS
            return Pictures(
                self._settings.id, fps, seen.images, source.decoder, decode, seen.problem
            )

    def _opened(self) -> Source:
        # A camera has its pace, a file comes as fast as it is read.
        wait = threading.Event().wait if self._settings.is_camera else _at_once
        return Camera(self._settings.id, self._settings, WallClock()).open(wait)

    def _first(self, source: Source) -> Frame:
        first = source.read()
        if first is None:
            raise CaptureError(f"{self._settings.shown}: holds no picture")
        return first


def stand_in(settings: CameraSettings, problem: str) -> Pictures:
    """Drawn pictures of the size that is asked of a camera which was not to be had."""
    width, height = settings.width_px or STAND_IN_PX[0], settings.height_px or STAND_IN_PX[1]
    scene = Scene(SceneSettings(width=width, height=height))
    images = [scene.picture(number) for number in range(PICTURES)]
    return Pictures(settings.id, settings.fps or FALLBACK_FPS, images, problem=problem)


@dataclass(slots=True)
class _Seen:
    images: list[Image]
    took_s: list[float] = field(default_factory=list)
    fps: float = 0.0
    problem: str = ""


def _seen(source: Source, first: Frame, seconds: float) -> _Seen:
    """Read on for a while, or to the end, or until it breaks."""
    seen = _Seen([first.image])
    times_ns, until_s, helped_s = [first.captured_ns], time.monotonic() + seconds, _helpers_s()
    try:
        while time.monotonic() < until_s and len(seen.took_s) < MOST:
            frame = _timed_read(source, seen.took_s)
            if frame is None:
                break
            times_ns.append(frame.captured_ns)
            if len(seen.images) < PICTURES:
                seen.images.append(frame.image)
    except CaptureError as error:
        seen.problem = str(error)
    if seen.took_s:
        helped_s = (_helpers_s() - helped_s) / len(seen.took_s)
        seen.took_s = [took_s + helped_s for took_s in seen.took_s[_WARM_UP:] or seen.took_s]
        # The middle one, as a camera begins with some that it had at hand.
        seen.fps = 1e9 / median(later - sooner for sooner, later in pairwise(times_ns))
    return seen


def _timed_read(source: Source, took_s: list[float]) -> Frame | None:
    begun_s = time.process_time()
    frame = source.read()
    if frame is not None:
        took_s.append(time.process_time() - begun_s)
    return frame


def _at_once(_seconds: float) -> None:
    """No pace."""


def _helpers_s() -> float:
    """CPU's time of the programs that this process has started and that still run (proc(5))."""
    total = 0
    for listing in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # of threads and programs that have ended meanwhile
            for process in listing.read_text().split():
                after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                total += int(after_name[11]) + int(after_name[12])
    return total / _TICKS_A_S


def _begun(name: str, work: Callable[[], T]) -> "Future[T]":
    """Work in a daemon thread, which may hang and is then left behind."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
