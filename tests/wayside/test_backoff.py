"""Waits grow, stay within their limits, and differ."""

import random

from hypothesis import given
from hypothesis import strategies as st

from wayside.backoff import Backoff


@given(
    initial_s=st.floats(0.01, 10),
    times=st.floats(1, 1000),
    seed=st.integers(),
    count=st.integers(1, 40),
)
def test_waits_stay_between_the_shortest_and_the_longest(
    initial_s: float, times: float, seed: int, count: int
) -> None:
    backoff = Backoff(initial_s, initial_s * times, rng=random.Random(seed))
    waits = [backoff.next_s() for _ in range(count)]
    assert waits[0] == initial_s
    assert all(initial_s <= wait <= initial_s * times * 1.000001 for wait in waits)


def test_waits_grow_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(1.0, 64.0, rng=random.Random(1))
    for _ in range(20):
        backoff.next_s()
    later = [backoff.next_s() for _ in range(200)]
    assert sum(later) / len(later) > 20
    assert len(set(later)) > 190
    backoff.reset()
    assert backoff.next_s() == 1.0
    assert backoff.next_s() <= 2.0
