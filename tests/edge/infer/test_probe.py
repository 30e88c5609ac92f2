import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from edge.infer.probe import WORTHWHILE_GAIN, probe_workers, throughput_of, workers_that_pay
from models.detections import Detections, Image
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


class OneAtATime:
    """A detector behind a lock: a second worker adds nothing."""

    def __init__(self, pause_s: float) -> None:
        self._lock = threading.Lock()
        self._pause = threading.Event()
        self._pause_s = pause_s

    def detect(self, image: Image) -> Detections:
        with self._lock:
            self._pause.wait(self._pause_s)
        return Detections.empty()


class Parallel(OneAtATime):
    """A detector that waits, as on a GPU: every worker adds."""

    def detect(self, image: Image) -> Detections:
        self._pause.wait(self._pause_s)
        return Detections.empty()


def test_a_detector_that_takes_turns_gets_one_worker() -> None:
    with capture_logs() as logs:
        assert probe_workers(OneAtATime(0.02), IMAGE, 4) == 1
    assert [(log["event"], log["workers"], len(log["fps"])) for log in logs] == [
        ("workers measured", 1, 2)
    ]


def test_a_detector_that_works_in_parallel_gets_more() -> None:
    assert probe_workers(Parallel(0.02), IMAGE, 2) == 2


def test_a_slow_detector_is_measured_by_one_whole_frame() -> None:
    assert 0 < throughput_of(Parallel(0.05), IMAGE, 2, measure_s=0.001) < 2 / 0.05


def test_the_network_s_failure_is_told() -> None:
    class Broken:
        def detect(self, image: Image) -> Detections:
            raise EngineError("no memory")

    with pytest.raises(EngineError, match="no memory"):
        probe_workers(Broken(), IMAGE)
