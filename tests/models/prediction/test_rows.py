"""What a frame showed, as plain values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.areas import NOTHING, Areas
from models.detections import Detections
from models.prediction.rows import mask_of, rows_of, runs_of
from models.preprocess import Geometry
from models.ranking import Ranking


@given(width=st.integers(1, 9), height=st.integers(1, 9), seed=st.integers(0, 200))
def test_runs_are_those_of_the_mask(width: int, height: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) > 0.5

    runs = runs_of(mask)

    assert sum(runs) == mask.size
    assert sum(runs[1::2]) == mask.sum()
    assert all(run > 0 for run in runs[1:])
    np.testing.assert_array_equal(mask_of(runs, width, height), mask)


def test_runs_go_column_by_column_and_begin_outside() -> None:
    mask = np.array([[True, False], [True, True]])
    assert runs_of(mask) == [0, 2, 1, 1]


def test_a_box_is_a_row_with_the_mask_of_the_whole_picture() -> None:
    mask = np.array([[True, False]])
    found = Detections(
        np.array([[1, 1, 3, 2]], np.float32), np.array([0.75], np.float32),
        np.array([4], np.int32), (mask,),
    )  # fmt: skip

    [row] = rows_of(found, 4, 3)

    assert row == {"class": 4, "confidence": 0.75, "box": [1, 1, 3, 2], "mask": [4, 1, 7]}


def test_areas_are_rows_of_those_that_are_there() -> None:
    found = Areas((np.array([[0, NOTHING], [2, NOTHING]], np.uint8),), Geometry(2, 2, 2, 2, 1, 1))
    assert rows_of(found, 2, 2) == [
        {"class": 0, "share": 0.25, "mask": [0, 1, 3]},
        {"class": 2, "share": 0.25, "mask": [1, 1, 2]},
    ]


def test_a_ranking_is_a_row_for_each_class() -> None:
    found = Ranking(np.array([3, 1], np.int32), np.array([0.5, 0.25], np.float32))
    assert rows_of(found, 2, 2) == [
        {"class": 3, "confidence": 0.5},
        {"class": 1, "confidence": 0.25},
    ]
