"""Where the device was at the time of a frame."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.sensors.fixes import AGREEING, HISTORY_S, MAX_FIXES, Fixes, interpolated, reckoned
from edge.sensors.geodesy import distance_m, moved, wrapped
from edge.sensors.port import Fix

S = 1_000_000_000
T0 = 1_700_000_000 * S
latitudes = st.floats(-85, 85)
longitudes = st.floats(-180, 180)
headings = st.floats(0, 359.9)


def fix(at_s: float, north_m: float = 0.0, **changes: float | None) -> Fix:
    """A fix so many s after T0, so many m north of 48 N 11 E."""
    latitude_deg, longitude_deg = moved(48.0, 11.0, 0.0, north_m)
    made = Fix(T0 + round(at_s * S), latitude_deg, longitude_deg, 10.0, 0.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def north_m(of: Fix | None) -> float:
    assert of is not None
    return distance_m(48.0, 11.0, of.latitude_deg, of.longitude_deg) * (
        1 if of.latitude_deg >= 48 else -1
    )


def fixes(*taken: Fix) -> Fixes:
    made = Fixes(max_age_s=2.0, max_speed_mps=100.0)
    for one in taken:
        made.add(one)
    return made


def at_s(seconds: float) -> int:
    return T0 + round(seconds * S)


def test_between_two_fixes_it_is_interpolated() -> None:
    known = fixes(fix(0, 0), fix(1, 20, speed_mps=30.0))
    half = known.at(at_s(0.5))
    assert north_m(half) == pytest.approx(10, abs=0.01)
    assert half is not None
    assert half.speed_mps == pytest.approx(20.0)
    assert half.captured_ns == at_s(0.5)


def test_after_the_last_and_before_the_first_fix_it_is_reckoned_by_speed_and_heading() -> None:
    known = fixes(fix(0, 0), fix(1, 10))
    assert north_m(known.at(at_s(2.5))) == pytest.approx(25, abs=0.01)
    assert north_m(known.at(at_s(-1))) == pytest.approx(-10, abs=0.01)


def test_where_speed_or_heading_is_unknown_the_last_place_is_the_best_that_is_known() -> None:
    known = fixes(fix(0, 0, speed_mps=None))
    assert north_m(known.at(at_s(1))) == pytest.approx(0, abs=0.01)


def test_a_fix_that_is_too_old_says_nothing() -> None:
    known = fixes(fix(0), fix(1))
    assert known.at(at_s(3)) is not None
    assert known.at(at_s(3) + 1) is None
    assert known.at(at_s(-2)) is not None
    assert known.at(at_s(-2) - 1) is None
    assert fixes().at(T0) is None


def test_over_a_gap_each_side_counts_only_as_long_as_it_is_fresh() -> None:
    known = fixes(fix(0, 0), fix(10, 500))
    assert north_m(known.at(at_s(1))) == pytest.approx(10, abs=0.01)
    assert north_m(known.at(at_s(9))) == pytest.approx(490, abs=0.01)
    assert known.at(at_s(5)) is None


def test_a_jump_is_left_out() -> None:
    known = fixes(fix(0, 0), fix(1, 10))
    assert not known.add(fix(2, 50_000))
    assert known.add(fix(3, 30))
    assert north_m(known.at(at_s(2))) == pytest.approx(20, abs=0.01)
    assert known.jumps == 1


def test_noise_of_a_receiver_is_no_jump() -> None:
    known = fixes(fix(0, 0))
    assert known.add(fix(0.05, 40))


def test_a_jump_that_others_confirm_was_the_truth_and_nothing_lies_between() -> None:
    known = fixes(fix(0, 0), fix(1, 10))
    taken = [known.add(fix(2 + n, 50_000 + 10 * n)) for n in range(AGREEING)]
    assert taken == [False] * (AGREEING - 1) + [True]
    assert known.at(at_s(1)) is None
    assert north_m(known.at(at_s(3))) > 49_000


def test_jumps_that_do_not_agree_are_never_believed() -> None:
    known = fixes(fix(0, 0))
    for n in range(1, 20):
        assert not known.add(fix(n, 50_000 * n))
    assert known.jumps == 19


def test_a_speed_that_cannot_be_is_a_jump_however_often_it_is_said() -> None:
    known = fixes(fix(0, 0))
    assert not any(known.add(fix(n, 10, speed_mps=5000.0)) for n in range(1, 10))


def test_who_stands_still_keeps_the_heading_and_who_drives_does_not() -> None:
    standing = fixes(fix(0, heading_deg=77.0), fix(1, speed_mps=0.1, heading_deg=None))
    last = standing.at(at_s(1))
    assert last is not None
    assert last.heading_deg == 77.0
    driving = fixes(fix(0, heading_deg=77.0), fix(1, speed_mps=9.0, heading_deg=None))
    last = driving.at(at_s(1))
    assert last is not None
    assert last.heading_deg is None


def test_memory_is_bounded_in_time_and_in_number() -> None:
    known = fixes(*[fix(n * 0.01, n * 0.1) for n in range(MAX_FIXES + 500)])
    assert len(known._fixes) == MAX_FIXES
    known = fixes(*[fix(n, n * 10) for n in range(200)])
    assert len(known._fixes) <= HISTORY_S + 1
    assert known.at(at_s(199 - HISTORY_S + 1)) is not None


def test_a_fix_from_the_past_changes_nothing() -> None:
    known = fixes(fix(0, 0), fix(1, 10))
    known.add(fix(0.5, 45))
    assert north_m(known.at(at_s(0.5))) == pytest.approx(5, abs=0.01)


def test_the_way_over_the_date_line_is_the_short_one() -> None:
    before = Fix(T0, 0.0, 179.9, 10.0, 350.0)
    after = Fix(T0 + S, 0.0, -179.7, 10.0, 20.0)
    half = interpolated(before, after, T0 + S // 2)
    assert half.longitude_deg == pytest.approx(-179.9)
    assert half.heading_deg == pytest.approx(5.0)


@given(latitudes, longitudes, latitudes, longitudes, headings, headings, st.floats(0, 1))
def test_interpolation_stays_between_and_is_the_same_backwards(
    lat1: float, lon1: float, lat2: float, lon2: float, head1: float, head2: float, share: float
) -> None:
    assume(abs(abs(wrapped(lon2 - lon1)) - 180) > 1e-6)
    assume(abs(abs(wrapped(head2 - head1)) - 180) > 1e-6)
    first, last = Fix(T0, lat1, lon1, 1.0, head1), Fix(T0 + S, lat2, lon2, 2.0, head2)
    at_ns = round(share * S)
    there = interpolated(first, last, T0 + at_ns)
    back = interpolated(replace(last, captured_ns=T0), replace(first, captured_ns=T0 + S),
                        T0 + S - at_ns)  # fmt: skip
    assert min(lat1, lat2) - 1e-9 <= there.latitude_deg <= max(lat1, lat2) + 1e-9
    assert there.latitude_deg == pytest.approx(back.latitude_deg, abs=1e-9)
    assert wrapped(there.longitude_deg - back.longitude_deg) == pytest.approx(0, abs=1e-9)
    turn = abs(wrapped(lon2 - lon1))
    assert abs(wrapped(there.longitude_deg - lon1)) <= turn + 1e-9
    assert there.heading_deg is not None
    assert back.heading_deg is not None
    assert wrapped(there.heading_deg - back.heading_deg) == pytest.approx(0, abs=1e-9)
    assert 0 <= there.heading_deg <= 360
    assert -180 <= there.longitude_deg <= 180


@given(latitudes, longitudes, headings, st.floats(0, 60), st.floats(-2, 2))
def test_who_is_reckoned_on_has_gone_the_way_of_that_speed(
    latitude_deg: float, longitude_deg: float, heading: float, speed_mps: float, after_s: float
) -> None:
    there = reckoned(
        Fix(T0, latitude_deg, longitude_deg, speed_mps, heading), T0 + round(after_s * S)
    )
    way_m = distance_m(latitude_deg, longitude_deg, there.latitude_deg, there.longitude_deg)
    assert way_m == pytest.approx(abs(speed_mps * after_s), rel=1e-3, abs=0.01)


@given(latitudes, longitudes, latitudes, longitudes)
def test_distance_is_symmetrical_and_at_most_half_round_the_earth(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    way_m = distance_m(lat1, lon1, lat2, lon2)
    assert way_m == pytest.approx(distance_m(lat2, lon2, lat1, lon1))
    assert 0 <= way_m <= math.pi * 6_371_009


def test_a_known_distance() -> None:
    """Paris, Notre-Dame, to London, Big Ben: 341 km by any map."""
    assert distance_m(48.8530, 2.3499, 51.5007, -0.1246) == pytest.approx(343_000, rel=0.01)
