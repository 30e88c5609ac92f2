"""Percentiles of what was kept stand for all round trips."""

from cloud.simulate.tally import Tally


def test_percentiles() -> None:
    tally = Tally()
    assert tally.percentile_s(0.5) is None
    for number in range(100):
        tally.round_trip(float(number))
    assert (tally.percentile_s(0.5), tally.percentile_s(0.95)) == (50.0, 95.0)
    assert tally.percentile_s(1.0) == 99.0
    assert tally.receipted == 100


def test_long_run_keeps_a_fair_sample() -> None:
    tally = Tally()
    for number in range(100_000):
        tally.round_trip(float(number))
    median = tally.percentile_s(0.5)
    assert median is not None
    assert 45_000 < median < 55_000
