"""One thread for effects: what is urgent comes in between, and what it broke off begins anew."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.ota.life import Effect, Happening, Life, Order, Verified
from edge.ota.worker import Job, Worker

GATE, YARD = Life(Order("gate", "1", "roll-out-1")), Life(Order("yard", "1", "roll-out-2"))
WAIT_S = 20.0


class Bench:
    """Effects that last until they may end, and what was begun and told, in its order."""

    def __init__(self) -> None:
        self.begun: queue.Queue[str] = queue.Queue()
        self.may_end = threading.Event()
        self.told: list[tuple[str, bool]] = []
        self.worker = Worker(self.perform, self.hear)

    def perform(
        self, life: Life, effect: Effect, stop: threading.Event, tell: Callable[[Happening], None]
    ) -> bool:
        self.begun.put(f"{life.order.family} {effect.value}")
        while not self.may_end.wait(0.01):
            if stop.is_set():
                return False
        tell(Verified())
        return True

    def hear(self, job: Job, happening: Happening) -> None:
        self.told.append((job.life.order.family, job.is_off))

    def next(self) -> str:
        return self.begun.get(timeout=WAIT_S)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_effects_are_done_one_after_the_other(bench: Bench) -> None:
    bench.may_end.set()
    with bench.worker as worker:
        worker.do(GATE, Effect.PLAN)
        worker.do(YARD, Effect.LOOK)
        assert [bench.next(), bench.next()] == ["gate plan", "yard look"]


def test_what_is_urgent_is_done_in_between_and_what_it_broke_off_begins_anew(bench: Bench) -> None:
    is_done = threading.Event()
    with bench.worker as worker:
        worker.do(GATE, Effect.DOWNLOAD)
        worker.do(YARD, Effect.LOOK)
        assert bench.next() == "gate download"
        worker.first(is_done.set)
        assert is_done.wait(WAIT_S)
        assert bench.next() == "gate download"
        bench.may_end.set()
        assert bench.next() == "yard look"
    assert bench.told[0] == ("gate", False)


def test_what_is_called_off_does_not_begin_again(bench: Bench) -> None:
    with bench.worker as worker:
        worker.do(GATE, Effect.DOWNLOAD)
        assert bench.next() == "gate download"
        worker.call_off("gate")
        worker.do(GATE, Effect.DISCARD)
        assert bench.next() == "gate discard"
        worker.do(YARD, Effect.LOOK)
        worker.call_off("yard")
        worker.do(YARD, Effect.DISCARD)
        bench.may_end.set()
        assert bench.next() == "yard discard", "what had not begun never does"


def test_a_roll_back_is_done_before_what_waits(bench: Bench) -> None:
    with bench.worker as worker:
        worker.do(GATE, Effect.COMMIT)
        assert bench.next() == "gate commit"
        worker.do(YARD, Effect.LOOK)
        worker.do(GATE, Effect.ROLL_BACK)
        bench.may_end.set()
        assert [bench.next(), bench.next()] == ["gate roll-back", "yard look"]


def test_its_end_ends_what_is_under_way(bench: Bench, tmp_path: Path) -> None:
    with bench.worker as worker:
        worker.do(GATE, Effect.DOWNLOAD)
        worker.do(YARD, Effect.LOOK)
        assert bench.next() == "gate download"
    assert bench.begun.empty()
    assert bench.told == []
