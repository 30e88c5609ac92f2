import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from edge.infer.probe import WORTHWHILE_GAIN, probe_workers, throughput_of, workers_that_pay
from models.detections import Image
from models.errors import EngineError

IMAGE = np.zeros((4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        ([100.0], 1),
        ([100.0, 190.0], 2),
        ([100.0, 109.0], 1),
        ([100.0, 112.0, 120.0], 2),
        ([100.0, 190.0, 270.0, 280.0, 900.0], 3),
        ([100.0, 50.0, 900.0], 1),
    ],
)
def test_workers_are_added_while_they_pay(fps: list[float], expected: int) -> None:
    assert workers_that_pay(lambda count: fps[count - 1], len(fps)) == expected


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=16))
def test_every_worker_taken_paid_and_the_next_would_not(fps: list[float]) -> None:
    tried: list[int] = []

    def throughput(count: int) -> float:
        tried.append(count)
        return fps[count - 1]

    best = workers_that_pay(throughput, len(fps))
    for count in range(1, best):
        assert fps[count] >= fps[count - 1] * (1 + WORTHWHILE_GAIN)
    if best < len(fps):
        assert fps[best] < fps[best - 1] * (1 + WORTHWHILE_GAIN)
    assert tried == list(range(1, min(best + 1, len(fps)) + 1))


class Counting:
    """A network that counts its frames and the threads that asked for them."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def find_all(self, images: Sequence[Image]) -> list[None]:
        self.threads.append(threading.current_thread().name)
        return [None for _ in images]


def test_what_was_measured_decides_and_is_told() -> None:
    fps = {1: 57.34, 2: 102.0, 3: 104.0, 4: 400.0}
    with capture_logs() as logs:
        assert probe_workers(Counting(), IMAGE, 4, lambda _, __, count: fps[count]) == 2
    assert [(log["event"], log["workers"], log["fps"]) for log in logs] == [
        ("workers measured", 2, {1: 57.3, 2: 102.0, 3: 104.0})
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_throughput_is_that_of_so_many_threads(count: int) -> None:
    detector = Counting()
    assert throughput_of(detector, IMAGE, count, measure_s=0.001) > 0
    assert len(set(detector.threads)) <= count
    assert len(detector.threads) >= 2 * count, "each warms up, and measures one frame at least"


def test_the_network_s_failure_is_told() -> None:
    class Broken:
        def find_all(self, images: Sequence[Image]) -> list[None]:
            raise EngineError("no memory")

    with pytest.raises(EngineError, match="no memory"):
        probe_workers(Broken(), IMAGE)
