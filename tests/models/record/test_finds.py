"""Finds of two engines agree where both are sure."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.prediction.rows import Row, runs_of
from models.record.finds import agreement_of

SIZE = (20, 10)


def box(left: float, confidence: float = 0.9, class_id: int = 0) -> Row:
    return {"class": class_id, "confidence": confidence, "box": [left, 0, left + 4, 4]}


def boxes(expected: list[Row], found: list[Row]) -> float:
    return agreement_of("detection", [expected], [found], [SIZE], 0.6)


def test_what_is_sure_must_be_found() -> None:
    assert boxes([box(0), box(8)], [box(0), box(8.2, 0.5)]) == 1.0
    assert boxes([box(0), box(8)], [box(0)]) == pytest.approx(2 / 3)
    assert boxes([box(0)], [box(0), box(8)]) == pytest.approx(2 / 3)
    assert boxes([box(0)], [box(0, class_id=1)]) == 0.0
    assert boxes([box(0)], [box(3)]) == 0.0
    assert boxes([], []) == 1.0


def test_what_is_near_the_threshold_is_neither_demanded_nor_forbidden() -> None:
    assert boxes([box(0), box(8, 0.55)], [box(0)]) == 1.0
    assert boxes([box(0)], [box(0), box(8, 0.55)]) == 1.0
    assert boxes([box(0, 0.55)], [box(0, 0.65)]) == 1.0


def test_one_box_stands_for_one_object() -> None:
    assert boxes([box(0), box(1)], [box(0.5), box(12, 0.4)]) == pytest.approx(2 / 3)


ROWS = st.lists(
    st.builds(box, st.floats(0, 16), st.floats(0.4, 1.0), st.integers(0, 1)), max_size=6
)


@given(a=ROWS, b=ROWS)
@settings(max_examples=60)
def test_it_is_the_same_both_ways_and_whole_with_itself(a: list[Row], b: list[Row]) -> None:
    assert boxes(a, a) == 1.0
    assert boxes(a, b) == boxes(b, a)
    assert 0.0 <= boxes(a, b) <= 1.0


def area(columns: int, class_id: int = 0) -> Row:
    mask = np.zeros(SIZE[::-1], np.bool_)
    mask[:, :columns] = True
    return {"class": class_id, "share": columns / 20, "mask": runs_of(mask)}


def areas(expected: list[Row], found: list[Row]) -> float:
    return agreement_of("segmentation", [expected], [found], [SIZE], 0.6)


def test_areas_agree_by_what_they_share_of_each_class() -> None:
    assert areas([area(10), area(20, 1)], [area(10), area(20, 1)]) == 1.0
    assert areas([area(10), area(20, 1)], [area(5), area(20, 1)]) == pytest.approx(0.75)
    assert areas([area(10)], [area(10), area(20, 1)]) == pytest.approx(0.5)
    assert areas([area(10)], []) == 0.0
    assert areas([], []) == 1.0


def test_rankings_agree_by_their_first_class_where_it_is_sure() -> None:
    def first(class_id: int, confidence: float) -> list[Row]:
        return [{"class": class_id, "confidence": confidence}]

    expected = [first(0, 0.9), first(1, 0.9), first(2, 0.5), []]
    found = [first(0, 0.7), first(2, 0.9), first(0, 0.9), first(1, 0.9)]

    assert agreement_of("classification", expected, found, [SIZE] * 4, 0.6) == 0.5
    assert agreement_of("classification", [[]], [[]], [SIZE], 0.6) == 1.0
