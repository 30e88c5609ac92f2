"""Faults come as often as asked for."""

import random

from cloud.simulate.faults import Faults

SENDINGS = 4_000


def delays(duplicates: float, reorder: float) -> list[list[float]]:
    faults = Faults(duplicates, reorder, random.Random(5))
    return [faults.delays_s() for _ in range(SENDINGS)]


def test_without_faults_everything_goes_out_once_and_at_once() -> None:
    assert delays(0.0, 0.0) == [[0.0]] * SENDINGS


def test_shares_are_kept() -> None:
    found = delays(0.3, 0.1)
    assert 0.27 < sum(len(each) == 2 for each in found) / SENDINGS < 0.33
    assert 0.08 < sum(each[0] > 0 for each in found) / SENDINGS < 0.12
    assert max(max(each) for each in found) <= 2.0


def test_share_of_one_means_always() -> None:
    assert all(len(each) == 2 and each[0] > 0 for each in delays(1.0, 1.0))
