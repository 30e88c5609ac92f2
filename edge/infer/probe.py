"""As many workers as pay: measured on this machine, with this network."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from edge.infer.port import Finder
from models.detections import Image

_log = structlog.get_logger(__name__)

WORTHWHILE_GAIN = 0.10
"""One more worker must add this share of throughput."""

MEASURE_S = 0.4
"""How long each number of workers is measured."""


def workers_that_pay(throughput: Callable[[int], float], limit: int) -> int:
    """The number of workers after which one more adds less than `WORTHWHILE_GAIN`.

    Args:
        throughput: frames a second of so many workers.
        limit: the most to try, at least 1.
    """
    best, best_fps = 1, throughput(1)
    for count in range(2, limit + 1):
        fps = throughput(count)
        if fps < best_fps * (1 + WORTHWHILE_GAIN):
            break
        best, best_fps = count, fps
    return best


def throughput_of(
    network: Finder[object], image: Image, count: int, measure_s: float = MEASURE_S
) -> float:
    """Frames a second that so many threads infer of one picture.

    Raises:
        EngineError: the network failed.
    """

    def frames_a_second(worker: int) -> float:
        network.find_all([image])
        begun_s, frames = time.monotonic(), 0
        while (elapsed_s := time.monotonic() - begun_s) < measure_s or not frames:
            network.find_all([image])
            frames += 1
        return frames / elapsed_s

    with ThreadPoolExecutor(count, thread_name_prefix="probe") as pool:
        return sum(pool.map(frames_a_second, range(count)))


def probe_workers(
    network: Finder[object],
    image: Image,
    limit: int | None = None,
    measure: Callable[[Finder[object], Image, int], float] = throughput_of,
) -> int:
    """How many workers pay for a network, found by warming it up on a picture.

    Args:
        network: as it will be used.
        image: of the size that the camera sends, or near it.
        limit: the most to try; default: the CPUs that this process may use.
        measure: frames a second of a network on a picture, by so many threads.

    Raises:
        EngineError: the network failed.
    """
    measured: dict[int, float] = {}

    def throughput(count: int) -> float:
        measured[count] = measure(network, image, count)
        return measured[count]

    best = workers_that_pay(throughput, limit or len(os.sched_getaffinity(0)))
    fps = {count: round(fps, 1) for count, fps in measured.items()}
    _log.info("workers measured", workers=best, fps=fps)
    return best
