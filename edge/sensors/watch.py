"""The thread that keeps a sensor: opens it, reads it, opens it again, and says how it is."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from edge.errors import OutboxError, SensorError
from edge.sensors.port import Sensor
from wayside.backoff import Backoff
from wayside.process import crash

WAITING_AFTER_S = 5.0
"""A sensor that answers without a value for so long is said to be waiting."""

SETTLED_S = 10.0
"""A change for the better is told once it has lasted so long; one that flaps is told once."""

STUCK_AFTER_S = 10.0
"""A read that takes longer hangs in the kernel; its thread is lost, and no other."""

_log = structlog.get_logger(__name__)
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class SensorStats:
    """How a sensor is.

    Attributes:
        sensor: its id.
        state: starting, live, waiting (answers, has no value), lost, or stuck (a read hangs).
        detail: why it is lost.
        readings: values read since the start.
        age_s: since the last value, None before the first.
    """

    sensor: str
    state: str
    detail: str
    readings: int
    age_s: float | None


class Watch(Generic[T]):
    """Keeps one sensor at work. What it does, or does not, harms no other thread.

    Args:
        sensor: its id.
        open_sensor: opens it; raises SensorError.
        take: gets each value, from the watch's thread.
        backoff: waits before it is opened again.
        interval_s: between two readings; 0: as fast as it has values.
        note_error: has the heartbeat repeat an error.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        sensor: str,
        open_sensor: Callable[[], Sensor[T]],
        take: Callable[[T], None],
        *,
        backoff: Backoff,
        interval_s: float,
        note_error: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sensor = sensor
        self._open = open_sensor
        self._take = take
        self._backoff = backoff
        self._interval_s = interval_s
        self._note_error = note_error
        self._clock = clock
        self._log = _log.bind(sensor=sensor)
        self._stop = threading.Event()
        self._state, self._told, self._detail = "starting", "starting", ""
        self._since_s = 0.0
        self._readings = 0
        self._value_s: float | None = None
        self._busy_since_s: float | None = None
        self._stuck_told = False
        self._thread = threading.Thread(target=self._run, name=f"sensor-{sensor}", daemon=True)

    @property
    def stats(self) -> SensorStats:
        """How it is now."""
        value_s = self._value_s
        age_s = None if value_s is None else self._clock() - value_s
        state = "stuck" if self._is_stuck() else self._state
        return SensorStats(self.sensor, state, self._detail, self._readings, age_s)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end, without waiting."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for its end; a read that hangs is left behind."""
        self._thread.join(max(0.0, timeout_s))
        if self._thread.is_alive():
            self._log.warning("sensor does not come back")

    def tell_stuck(self) -> None:
        """Say once that a read hangs; asked by another thread from time to time."""
        is_stuck = self._is_stuck()
        if is_stuck and not self._stuck_told:
            self._say("stuck", f"a read has not come back for {STUCK_AFTER_S:g} s")
        elif self._stuck_told and not is_stuck:
            self._log.info("sensor state", state=self._state)
        self._stuck_told = is_stuck

    def _is_stuck(self) -> bool:
        since_s = self._busy_since_s
        return since_s is not None and self._clock() - since_s > STUCK_AFTER_S

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._keep()
            except SensorError as error:
                self._lose(str(error))
            except OutboxError as error:  # decision 1: a broken outbox ends all
                crash("a sensor's reading found the outbox broken", error=str(error))
            except Exception as error:  # noqa: BLE001 - a mistake of ours costs no camera
                if self._told != "lost":
                    self._log.error("a sensor broke its thread", exc_info=True)
                self._lose(f"cannot be understood: {error!r}")
            self._stop.wait(self._backoff.next_s())

    def _keep(self) -> None:
        """Read until told to stop.

        Raises:
            SensorError: it cannot be opened or read any longer.
            OutboxError: of `take`.
        """
        with closing(self._busy(self._open)) as sensor:
            empty_since_s = self._clock()
            while not self._stop.is_set():
                value = self._busy(sensor.read)
                now_s = self._clock()
                if self._stop.is_set():
                    return
                if value is not None:
                    empty_since_s = self._value_s = now_s
                    self._readings += 1
                    self._set_well("live", now_s)
                    self._take(value)
                elif now_s - empty_since_s > WAITING_AFTER_S:
                    self._set_well("waiting", now_s)
                self._stop.wait(self._interval_s)

    def _busy(self, work: Callable[[], U]) -> U:
        self._busy_since_s = self._clock()
        try:
            return work()
        finally:
            self._busy_since_s = None

    def _set_well(self, state: str, now_s: float) -> None:
        if state != self._state:
            self._since_s = now_s
        self._state, self._detail = state, ""
        is_settled = self._told == "starting" or now_s - self._since_s >= SETTLED_S
        if self._told == state or not is_settled:
            return
        self._backoff.reset()
        self._told = state
        self._log.info("sensor state", state=state)

    def _lose(self, detail: str) -> None:
        self._state, self._detail = "lost", detail
        if self._told != "lost":
            self._say("lost", detail)
        self._told = "lost"

    def _say(self, state: str, detail: str) -> None:
        self._log.warning("sensor state", state=state, detail=detail)
        self._note_error(f"sensor {self.sensor}: {detail}")
