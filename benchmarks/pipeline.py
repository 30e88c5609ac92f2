"""The agent against the fastest bare loop over the same network, session and threads.

Ours is the whole pipeline of one, four or eight cameras: capture, queue, scheduler, tracker, zone
and line rules, and events into a real outbox. The reference decodes as many streams, pre-processes,
infers and reads the network's output on the same threads, and throws the result away. There are
two of it, and the one that is faster in a trial is the reference: workers that take their pictures
from the reading threads' queue, and workers that take them from the decoders themselves, one at a
time from each in turn.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from threading import Lock, Semaphore

import cv2

from benchmarks.report import Row, interleaved, markdown
from edge.capture.clock import WallClock
from edge.capture.opencv import prepare_opencv
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Camera, Wait
from edge.infer.probe import probe_workers
from edge.infer.scheduler import Scheduler
from edge.pipeline import Pipeline, Stages
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.rules.engine import CameraRules
from edge.rules.settings import CameraRulesSettings
from edge.track.settings import TrackerSettings
from edge.track.tracker import Tracker
from edge.watchdog import Watchdog
from models import zoo
from models.detections import Detections, Image
from models.detector import Detector

VIDEO = "cctv-people"
NETWORKS = ("fastestdet", "yolox-nano")
FRAMES = 200
ROUNDS = 41
CAMERAS = (4, 8)
"""Numbers of cameras beside one, on the network that takes least and so shows most of the rest."""
FRAMES_EACH = 60
"""Of each of several cameras."""
ROUNDS_OF_SEVERAL = 15
BOUND = 1 / 0.9
"""Time a frame of ours / of the bare loop: at least 0.9 of its frames a second."""

BareLoop = Callable[[Detector, Path, int, int, int], None]

RULES = CameraRulesSettings.model_validate(
    {
        "zones": [{"id": "middle", "points": [(0.3, 0.2), (0.7, 0.2), (0.7, 1.0), (0.3, 1.0)]}],
        "lines": [{"id": "door", "points": [(0.5, 0.0), (0.5, 1.0)]}],
        "rules": [
            {"id": "in-the-middle", "kind": "zone", "zone": "middle"},
            {"id": "through-the-door", "kind": "line", "line": "door"},
        ],
    }
)


class FirstFrames:
    """The first frames of a source.

    Args:
        source: whose.
        frames: how many.
    """

    def __init__(self, source: Source, frames: int) -> None:
        self._source = source
        self._left = frames

    @property
    def lossless(self) -> bool:
        """As the source."""
        return self._source.lossless

    @property
    def total_frames(self) -> int | None:
        """How many are left."""
        return self._left

    @property
    def decoder(self) -> str:
        """As the source."""
        return self._source.decoder

    @property
    def clock_resets(self) -> int:
        """As the source."""
        return self._source.clock_resets

    def read(self) -> Frame | None:
        """The next one, None after the last."""
        if self._left == 0:
            return None
        self._left -= 1
        return self._source.read()

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()


def run_agent(
    detector: Detector, video: Path, workers: int, outbox: Outbox, frames: int, cameras: int = 1
) -> None:
    """The agent's pipelines, each over the first frames of a video."""
    with Watchdog(60) as watchdog, Scheduler(detector, workers, watchdog) as scheduler:
        pipelines = [
            _pipeline(f"cam-{number}", detector, scheduler, video, outbox, frames, watchdog)
            for number in range(cameras)
        ]
        _run_all([pipeline.run for pipeline in pipelines])
    inferred = sum(pipeline.stats.frames_inferred for pipeline in pipelines)
    if inferred != frames * cameras:
        raise RuntimeError(f"only {inferred} of {frames * cameras} frames were inferred")


def _pipeline(
    name: str, detector: Detector, scheduler: Scheduler[Detections], video: Path, outbox: Outbox,
    frames: int, watchdog: Watchdog,
) -> Pipeline:  # fmt: skip
    source = CameraSource(source=str(video))
    wall = WallClock()
    manifest = detector.manifest
    camera = Camera(name, source, wall)

    def open_source(wait: Wait) -> Source:
        return FirstFrames(camera.open(wait), frames)

    stages = Stages(
        open_source,
        scheduler,
        Tracker(TrackerSettings()),
        CameraRules(name, manifest.classes, manifest.name, manifest.version, RULES),
        outbox.append,
    )
    return Pipeline(name, source, stages, wall=wall, watchdog=watchdog)


def run_queue(detector: Detector, video: Path, workers: int, frames: int, cameras: int = 1) -> None:
    """A bare loop: a thread a camera reads, the workers take from their queue."""
    pictures: Queue[Image | None] = Queue(2 * workers)
    reading = Semaphore(cameras - 1)

    def read() -> None:
        capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
        for _ in range(frames):
            pictures.put(_picture(capture))
        capture.release()
        if not reading.acquire(blocking=False):
            for _ in range(workers):
                pictures.put(None)

    def work() -> None:
        while (image := pictures.get()) is not None:
            detector.detect(image)

    _run_all([*[read] * cameras, *[work] * workers])


def run_lock(detector: Detector, video: Path, workers: int, frames: int, cameras: int = 1) -> None:
    """A bare loop: the workers read themselves, one at a time, from each camera in turn."""
    captures = [cv2.VideoCapture(str(video), cv2.CAP_FFMPEG) for _ in range(cameras)]
    taking = Lock()
    numbers = iter(range(frames * cameras))

    def take() -> Image | None:
        with taking:
            number = next(numbers, None)
            return None if number is None else _picture(captures[number % cameras])

    def work() -> None:
        while (image := take()) is not None:
            detector.detect(image)

    _run_all([work] * workers)
    for capture in captures:
        capture.release()


def _run_all(parts: Sequence[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(parts)) as pool:
        for part in [pool.submit(part) for part in parts]:
            part.result()


def _picture(capture: cv2.VideoCapture) -> Image:
    found, image = capture.read()
    if not found:
        raise RuntimeError("the video is too short")
    return image  # type: ignore[return-value]


def fastest_bare(
    detector: Detector, video: Path, workers: int, frames: int, cameras: int = 1
) -> BareLoop:
    """The bare loop that took less time in the better of two trials."""

    def best_s(loop: BareLoop) -> float:
        times_s = []
        for _ in range(2):
            begun_s = time.perf_counter()
            loop(detector, video, workers, frames, cameras)
            times_s.append(time.perf_counter() - begun_s)
        return min(times_s)

    return min((run_queue, run_lock), key=best_s)


def compare(network: str, frames: int = FRAMES, rounds: int = ROUNDS, cameras: int = 1) -> Row:
    """The row of one network on so many cameras; times are of a frame of any of them."""
    prepare_opencv()
    video = zoo.video(VIDEO)
    detector = Detector.load(*zoo.network(network))
    workers = probe_workers(detector, first_image(video))
    bare = fastest_bare(detector, video, workers, frames, cameras)
    on = "" if cameras == 1 else f" on {cameras} cameras"
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox.open(Path(folder), OutboxSettings(), "bench-device")
        try:
            return interleaved(
                f"pipeline, {network}{on}, {workers} workers ({bare.__name__})",
                lambda: run_agent(detector, video, workers, outbox, frames, cameras),
                lambda: bare(detector, video, workers, frames, cameras),
                rounds=rounds,
                units=frames * cameras,
                bound=BOUND,
            )
        finally:
            outbox.close()
            detector.close()


def first_image(video: Path) -> Image:
    """The first picture of a video."""
    capture = cv2.VideoCapture(str(video), cv2.CAP_FFMPEG)
    image = _picture(capture)
    capture.release()
    return image


def measure() -> list[Row]:
    """The agent against the bare loop, on each network, and on several cameras."""
    return [
        *(compare(network) for network in NETWORKS),
        *(compare(NETWORKS[0], FRAMES_EACH, ROUNDS_OF_SEVERAL, cameras) for cameras in CAMERAS),
    ]


if __name__ == "__main__":
    print(markdown(measure()))
