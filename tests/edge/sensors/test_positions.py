"""Events get the position of their frame's time, and the receiver is told as a sensor."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.rules.port import Draft, Event
from edge.sensors.port import Fix
from edge.sensors.positions import Positions, position
from edge.sensors.settings import GpsSettings
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

S = 1_000_000_000
T0 = 1_700_000_000 * S


def settings(**changes: object) -> GpsSettings:
    return GpsSettings.model_validate(
        {"id": "gps", "kind": "gps", "source": "/dev/ttyACM0", **changes}
    )


def fix(at_s: float, latitude_deg: float, **changes: Any) -> Fix:
    return Fix(T0 + round(at_s * S), latitude_deg, 11.0, 20.0, 90.0, **changes)


def event(at_s: float) -> Event:
    return Event(captured_ns=T0 + round(at_s * S), kind=EventBatch.OBJECT_STARTED)


class Desk:
    """Positions, and what they told."""

    def __init__(self, **changes: object) -> None:
        self.told: list[Draft] = []
        self.positions = Positions(settings(**changes), self.told.extend)

    def fill(self, *events: Event) -> list[Event]:
        passed: list[Draft] = []

        def sink(drafts: Sequence[Draft]) -> None:
            passed.extend(drafts)

        self.positions.filled(sink)([Draft(Lane.STATE, one) for one in events])
        return [draft.event for draft in passed]


def test_each_event_has_the_position_of_its_own_frame() -> None:
    desk = Desk()
    for n in range(3):
        desk.positions.take(fix(n, 48 + n * 1e-4))
    found = desk.fill(event(0.5), event(1.0), event(1.75))
    latitudes = [one.position.latitude_deg for one in found]
    assert latitudes == pytest.approx([48.00005, 48.0001, 48.000175])
    assert found[0].position.speed_mps == 20
    assert found[0].position.heading_deg == 90


def test_without_a_fresh_fix_an_event_passes_as_it_is() -> None:
    desk = Desk()
    before = desk.fill(event(0))
    desk.positions.take(fix(0, 48))
    after = desk.fill(event(2.5))
    assert [one.HasField("position") for one in before + after] == [False, False]


def test_a_position_that_is_there_stays() -> None:
    desk = Desk()
    desk.positions.take(fix(0, 48))
    mine = event(0)
    mine.position.latitude_deg = 1.0
    assert desk.fill(mine)[0].position.latitude_deg == 1.0


def test_the_receiver_is_told_as_a_sensor_now_and_then() -> None:
    desk = Desk(every_s=10)
    for n in range(25):
        desk.positions.take(fix(n, 48))
    assert [draft.lane for draft in desk.told] == [Lane.STATS] * 3
    assert [draft.event.captured_ns for draft in desk.told] == [T0, T0 + 10 * S, T0 + 20 * S]
    first = desk.told[0].event
    assert (first.kind, first.camera) == (EventBatch.SENSOR, "")
    assert (first.sensor.sensor, first.sensor.value, first.sensor.unit) == ("gps", 20.0, "m/s")
    assert first.position.latitude_deg == 48


def test_a_jump_is_told_by_nobody() -> None:
    desk = Desk(every_s=1)
    desk.positions.take(fix(0, 48))
    desk.positions.take(fix(1, 49))
    assert len(desk.told) == 1
    assert desk.fill(event(1))[0].position.latitude_deg == pytest.approx(48, abs=1e-3)


def test_what_nobody_knows_is_nought_on_the_wire() -> None:
    assert position(Fix(T0, 48.0, 11.0)) == EventBatch.Position(latitude_deg=48, longitude_deg=11)


def test_a_clock_that_is_wrong_is_said_and_left_alone() -> None:
    desk = Desk()
    with capture_logs() as logs:
        for n in range(10):
            desk.positions.take(fix(n, 48, utc_ns=T0 + n * S - 3600 * S))
        for n in range(10, 20):
            desk.positions.take(fix(n, 48, utc_ns=T0 + n * S))
    assert [log["event"] for log in logs] == [
        "clock and receiver differ", "clock and receiver agree",
    ]  # fmt: skip
    assert (logs[0]["ahead_s"], logs[0]["log_level"]) == (3600.0, "warning")
    assert desk.fill(event(15))[0].position.latitude_deg == 48


def test_a_receiver_whose_weeks_ran_over_is_named() -> None:
    desk = Desk()
    with capture_logs() as logs:
        for n in range(3):
            desk.positions.take(fix(n, 48, utc_ns=T0 + n * S - 1024 * 7 * 86_400 * S))
    (log,) = logs
    assert "1024 weeks" in log["event"]
