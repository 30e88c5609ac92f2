"""How far two engines' answers are apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.engines.deviation import deviation

RNG = np.random.default_rng(3)


def yolox_like() -> NDArray[np.float32]:
    """(1, 500, 7): px in four channels, scores in three."""
    px = RNG.uniform(0, 416, (1, 500, 4))
    return np.concatenate([px, RNG.uniform(0, 1, (1, 500, 3))], axis=2).astype(np.float32)


def test_the_same_is_nothing_apart() -> None:
    a = yolox_like()

    assert deviation([a, a[0]], [a.copy(), a[0].copy()]) == 0


def test_what_fp16_rounds_is_little() -> None:
    a = yolox_like()

    assert 0 < deviation([a], [a.astype(np.float16).astype(np.float32)]) < 0.001


def test_wrong_scores_do_not_drown_in_px() -> None:
    a = yolox_like()
    b = a.copy()
    b[..., 5] = RNG.uniform(0, 1, (1, 500))

    assert deviation([a], [b]) > 0.3


def test_channels_that_come_first_are_told_apart_too() -> None:
    a = np.moveaxis(yolox_like(), 2, 1)
    b = a.copy()
    b[:, 6] = 0

    assert deviation([a], [b]) == pytest.approx(1, rel=1e-6)
    assert deviation([a[:, None]], [b[:, None]]) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(
    "shape", [(1, 3, 20, 20, 9), (1, 3, 9, 20, 20), (1, 9, 5, 4), (1, 5, 4, 9), (1, 9, 20, 20)]
)
def test_grids_and_anchors_hide_no_channel(shape: tuple[int, ...]) -> None:
    """YOLOv5's raw grids, and others: four channels of px, and scores, wherever they stand."""
    axis = shape.index(9)
    a = np.moveaxis(np.empty(shape, np.float32), axis, -1)
    a[..., :4] = RNG.uniform(0, 416, a[..., :4].shape)
    a[..., 4:] = RNG.uniform(0, 1, a[..., 4:].shape)
    b = a.copy()
    b[..., 6] = 0

    off = deviation([np.moveaxis(a, -1, axis)], [np.moveaxis(b, -1, axis)])

    assert off == pytest.approx(1, rel=1e-6)


@given(st.floats(1e-3, 0.5))
def test_a_scaled_answer_is_off_by_its_scale(share: float) -> None:
    a = np.linspace(1, 2, 30, dtype=np.float64).reshape(1, 3, 10)

    assert deviation([a], [a * (1 + share)]) == pytest.approx(share)


def test_scores_that_nobody_would_see_may_be_rounded_away() -> None:
    a = np.stack([np.full(100, 0.9), np.full(100, 1e-6)])[None]
    b = np.stack([np.full(100, 0.9), np.zeros(100)])[None]

    assert deviation([a], [b]) < 0.01


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_no_number_where_the_other_has_one_is_infinitely_far(value: float) -> None:
    a = np.ones((1, 4), np.float32)
    b = a.copy()
    b[0, 2] = value

    assert deviation([a], [b]) == np.inf
    assert deviation([b], [b]) == 0


def test_other_shapes_and_numbers_of_outputs_are_infinitely_far() -> None:
    a = np.ones((1, 4), np.float32)

    assert deviation([a], [a.T]) == np.inf
    assert deviation([a], [a, a]) == np.inf
    assert deviation([], []) == 0
    assert deviation([np.zeros((1, 0))], [np.zeros((1, 0))]) == 0
