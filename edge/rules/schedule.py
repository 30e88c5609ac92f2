"""When a rule looks: windows of local time on days of the week, right across daylight saving.

A window is read off a clock on the wall there. In the night in which clocks go back, an hour that
comes twice is in the window twice; in the one in which they go forward, an hour that does not
come is not. A window that ends before the time at which it begins ends on the next day,
and belongs to the day on which it begins.
"""

import difflib
import zoneinfo
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edge.rules.fields import Frozen

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_A_DAY = 24 * 60
_NS_A_MINUTE = 60 * 1_000_000_000


def _minutes_as_text(value: object) -> object:
    """YAML 1.1 reads 22:30 without quotes as sixty times 22 and 30."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MINUTES_A_DAY:
        return f"{value // 60:02}:{value % 60:02}"
    return value


def _check_time(value: str) -> str:
    hours, _, minutes = value.partition(":")
    is_written_so = len(hours) == len(minutes) == 2 and value.isascii()
    if not (is_written_so and hours.isdecimal() and minutes.isdecimal()):
        raise ValueError(f"{value!r} is no time of the day; write it like '22:30'")
    if int(minutes) > 59 or _minutes(value) > MINUTES_A_DAY:
        raise ValueError(f"{value!r} is no time of the day; it has 00:00 to 24:00")
    return value


def _check_time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        names = sorted(zoneinfo.available_timezones())
        if not names:
            raise ValueError(
                "this machine knows no time zones; `pip install tzdata` brings them"
            ) from error
        close = difflib.get_close_matches(name, names, n=1)
        hint = (
            f"; did you mean {close[0]!r}?"
            if close
            else "; names are like 'Europe/Zurich' or 'UTC'"
        )
        raise ValueError(f"there is no time zone {name!r}{hint}") from error
    return name


TimeOfDay = Annotated[str, BeforeValidator(_minutes_as_text), AfterValidator(_check_time)]


class ScheduleWindow(Frozen):
    """Some hours on some days of the week."""

    days: tuple[Day, ...] = Field(default=DAYS, min_length=1, description="on which it begins")
    begins: TimeOfDay = Field(default="00:00", description="local time")
    ends: TimeOfDay = Field(default="24:00", description="local time, from here on it is over")
    time_zone: Annotated[str, AfterValidator(_check_time_zone)] = Field(
        default="UTC", description="name of the IANA, such as Europe/Zurich"
    )

    @model_validator(mode="after")
    def _check_length(self) -> "ScheduleWindow":
        if self.begins == self.ends or self.begins == "24:00":
            raise ValueError(
                f"the window from {self.begins} to {self.ends} holds no time; "
                "a whole day is from 00:00 to 24:00"
            )
        return self

    def holds(self, moment: datetime) -> bool:
        """Whether an instant, of any time zone, is in the window."""
        local = moment.astimezone(zoneinfo.ZoneInfo(self.time_zone))
        minute, today = local.hour * 60 + local.minute, local.weekday()
        begins, ends = _minutes(self.begins), _minutes(self.ends)
        starts_today = DAYS[today] in self.days and minute >= begins
        if begins < ends:
            return starts_today and minute < ends
        return starts_today or (DAYS[today - 1] in self.days and minute < ends)


Schedule = tuple[ScheduleWindow, ...]


class Schedules:
    """Which of R rules look now.

    Args:
        schedules: of the rules; an empty one is always.
    """

    def __init__(self, schedules: Sequence[Schedule]) -> None:
        self._schedules = tuple(schedules)
        self._minute = -1
        self._is_on = np.ones((len(schedules), 1), np.bool_)
        self._has_windows = any(schedules)

    def is_on(self, now_ns: int) -> NDArray[np.bool_]:
        """(R, 1), of the frame's time."""
        # Windows, and the steps of every time zone of today, are whole minutes.
        if self._has_windows and (minute := now_ns // _NS_A_MINUTE) != self._minute:
            moment = datetime.fromtimestamp(minute * 60, timezone.utc)
            is_on = [
                not windows or any(window.holds(moment) for window in windows)
                for windows in self._schedules
            ]
            self._minute, self._is_on = minute, np.array(is_on, np.bool_).reshape(-1, 1)
        return self._is_on


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])
