"""The time by which expiry is judged."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Root, Targets

from edge.ota.time_floor import BUILT, reference, risen_s, signed_at
from tests.support.small_repository import DAY_S, NOW, NOW_S
from tests.support.trusting_device import refused


def role(days: float) -> Targets:
    return Targets(expires=NOW + timedelta(days=days))


def signed_on(text: object) -> Root:
    return Root(expires=NOW, unrecognized_fields={"x-wayside": {"signed_at": text}})


def test_the_build_is_not_in_the_future() -> None:
    assert datetime.now(timezone.utc) + timedelta(days=1) >= BUILT


def test_the_clock_counts_where_it_is_past_the_floor() -> None:
    assert reference(NOW_S, 0, is_kept=True).time == NOW


@pytest.mark.parametrize("now_s", [0.0, -1e18, 63_072_000.0, float("-inf")])
def test_the_floor_counts_where_the_clock_is_behind_it(now_s: float) -> None:
    assert reference(now_s, 0, is_kept=False).time == BUILT
    assert reference(now_s, NOW_S, is_kept=True).time == NOW


@pytest.mark.parametrize("now_s", [1e18, float("inf")])
def test_a_clock_beyond_every_calendar_is_only_far_ahead(now_s: float) -> None:
    with refused("clock", "9999-01-01"):
        reference(now_s, NOW_S, is_kept=False).require_fresh("targets", role(30))


def test_what_has_not_expired_is_fresh_whatever_is_said_of_the_clock() -> None:
    for is_kept in (True, False):
        reference(NOW_S, NOW_S, is_kept=is_kept).require_fresh("targets", role(1))


def test_expired_by_a_kept_clock_or_by_the_floor_is_expired() -> None:
    with refused(
        "expired", "targets: version 1 expired at 2027-02-28", "it is 2027-03-01 12:00 UTC"
    ):
        reference(NOW_S, 0, is_kept=True).require_fresh("targets", role(-1))
    with refused("expired", "at least, though the clock says 1972-01-01", "the clock is wrong"):
        reference(63_072_000.0, NOW_S, is_kept=False).require_fresh("targets", role(-1))


def test_expired_only_by_a_clock_that_nothing_keeps_names_the_clock() -> None:
    ahead = reference(NOW_S + 400 * DAY_S, NOW_S, is_kept=False)
    with refused("clock", "if the clock is right, which says 2028-04-04", "NTP"):
        ahead.require_fresh("timestamp", role(1))


def test_expiry_is_at_the_second_it_says() -> None:
    reference(NOW_S - 1, 0, is_kept=True).require_fresh("targets", role(0))
    with refused("expired"):
        reference(NOW_S, 0, is_kept=True).require_fresh("targets", role(0))


def test_only_a_kept_clock_raises_the_floor() -> None:
    assert risen_s(reference(NOW_S, 0, is_kept=True), []) == NOW_S
    assert risen_s(reference(NOW_S, 0, is_kept=False), []) == BUILT.timestamp()


def test_dates_of_offline_signers_raise_the_floor() -> None:
    at = reference(0, 0, is_kept=False)
    later = signed_on("2027-02-01T00:00:00Z")
    assert risen_s(at, [later, signed_on("2027-01-01T00:00:00Z")]) == 1_801_440_000
    assert signed_at(later) == datetime(2027, 2, 1, tzinfo=timezone.utc)


@pytest.mark.parametrize("said", [None, 5, "", "2027", "2027-13-01T00:00:00Z", ["2027"]])
def test_what_is_no_date_raises_nothing(said: object) -> None:
    assert signed_at(signed_on(said)) is None
    assert signed_at(Root(unrecognized_fields={"x-wayside": said})) is None
    assert signed_at(Root()) is None


@given(
    st.lists(st.tuples(st.floats(0, 4e9), st.booleans()), max_size=20),
)
def test_the_floor_never_falls(clocks: list[tuple[float, bool]]) -> None:
    floor_s = 0
    for now_s, is_kept in clocks:
        risen = risen_s(reference(now_s, floor_s, is_kept=is_kept), [])
        assert risen >= floor_s
        floor_s = risen
