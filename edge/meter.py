"""What a pipeline tells about itself: to the heartbeat, and to people who watch."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from edge.capture.reader import CameraView
from edge.infer.scheduler import SchedulerStats

WINDOW_S = 5.0
"""Over which frames per second are counted."""

LATENCIES = 256
"""Latest frames whose latency counts."""


@dataclass(frozen=True, slots=True)
class AreaStats:
    """Figures of a network for areas on one camera, at one moment.

    Attributes:
        model: id of the network.
        frames_inferred: that went through the network and its rules.
        dropped: frames that it did not look at, by cause.
        fps: frames inferred a second, over the last seconds.
        latency_ms: from reading a frame to its areas, median of the latest frames.
    """

    model: str
    frames_inferred: int
    dropped: Mapping[str, int]
    fps: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class PipelineStats:
    """A camera's figures at one moment, counted since the pipeline was made.

    Attributes:
        camera: id of the camera.
        state: of its source, see `edge.capture.machine.Phase`.
        total_frames: of a file, None where nobody knows.
        frames_captured: read from the source.
        frames_inferred: that went through detector, tracker and rules.
        dropped: frames that nobody inferred, by cause.
        fps: frames inferred a second, over the last seconds.
        latency_ms: from reading a frame to its tracks, median of the latest frames.
        live_tracks: in the latest frame.
        events: handed to the sink.
        source: how its source is: decoder, resolution, rate, reconnects.
        areas: of networks that look at its frames for areas.
    """

    camera: str
    state: str
    total_frames: int | None
    frames_captured: int
    frames_inferred: int
    dropped: Mapping[str, int]
    fps: float
    latency_ms: float
    live_tracks: int
    events: int
    source: CameraView
    areas: Sequence[AreaStats] = ()


@dataclass(frozen=True, slots=True)
class NetworkStats:
    """A network at one moment.

    Attributes:
        id: by which cameras name it; None: the agent's `model`.
        name: of its model.
        version: of its model.
        engine: that runs it, really.
        scheduler: what it has done.
        record: sha256 of its record, hexadecimal; empty where it is no registered model.
    """

    id: str | None
    name: str
    version: str
    engine: str
    scheduler: SchedulerStats
    record: str = ""


class Meter:
    """Counts what becomes of frames; written by one thread, read by any.

    Args:
        monotonic_ns: the monotonic clock.
    """

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._begun_ns = monotonic_ns()
        self._lock = threading.Lock()
        self._done_ns: deque[int] = deque()
        self._latencies_ns: deque[int] = deque(maxlen=LATENCIES)
        self.frames = 0
        self.live_tracks = 0

    def tracked(self, read_ns: int, live_tracks: int) -> None:
        """A frame that was read at `read_ns` has its tracks now."""
        now_ns = self._monotonic_ns()
        with self._lock:
            self.frames += 1
            self.live_tracks = live_tracks
            self._done_ns.append(now_ns)
            self._latencies_ns.append(now_ns - read_ns)
            self._forget(now_ns)

    @property
    def fps(self) -> float:
        """Frames a second over the last `WINDOW_S`, or since the beginning if that is less."""
        with self._lock:
            now_ns = self._monotonic_ns()
            self._forget(now_ns)
            window_ns = min(WINDOW_S * 1e9, max(1, now_ns - self._begun_ns))
            return len(self._done_ns) * 1e9 / window_ns

    @property
    def latency_ms(self) -> float:
        """Median from reading a frame to its tracks; 0 before the first."""
        with self._lock:
            latencies_ns = list(self._latencies_ns)
        return median(latencies_ns) / 1e6 if latencies_ns else 0.0

    def _forget(self, now_ns: int) -> None:
        while self._done_ns and now_ns - self._done_ns[0] > WINDOW_S * 1e9:
            self._done_ns.popleft()
