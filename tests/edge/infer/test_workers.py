import threading
from collections.abc import Callable

import numpy as np
import pytest

from edge.capture.port import Frame
from edge.capture.slot import FrameQueue, LatestFrameSlot
from edge.infer.workers import READ_AHEAD, Workers
from edge.watchdog import Watchdog
from models.detections import Detections, Image
from models.errors import EngineError
from tests.support.processes import wait_until

WATCHDOG = Watchdog(60)


class Detector:
    """Finds as many boxes as the first pixel says; `look` may wait, or fail."""

    def __init__(self, look: Callable[[int], None] = lambda number: None) -> None:
        self._look = look

    def detect(self, image: Image) -> Detections:
        number = int(image[0, 0, 0])
        self._look(number)
        return Detections(
            np.zeros((number, 4), np.float32),
            np.zeros(number, np.float32),
            np.zeros(number, np.int32),
        )


def frame(number: int) -> Frame:
    return Frame("cam-one", number, number, np.full((2, 2, 3), number, np.uint8))


def filled(frames: int) -> FrameQueue:
    queue = FrameQueue(frames)
    for number in range(frames):
        queue.put(frame(number))
    queue.close()
    return queue


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("burst", [1, 3, 8, 50])
def test_results_come_in_the_order_of_the_frames(count: int, burst: int) -> None:
    with Workers(filled(40), Detector(), count, WATCHDOG, burst=burst) as workers:
        results = [(i.number, len(i.detections)) for i in workers]
    assert results == [(number, number) for number in range(40)]


def test_a_slow_frame_does_not_let_others_overtake_it() -> None:
    others_done = threading.Event()

    def look(number: int) -> None:
        if number == 0:
            assert others_done.wait(10)
        if number == 2:
            others_done.set()

    with Workers(filled(10), Detector(look), 2, WATCHDOG) as workers:
        assert [i.number for i in workers] == list(range(10))


def test_several_frames_are_inferred_at_once() -> None:
    together = threading.Barrier(3)
    with Workers(filled(9), Detector(lambda number: void(together.wait(10))), 3, WATCHDOG) as w:
        assert len(list(w)) == 9


def void(value: object) -> None:
    """Nothing of a value."""


def test_a_consumer_that_stands_still_bounds_what_is_taken() -> None:
    seen: list[int] = []
    with Workers(filled(50), Detector(seen.append), 2, WATCHDOG) as workers:
        results = iter(workers)
        next(results)
        wait_until(lambda: len(seen) == 1 + 2 + READ_AHEAD, "the workers to run ahead")
        assert sum(1 for _ in results) == 49


@pytest.mark.parametrize("error", [EngineError("out of memory"), ZeroDivisionError("a bug")])
def test_an_error_is_raised_in_its_turn_and_ends_the_rest(error: Exception) -> None:
    def look(number: int) -> None:
        if number == 5:
            raise error

    numbers = []
    queue = filled(50)
    workers = Workers(queue, Detector(look), 2, WATCHDOG)

    def consume() -> None:
        with workers:
            for inferred in workers:
                numbers.append(inferred.number)  # noqa: PERF401 - kept on errors

    with pytest.raises(type(error), match=str(error)):
        consume()
    assert numbers == [0, 1, 2, 3, 4]
    assert queue.take() is None


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_is_raised_though_its_burst_never_fills(count: int) -> None:
    def look(number: int) -> None:
        if number == 2:
            raise EngineError("the network failed")

    seen: list[int] = []

    def consume() -> None:
        with Workers(filled(40), Detector(look), count, WATCHDOG, burst=8) as workers:
            for item in workers:
                seen.append(item.number)  # noqa: PERF401 - kept on errors

    with pytest.raises(EngineError, match="the network failed"):
        consume()
    assert seen == [0, 1]


def test_leaving_early_ends_threads_that_wait() -> None:
    slot = LatestFrameSlot(1000, lambda: 0)
    before = threading.active_count()
    with Workers(slot, Detector(), 3, WATCHDOG):
        wait_until(lambda: threading.active_count() == before + 3, "the workers")
    assert threading.active_count() == before
    assert not slot.put(frame(1))
