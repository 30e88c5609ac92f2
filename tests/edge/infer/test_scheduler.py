import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest

from edge.capture.port import Frame
from edge.capture.slot import FrameQueue, LatestFrameSlot, Slot
from edge.infer.batching import Batching
from edge.infer.feed import READ_AHEAD, Feed
from edge.infer.port import Looker, Model
from edge.infer.scheduler import Scheduler
from edge.watchdog import Watchdog
from models.detections import Detections, Image
from models.errors import EngineError
from tests.support.processes import wait_until
from tests.support.tiny_detector import tiny_manifest

WATCHDOG = Watchdog(60)


class Detector:
    """Finds as many boxes as the first pixel says; `look` may wait, or fail."""

    def __init__(self, look: Callable[[int], None] = lambda number: None) -> None:
        self._look = look

    def find_all(self, images: Sequence[Image]) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> Detections:
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


@contextmanager
def alone(
    slot: Slot, detector: Detector, workers: int, burst: int = 1
) -> Iterator[Feed[Detections]]:
    """One camera on a network."""
    with (
        Scheduler(detector, workers, WATCHDOG) as scheduler,
        scheduler.feed(slot, burst=burst) as feed,
    ):
        yield feed


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("burst", [1, 3, 8, 50])
def test_results_come_in_the_order_of_the_frames(count: int, burst: int) -> None:
    with alone(filled(40), Detector(), count, burst) as workers:
        results = [(i.number, len(i.found)) for i in workers]
    assert results == [(number, number) for number in range(40)]


def test_a_slow_frame_does_not_let_others_overtake_it() -> None:
    others_done = threading.Event()

    def look(number: int) -> None:
        if number == 0:
            assert others_done.wait(10)
        if number == 2:
            others_done.set()

    with alone(filled(10), Detector(look), 2) as workers:
        assert [i.number for i in workers] == list(range(10))


def test_several_frames_are_inferred_at_once() -> None:
    together = threading.Barrier(3)
    with alone(filled(9), Detector(lambda number: void(together.wait(10))), 3) as w:
        assert len(list(w)) == 9


def void(value: object) -> None:
    """Nothing of a value."""


def test_a_consumer_that_stands_still_bounds_what_is_taken() -> None:
    seen: list[int] = []
    with alone(filled(50), Detector(seen.append), 2) as workers:
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

    def consume() -> None:
        with alone(queue, Detector(look), 2) as workers:
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
        with alone(filled(40), Detector(look), count, 8) as workers:
            for item in workers:
                seen.append(item.number)  # noqa: PERF401 - kept on errors

    with pytest.raises(EngineError, match="the network failed"):
        consume()
    assert seen == [0, 1]


def test_leaving_early_ends_threads_that_wait() -> None:
    slot = LatestFrameSlot(1000, lambda: 0)
    before = threading.active_count()
    with alone(slot, Detector(), 3):
        wait_until(lambda: threading.active_count() == before + 3, "the workers")
    assert threading.active_count() == before
    assert not slot.put(frame(1))


class Looked:
    """A network that keeps what it was given; the first picture may have to wait."""

    def __init__(self, go_on: threading.Event | None = None) -> None:
        self.batches: list[list[int]] = []
        self.is_waiting = threading.Event()
        self._go_on = go_on

    def find_all(self, images: Sequence[Image]) -> list[int]:
        self.batches.append([int(image[0, 0, 0]) for image in images])
        if self._go_on is not None:
            self.is_waiting.set()
            assert self._go_on.wait(10)
        return self.batches[-1]


def numbers_of(feed: Feed[int]) -> list[int]:
    return [inferred.found for inferred in feed]


def test_each_camera_gets_its_own_results_in_order() -> None:
    network = Looked()
    slots = [filled(20), filled(7), filled(0)]
    with Scheduler(network, 3, WATCHDOG) as scheduler, ExitStack() as feeds:
        entered = [feeds.enter_context(scheduler.feed(slot)) for slot in slots]
        with ThreadPoolExecutor(3) as threads:
            found = list(threads.map(numbers_of, entered))
    assert found == [list(range(20)), list(range(7)), []]
    stats = scheduler.stats
    assert (stats.batches, stats.frames) == (27, 27)
    assert stats.waited_ns > 0
    assert stats.worked_ns > 0


def test_frames_that_gather_while_the_network_works_go_together() -> None:
    """One of each camera first, then more of those that have them."""
    go_on = threading.Event()
    network = Looked(go_on)
    first, second = filled(6), FrameQueue(9)
    batching = Batching(most=4, at_once=1)
    with (
        Scheduler(network, 2, WATCHDOG, lambda: batching) as scheduler,
        scheduler.feed(first) as one,
        scheduler.feed(second) as two,
    ):
        assert network.is_waiting.wait(10)
        for number in (100, 101):
            second.put(frame(number))
        second.close()
        go_on.set()
        with ThreadPoolExecutor(2) as threads:
            found = list(threads.map(numbers_of, (one, two)))
    assert found == [list(range(6)), [100, 101]]
    assert all(len(batch) <= 4 for batch in network.batches)
    assert sorted(network.batches[1]) == [4, 5, 100, 101]


def test_a_batch_waits_for_others_until_its_deadline_and_no_longer() -> None:
    network = Looked()
    batching = Batching(most=3, deadline_ns=50_000_000)
    one, two = LatestFrameSlot(1000, lambda: 0), LatestFrameSlot(1000, lambda: 0)
    with (
        Scheduler(network, 1, WATCHDOG, lambda: batching) as scheduler,
        scheduler.feed(one) as first,
        scheduler.feed(two) as second,
    ):
        one.put(frame(1))
        two.put(frame(2))
        assert (next(iter(first)).found, next(iter(second)).found) == (1, 2)
        assert network.batches == [[2, 1]], "of two live cameras no third frame can come"
        one.put(frame(3))
        waited = next(iter(first))
        assert waited.found == 3
        assert waited.inferred_ns - waited.read_ns >= 50_000_000


def test_pictures_are_kept_for_who_asks() -> None:
    with (
        Scheduler(Looked(), 1, WATCHDOG) as scheduler,
        scheduler.feed(filled(2), keep_pictures=True) as kept,
        scheduler.feed(filled(2)) as let_go,
    ):
        pictures = [inferred.picture for inferred in kept]
        assert [int(one[0, 0, 0]) for one in pictures if one is not None] == [0, 1]
        assert [inferred.picture for inferred in let_go] == [None, None]


def test_cameras_come_and_go_while_another_is_at_work() -> None:
    with Scheduler(Looked(), 2, WATCHDOG) as scheduler:
        steady = FrameQueue(4)
        with scheduler.feed(steady) as stays, ThreadPoolExecutor(1) as threads:
            found = threads.submit(numbers_of, stays)
            for number in range(60):
                steady.put(frame(number))
                if number % 3 == 0:
                    with scheduler.feed(filled(5)) as comes:
                        assert next(iter(comes)).found == 0
            steady.close()
            assert found.result(10) == list(range(60))


def test_a_network_that_fails_ends_every_camera() -> None:
    def look(number: int) -> None:
        raise EngineError("the device is lost")

    idle = LatestFrameSlot(1000, lambda: 0)
    with Scheduler(Detector(look), 2, WATCHDOG) as scheduler:
        with scheduler.feed(idle) as other, scheduler.feed(filled(3)) as one:
            for feed in (one, other):
                with pytest.raises(EngineError, match="the device is lost"):
                    list(feed)
        with pytest.raises(EngineError, match="the device is lost"):
            list(scheduler.feed(filled(1)))


def test_a_network_that_answers_for_too_few_pictures_is_a_failure() -> None:
    class Short:
        def find_all(self, images: Sequence[Image]) -> list[int]:
            return []

    with (
        Scheduler(Short(), 1, WATCHDOG) as scheduler,
        scheduler.feed(filled(1)) as feed,
        pytest.raises(ValueError, match="expected 1 results, got 0"),
    ):
        list(feed)


def test_leaving_the_network_first_ends_who_still_listens() -> None:
    idle = LatestFrameSlot(1000, lambda: 0)
    with Scheduler(Looked(), 1, WATCHDOG) as scheduler:
        feed = scheduler.feed(idle)
    with pytest.raises(EngineError, match="closed"):
        list(feed)


def test_whatever_goes_wrong_between_batches_ends_every_camera() -> None:
    def batching() -> Batching:
        if network.batches:
            raise EngineError("the device is lost")
        return Batching()

    network = Looked()
    with (
        Scheduler(network, 1, WATCHDOG, batching) as scheduler,
        scheduler.feed(filled(3)) as feed,
        pytest.raises(EngineError, match="is lost"),
    ):
        list(feed)


class Named:
    """Finds its own name in every picture; `look` may wait, or fail."""

    def __init__(self, name: str, look: Callable[[int], None] = lambda number: None) -> None:
        self._name = name
        self._look = look

    def find_all(self, images: Sequence[Image]) -> list[str]:
        for image in images:
            self._look(int(image[0, 0, 0]))
        return [self._name] * len(images)


def looker(name: str, **more: Any) -> Looker[str]:
    manifest = tiny_manifest(version=name)
    return Looker(Named(name, **more), Model(manifest))


def told(feed: Feed[str]) -> list[tuple[str, str]]:
    """Who found each result, and whose name stands on it."""
    return [(i.found, i.model.manifest.version if i.model else "") for i in feed]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_an_exchanged_network_loses_no_frame_and_looks_at_all_that_come_after(workers: int) -> None:
    names = [str(number) for number in range(20)]
    slot = FrameQueue(4)
    with (
        Scheduler(looker("first"), workers, WATCHDOG) as scheduler,
        scheduler.feed(slot) as feed,
        ThreadPoolExecutor(1) as threads,
    ):
        found = threads.submit(told, feed)
        for number in range(200):
            slot.put(frame(number))
            if number % 10 == 9:
                scheduler.exchange(looker(names[number // 10]))
        slot.close()
        results = found.result(20)
    assert len(results) == 200
    assert all(by == name for by, name in results)
    seen = [name for name, _ in results]
    order = ["first", *names]
    assert [order.index(name) for name in seen] == sorted(order.index(name) for name in seen)
    assert seen[0] == "first"


def test_an_exchange_returns_when_the_last_frame_of_the_one_before_is_done() -> None:
    is_in, go_on = threading.Event(), threading.Event()

    def look(number: int) -> None:
        is_in.set()
        assert go_on.wait(10)

    with (
        Scheduler(looker("slow", look=look), 2, WATCHDOG) as scheduler,
        scheduler.feed(filled(2)) as feed,
        ThreadPoolExecutor(2) as threads,
    ):
        assert is_in.wait(10)
        exchanged = threads.submit(scheduler.exchange, looker("next"))
        found = threads.submit(told, feed)
        wait_until(lambda: version_of(scheduler) == "next", "the exchange")
        assert not exchanged.done()
        go_on.set()
        exchanged.result(10)
        assert ("slow", "slow") in found.result(10)


def version_of(scheduler: Scheduler[str]) -> str:
    return scheduler.model.manifest.version if scheduler.model else ""


class Watched:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.frames = 0
        self.errors: list[BaseException] = []

    def looked(self, found: Sequence[str], worked_ns: int, /) -> None:
        self.frames += len(found)

    def failed(self, error: BaseException, /) -> None:
        self.errors.append(error)


def test_what_a_network_on_trial_fails_on_its_incumbent_looks_at() -> None:
    def look(number: int) -> None:
        if number % 3 == 0:
            raise EngineError("the device is lost")

    trial, before = Watched(), Watched()
    good = Looker(Named("good"), Model(tiny_manifest(version="good")), before)
    bad = Looker(Named("bad", look), Model(tiny_manifest(version="bad")), trial, good)
    with Scheduler(bad, 2, WATCHDOG) as scheduler, scheduler.feed(filled(9)) as feed:
        results = told(feed)
    assert results == [("good", "good"), ("bad", "bad"), ("bad", "bad")] * 3
    assert (trial.frames, len(trial.errors), before.frames) == (6, 3, 3)
