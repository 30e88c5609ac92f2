"""Where the device is: fixes in, and out of them the position of each event."""

from collections.abc import Callable, Sequence

import structlog

from edge.rules.port import Draft, Event
from edge.sensors.clock_check import ClockCheck, Verdict
from edge.sensors.fixes import Fixes
from edge.sensors.port import Fix
from edge.sensors.reporting import Reporting
from edge.sensors.settings import GpsSettings
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

Sink = Callable[[Sequence[Draft]], None]
"""Takes events over, as the outbox does."""

SPEED_UNIT = "m/s"

_log = structlog.get_logger(__name__)


class Positions:
    """The device's way of the last minute, and what is told of it.

    Args:
        settings: of the receiver.
        sink: takes its readings: speed as the value, with the position.
    """

    def __init__(self, settings: GpsSettings, sink: Sink) -> None:
        self._sensor = settings.id
        self._sink = sink
        self._fixes = Fixes(settings.max_age_s, settings.max_speed_mps)
        self._clock = ClockCheck()
        self._reporting = Reporting(settings.every_s, None)

    def take(self, fix: Fix) -> None:
        """A fix of the receiver; one that jumps is left out.

        Raises:
            OutboxError: of the sink.
        """
        if (verdict := self._clock.step(fix)) is not None:
            _tell(self._sensor, verdict)
        if not self._fixes.add(fix):
            return
        speed_mps = fix.speed_mps or 0.0
        if self._reporting.is_due(fix.captured_ns, speed_mps):
            event = reading(self._sensor, fix.captured_ns, speed_mps, SPEED_UNIT)
            event.position.CopyFrom(position(fix))
            self._sink([Draft(Lane.STATS, event)])

    def filled(self, sink: Sink) -> Sink:
        """A sink before another one: each event gets the position of its frame's time.

        This is the one place that every event of a camera passes, with the time of its frame,
        after it is decided and before it is durable: rules need not know where the vehicle is,
        and neither does the outbox.
        """

        def fill(drafts: Sequence[Draft]) -> None:
            for draft in drafts:
                event = draft.event
                if not event.HasField("position"):
                    fix = self._fixes.at(event.captured_ns)
                    if fix is not None:
                        event.position.CopyFrom(position(fix))
            sink(drafts)

        return fill


def position(fix: Fix) -> EventBatch.Position:
    """A fix as it travels; speed and heading that nobody knows are 0."""
    return EventBatch.Position(
        latitude_deg=fix.latitude_deg,
        longitude_deg=fix.longitude_deg,
        speed_mps=fix.speed_mps or 0.0,
        heading_deg=fix.heading_deg or 0.0,
    )


def reading(sensor: str, captured_ns: int, value: float, unit: str) -> Event:
    """A sensor's value as an event of the device's own."""
    return Event(
        captured_ns=captured_ns,
        kind=EventBatch.SENSOR,
        sensor=EventBatch.SensorReading(sensor=sensor, value=value, unit=unit),
    )


def _tell(sensor: str, verdict: Verdict) -> None:
    log = _log.bind(sensor=sensor, ahead_s=round(verdict.ahead_s, 1))
    if verdict.agrees:
        log.info("clock and receiver agree")
    elif verdict.is_rollover:
        log.warning(
            "receiver's date is wrong by rounds of 1024 weeks",
            remedy="update or replace the receiver; its position is used all the same",
        )
    else:
        log.warning(
            "clock and receiver differ",
            remedy="look at the device's time service; the receiver sets nothing",
        )
