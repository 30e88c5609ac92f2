"""When rules look: hours and days of a place, in the nights of daylight saving as well."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.rules.schedule import Schedules, ScheduleWindow
from edge.rules.settings import CameraRulesSettings
from tests.edge.rules.scenes import Actor, of_kind, play, rules, straight, time_s
from wayside.errors import SettingsError
from wayside.settings import parse

ZURICH = "Europe/Zurich"
UTC = timezone.utc


def window(**keys: object) -> ScheduleWindow:
    return ScheduleWindow.model_validate({"time_zone": ZURICH, **keys})


def minutes_in(one: ScheduleWindow, begin: datetime, end: datetime) -> int:
    """How many minutes of the world lie in a window."""
    total = int((end - begin) / timedelta(minutes=1))
    return sum(one.holds(begin + timedelta(minutes=minute)) for minute in range(total))


def local(*when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(ZURICH)).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("evening", "morning", "hours"),
    [
        ((2026, 3, 28, 12), (2026, 3, 29, 12), 7),  # 02:00 to 03:00 does not come
        ((2026, 10, 24, 12), (2026, 10, 25, 12), 9),  # 02:00 to 03:00 comes twice
        ((2026, 6, 10, 12), (2026, 6, 11, 12), 8),
    ],
)
def test_a_night_is_as_long_as_it_is(
    evening: tuple[int, ...], morning: tuple[int, ...], hours: int
) -> None:
    night = window(begins="22:00", ends="06:00")
    assert minutes_in(night, local(*evening), local(*morning)) == hours * 60


def test_in_the_night_of_the_clocks_its_edges_are_those_of_the_wall() -> None:
    night = window(begins="22:00", ends="06:00")
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        for minute in range(-3 * 60, 12 * 60):
            moment = day + timedelta(minutes=minute)
            hour = moment.astimezone(ZoneInfo(ZURICH)).hour
            assert night.holds(moment) == (hour >= 22 or hour < 6)


def test_an_hour_that_does_not_come_holds_nothing_and_one_that_comes_twice_holds_twice() -> None:
    small = window(begins="02:00", ends="03:00")
    assert minutes_in(small, local(2026, 3, 29, 0), local(2026, 3, 29, 12)) == 0
    assert minutes_in(small, local(2026, 10, 25, 0), local(2026, 10, 25, 12)) == 120


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday = window(days=["fri"], begins="22:00", ends="06:00")
    assert friday.holds(local(2026, 6, 12, 23))
    assert friday.holds(local(2026, 6, 13, 5, 59))
    assert not friday.holds(local(2026, 6, 13, 6))
    assert not friday.holds(local(2026, 6, 12, 5))
    assert not friday.holds(local(2026, 6, 13, 23))
    assert minutes_in(window(days=["sat", "sun"]), local(2026, 6, 8), local(2026, 6, 15)) == 2880


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**31),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from([ZURICH, "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_window_and_the_rest_of_the_day_are_all_of_it(
    second: int, begins: int, ends: int, place: str
) -> None:
    if begins == ends:
        return
    moment = datetime.fromtimestamp(second, UTC)
    day = ScheduleWindow(begins=begins, ends=ends, time_zone=place)
    rest = ScheduleWindow(begins=ends, ends=begins, time_zone=place)
    assert day.holds(moment) != rest.holds(moment)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1_770_000_000, 1_800_000_000), min_size=1, max_size=20))
def test_what_is_kept_for_a_minute_is_right(seconds: list[int]) -> None:
    night = window(begins="22:00", ends="06:00")
    schedules = Schedules([(), (night,)])
    for second in sorted(seconds):
        for fraction_ns in (0, 999_999_999):
            now_ns = second * 1_000_000_000 + fraction_ns
            is_on = night.holds(datetime.fromtimestamp(second, UTC))
            assert schedules.is_on(now_ns)[:, 0].tolist() == [True, is_on]


# The scenes begin on 2023-11-14 at 22:13:20 UTC, which is a Tuesday.
AFTER_22_14 = [{"begins": "22:14", "ends": "22:15"}]
"""From 40 s to 100 s of a scene."""


def test_who_is_inside_when_the_schedule_begins_enters_then() -> None:
    camera = rules(
        {
            "zones": [{"id": "yard", "points": [[0.3, 0.2], [0.7, 0.2], [0.7, 0.8], [0.3, 0.8]]}],
            "rules": [
                {"id": "visit", "kind": "zone", "zone": "yard", "schedule": AFTER_22_14},
                {"id": "stay", "kind": "dwell", "zone": "yard", "after_s": 20,
                 "schedule": AFTER_22_14, "repeat_s": 30},
            ],
        }
    )  # fmt: skip
    leaves = Actor(lambda now: (0.5, 0.5) if now < 120 else (0.9, 0.5))
    drafts = play(camera, {1: leaves}, 130.0, fps=4)
    entered, left = of_kind(drafts, "ZONE_ENTERED", "ZONE_EXITED")
    assert time_s(entered) == pytest.approx(40.5)
    assert left.rule_hit.dwell_s == pytest.approx(80.0, abs=0.3)
    stays = of_kind(drafts, "DWELL")
    assert [time_s(event) for event in stays] == pytest.approx([60.0, 90.0])


def test_a_crossing_outside_the_schedule_is_none_then_or_later() -> None:
    camera = rules(
        {
            "lines": [{"id": "gate", "points": [[0.0, 0.5], [1.0, 0.5]]}],
            "rules": [{"id": "over", "kind": "line", "line": "gate", "schedule": AFTER_22_14}],
        }
    )
    early = Actor(straight((0.5, 0.2), (0.5, 0.8), 20.0))
    timely = Actor(straight((0.5, 0.2), (0.5, 0.8), 120.0))
    crossed = of_kind(play(camera, {1: early, 2: timely}, 130.0, fps=4), "LINE_CROSSED")
    assert [event.object.track_id for event in crossed] == [2]


@pytest.mark.parametrize(
    ("written", "key", "message"),
    [
        ("begins: 7.5", "begins", "valid string"),
        ("begins: '7:00'", "begins", "'7:00' is no time of the day; write it like '22:30'"),
        ("ends: '24:30'", "ends", "'24:30' is no time of the day; it has 00:00 to 24:00"),
        ("begins: '24:00'", "", "the window from 24:00 to 24:00 holds no time; a whole day is"),
        ("time_zone: Europe/Zurch", "time_zone",
         "there is no time zone 'Europe/Zurch'; did you mean 'Europe/Zurich'?"),
        ("time_zone: /etc/passwd", "time_zone",
         "there is no time zone '/etc/passwd'; names are like 'Europe/Zurich' or 'UTC'"),
        ("days: [mon, tues]", "days[1]", "'mon', 'tue', 'wed'"),
        ("days: []", "days", "at least 1 item"),
        ("from: '22:00'", "from", "is unknown; allowed: begins, days, ends, time_zone"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_where_it_is(written: str, key: str, message: str) -> None:
    text = f"""
zones: [{{id: yard, points: [[0, 0], [1, 0], [1, 1]]}}]
rules:
  - id: visit
    kind: zone
    zone: yard
    schedule: [{{{written}}}]
"""
    with pytest.raises(SettingsError) as refused:
        parse(text, "agent.yaml", CameraRulesSettings)
    (problem,) = refused.value.problems
    assert problem.line == 7
    assert problem.key == f"rules[0].schedule[0]{'.' if key else ''}{key}"
    assert message in problem.message


def test_times_may_stand_without_quotes_though_yaml_reads_them_as_numbers() -> None:
    text = """
zones: [{id: yard, points: [[0, 0], [1, 0], [1, 1]]}]
rules:
  - {id: visit, kind: zone, zone: yard, schedule: [{begins: 22:30, ends: 06:05}]}
"""
    ((night,),) = [rule.schedule for rule in parse(text, "a.yaml", CameraRulesSettings).rules]
    assert (night.begins, night.ends) == ("22:30", "06:05")
