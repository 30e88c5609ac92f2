"""Ranges behave as the set of integers that they stand for."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.publish.ranges import Ranges

SPANS = st.tuples(st.integers(1, 60), st.integers(-2, 15))
STEPS = st.lists(st.tuples(st.booleans(), SPANS), max_size=25)


@given(STEPS)
def test_ranges_are_a_set_of_integers(steps: list[tuple[bool, tuple[int, int]]]) -> None:
    ranges, model = Ranges(), set[int]()
    for adds, (first, length) in steps:
        last = first + length
        (ranges.add if adds else ranges.remove)(first, last)
        numbers = set(range(first, last + 1))
        model = model | numbers if adds else model - numbers
        held = list(ranges)
        assert {n for low, high in held for n in range(low, high + 1)} == model
        assert all(end + 1 < start for (_, end), (start, _) in itertools.pairwise(held))
        assert ranges.count == len(model)
        assert bool(ranges) == bool(model)
        assert all((n in ranges) == (n in model) for n in range(80))


def test_starting_at_gives_the_rest_of_the_range() -> None:
    ranges = Ranges()
    ranges.add(5, 9)
    assert ranges.starting_at(7) == (7, 9)
    assert ranges.starting_at(10) is None
    assert ranges.first() == (5, 9)


def test_a_copy_is_independent() -> None:
    ranges = Ranges()
    ranges.add(1, 3)
    twin = ranges.copy()
    ranges.remove(2, 2)
    assert list(twin) == [(1, 3)]


def test_an_empty_set_has_no_first_range() -> None:
    with pytest.raises(IndexError):
        Ranges().first()
