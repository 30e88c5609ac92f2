"""When updates may come, on the two nights on which clocks change."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from edge.ota.window import is_open
from edge.rules.schedule import ScheduleWindow

ZURICH = ZoneInfo("Europe/Zurich")
NIGHT = ScheduleWindow(begins="02:00", ends="03:00", time_zone="Europe/Zurich")


def ns(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000_000


def open_minutes(day: datetime, window: ScheduleWindow) -> int:
    """Minutes of the 24 hours from a moment on in which the window is open."""
    return sum(is_open([window], ns(day + timedelta(minutes=n))) for n in range(24 * 60))


def test_without_windows_it_is_always_open() -> None:
    assert is_open([], ns(datetime(2026, 3, 1, tzinfo=timezone.utc)))


@pytest.mark.parametrize(
    ("day", "minutes"),
    [((2026, 3, 28), 0), ((2026, 10, 24), 120), ((2026, 7, 1), 60)],
    ids=["an hour that does not come", "an hour that comes twice", "any night"],
)
def test_it_is_read_off_the_clock_on_the_wall(day: tuple[int, int, int], minutes: int) -> None:
    noon = datetime(*day, 12, tzinfo=ZURICH).astimezone(timezone.utc)
    assert open_minutes(noon, NIGHT) == minutes


def test_any_of_several_windows_is_enough() -> None:
    noon = ScheduleWindow(begins="12:00", ends="13:00")
    moment = ns(datetime(2026, 7, 1, 12, 30, tzinfo=timezone.utc))
    assert is_open([NIGHT, noon], moment)
    assert not is_open([NIGHT], moment)
