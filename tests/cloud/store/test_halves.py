"""Halves against sets."""

import math

from hypothesis import given
from hypothesis import strategies as st

from cloud.store.halves import Refusal, refused_of


@given(st.integers(0, 200), st.sets(st.integers(0, 199), max_size=5))
def test_exactly_the_bad_ones_are_found_in_few_tries(number: int, bad: set[int]) -> None:
    taken: set[int] = set()
    tries = 0

    def attempt(lot: list[int]) -> Refusal | None:
        nonlocal tries
        tries += 1
        if bad.intersection(lot):
            return Refusal(f"one of {len(lot)}")
        taken.update(lot)
        return None

    items = list(range(number))
    refused = refused_of(items, attempt)  # type: ignore[arg-type]

    here = bad.intersection(items)
    assert refused == [(item, "one of 1") for item in sorted(here)]
    assert taken == set(items) - here
    assert tries <= 1 + 2 * len(here) * (1 + math.log2(max(number, 1)))


def test_when_every_one_is_bad_none_is_tried_alone() -> None:
    tries: list[int] = []

    def attempt(lot: object) -> Refusal:
        tries.append(1)
        return Refusal("all of them", whole=True)

    assert refused_of(["a", "b"], attempt) == [("a", "all of them"), ("b", "all of them")]
    assert len(tries) == 1
