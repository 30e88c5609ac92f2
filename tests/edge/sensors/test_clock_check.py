"""The receiver's time checks ours: told once when it differs, once when it agrees again."""

import pytest

from edge.sensors.clock_check import MIN_RUN, ROLLOVER_NS, ClockCheck, Verdict
from edge.sensors.port import Fix

S = 1_000_000_000
T0 = 1_700_000_000 * S


def said(check: ClockCheck, ahead_s: float, times: int = MIN_RUN) -> list[Verdict]:
    ahead_ns = round(ahead_s * S)
    fixes = [Fix(T0 + n + ahead_ns, 0, 0, utc_ns=T0 + n) for n in range(times)]
    return [verdict for fix in fixes if (verdict := check.step(fix)) is not None]


def test_up_to_two_seconds_are_told_by_nobody() -> None:
    check = ClockCheck()
    assert said(check, 0.4, 10) == said(check, 2.0, 10) == said(check, -2.0, 10) == []


@pytest.mark.parametrize("ahead_s", [2.1, -2.1, -1.7e9])
def test_a_difference_is_told_once_and_so_is_its_end(ahead_s: float) -> None:
    check = ClockCheck()
    (differs,) = said(check, ahead_s, 20)
    assert (differs.agrees, differs.ahead_s, differs.is_rollover) == (False, ahead_s, False)
    (agrees,) = said(check, 0.1, 20)
    assert agrees.agrees


def test_one_late_sentence_is_no_difference() -> None:
    check = ClockCheck()
    for _ in range(10):
        assert said(check, 3.0, MIN_RUN - 1) == said(check, 0.1, 1) == []


def test_an_old_receiver_is_wrong_by_rounds_of_1024_weeks() -> None:
    (verdict,) = said(ClockCheck(), ROLLOVER_NS / S + 0.5)
    assert verdict.is_rollover


def test_without_a_date_nothing_is_checked() -> None:
    assert [ClockCheck().step(Fix(T0, 0, 0)) for _ in range(9)] == [None] * 9
