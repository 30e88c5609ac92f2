"""A sensor's thread: it opens, reads, opens again, and what goes wrong stays with it."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from structlog.testing import capture_logs

from edge.errors import SensorError
from edge.sensors.watch import SETTLED_S, STUCK_AFTER_S, WAITING_AFTER_S, Watch
from tests.support.fake_sensor import FakeSensor
from tests.support.processes import wait_until
from wayside.backoff import Backoff
from wayside.process import EXIT_CRASH_ONLY


@dataclass
class Desk:
    """A watch over sensors of the test, with a clock that it sets.

    Attributes:
        opened: the sensors that were opened.
        refuse: why the next ones cannot be opened.
        taken: the values that came.
        take: called with each.
        errors: what the heartbeat is to repeat.
    """

    now_s: float = 1000.0
    opened: list[FakeSensor] = field(default_factory=list)
    refused: int = 0
    refuse: str = ""
    taken: list[float] = field(default_factory=list)
    take: Callable[[float], object] = lambda value: None
    errors: list[str] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)

    def open(self) -> FakeSensor:
        if self.refuse:
            self.refused += 1
            raise SensorError(self.refuse)
        self.opened.append(FakeSensor())
        return self.opened[-1]

    def note(self, value: float) -> None:
        self.take(value)
        self.taken.append(value)

    def sensor(self, number: int) -> FakeSensor:
        wait_until(lambda: len(self.opened) > number, f"sensor {number}")
        return self.opened[number]

    @property
    def states(self) -> list[str]:
        return [log["state"] for log in list(self.logs) if log["event"] == "sensor state"]


@contextmanager
def watching(desk: Desk) -> Iterator[Watch[float]]:
    watch = Watch(
        "temp", desk.open, desk.note, backoff=Backoff(0.001, 0.002), interval_s=0.0,
        note_error=desk.errors.append, clock=lambda: desk.now_s,
    )  # fmt: skip
    with capture_logs() as logs:
        desk.logs = logs
        watch.start()
        try:
            yield watch
        finally:
            watch.stop()
            watch.join(10)


def test_values_are_taken_in_order() -> None:
    desk = Desk()
    with watching(desk) as watch:
        assert watch.stats.state == "starting"
        for number in range(5):
            desk.sensor(0).put(number)
        wait_until(lambda: len(desk.taken) == 5, "values")
        desk.now_s += 3
        stats = watch.stats
    assert desk.taken == [0, 1, 2, 3, 4]
    assert (stats.sensor, stats.state, stats.readings, stats.age_s) == ("temp", "live", 5, 3.0)
    assert desk.states == ["live"]
    assert desk.opened[0].closed


def test_a_lost_sensor_is_opened_until_it_is_back_and_told_once() -> None:
    desk = Desk()
    with watching(desk) as watch:
        desk.sensor(0).put(1)
        wait_until(lambda: desk.taken, "a value")
        desk.refuse = "not plugged in"
        desk.opened[0].put(SensorError("unplugged"))
        wait_until(lambda: desk.refused > 5, "attempts")
        assert (watch.stats.state, watch.stats.detail) == ("lost", "not plugged in")
        desk.refuse = ""
        desk.sensor(1).put(2)
        wait_until(lambda: len(desk.taken) == 2, "the value after")
        assert watch.stats.state == "live"
        desk.now_s += SETTLED_S
        desk.opened[1].put(3)
        wait_until(lambda: desk.states[-1] == "live", "it is told that it is back")
    assert desk.states == ["live", "lost", "live"]
    assert desk.errors == ["sensor temp: unplugged"]
    assert desk.opened[0].closed


def test_one_that_flaps_is_told_once() -> None:
    desk = Desk()
    with watching(desk):
        for number in range(10):
            desk.sensor(number).put(number)
            desk.opened[number].put(SensorError("floods"))
        desk.sensor(10)
    assert desk.states == ["live", "lost"]
    assert desk.errors == ["sensor temp: floods"]


def test_one_that_answers_without_a_value_is_waiting() -> None:
    desk = Desk()
    with watching(desk) as watch:
        desk.sensor(0).put(1)
        wait_until(lambda: desk.taken, "a value")
        desk.now_s += WAITING_AFTER_S + 0.1
        wait_until(lambda: watch.stats.state == "waiting", "waiting")
        desk.opened[0].put(2)
        wait_until(lambda: watch.stats.state == "live", "live")
        assert desk.states == ["live"], "so short a gap is told by nobody"
        desk.now_s += WAITING_AFTER_S + 0.1
        wait_until(lambda: watch.stats.state == "waiting", "waiting again")
        desk.now_s += SETTLED_S
        wait_until(lambda: desk.states[-1] == "waiting", "it is told")
        desk.opened[0].put(3)
        wait_until(lambda: watch.stats.state == "live", "live again")
        desk.now_s += SETTLED_S
        desk.opened[0].put(4)
        wait_until(lambda: desk.states[-1] == "live", "it is told")
    assert desk.states == ["live", "waiting", "live"]
    assert desk.errors == []


def test_a_mistake_of_ours_costs_the_sensor_and_not_the_process() -> None:
    desk = Desk()
    with watching(desk):
        desk.sensor(0).put(ZeroDivisionError("ours"))
        desk.sensor(1).put(ZeroDivisionError("ours"))
        desk.sensor(2).put(7)
        wait_until(lambda: desk.taken == [7], "the value after")
    assert desk.errors == ["sensor temp: cannot be understood: ZeroDivisionError('ours')"]
    (broke,) = [log for log in desk.logs if log["event"] == "a sensor broke its thread"]
    assert broke["exc_info"]


def test_a_read_that_hangs_is_told_once_and_costs_nobody_else() -> None:
    desk, go_on = Desk(), threading.Event()
    desk.take = lambda value: None

    class Hanging(FakeSensor):
        def read(self) -> float | None:
            go_on.wait()
            return super().read()

    hanging = Hanging()
    desk.open = lambda: hanging  # type: ignore[method-assign]
    with watching(desk) as watch:
        watch.tell_stuck()
        wait_until(lambda: watch._busy_since_s is not None, "a read")
        desk.now_s += STUCK_AFTER_S + 1
        for _ in range(3):
            watch.tell_stuck()
        assert watch.stats.state == "stuck"
        hanging.put(5)
        go_on.set()
        wait_until(lambda: desk.taken == [5], "the value after")
        watch.tell_stuck()
        assert watch.stats.state == "live"
    assert desk.states.count("stuck") == 1
    assert desk.errors == ["sensor temp: a read has not come back for 10 s"]


def test_a_broken_outbox_ends_the_process() -> None:
    """Decision 1; nobody joins a sensor's thread, so it says so itself."""
    program = """
from edge.errors import OutboxError
from edge.sensors.watch import Watch
from tests.support.fake_sensor import FakeSensor
from wayside.backoff import Backoff

def broken(value):
    raise OutboxError("the file is damaged")

sensor = FakeSensor()
sensor.put(1.0)
watch = Watch("temp", lambda: sensor, broken, backoff=Backoff(), interval_s=0, note_error=print)
watch.start()
watch.join(60)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == EXIT_CRASH_ONLY
    assert "the file is damaged" in ended.stdout + ended.stderr


def test_after_a_stop_no_value_is_taken() -> None:
    desk = Desk()
    with watching(desk) as watch:
        desk.sensor(0).put(1)
        wait_until(lambda: desk.taken, "a value")
        watch.stop()
        watch.join(10)
        desk.opened[0].put(2)
        assert desk.taken == [1]
        assert desk.opened[0].closed
