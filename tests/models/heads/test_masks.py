"""Masks of boxes: YOLACT's formula, at the picture's own pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detections import pixels_of
from models.families import YoloV8Head
from models.heads.masks import box_masks
from models.heads.yolov8 import YoloV8Decoder
from models.manifest import InputSpec, Letterbox, Thresholds
from models.preprocess import Geometry, geometry

STRIDE = 4
ROWS, COLUMNS = 8, 16


def value_at(logits: NDArray[np.float64], x: float, y: float) -> float:
    """Bilinear interpolation between the middles of the cells, flat beyond the outer ones."""
    x, y = min(max(x - 0.5, 0), COLUMNS - 1), min(max(y - 0.5, 0), ROWS - 1)
    column, row = min(math.floor(x), COLUMNS - 2), min(math.floor(y), ROWS - 2)
    right, low = x - column, y - row
    upper = logits[row, column] * (1 - right) + logits[row, column + 1] * right
    lower = logits[row + 1, column] * (1 - right) + logits[row + 1, column + 1] * right
    return float(upper * (1 - low) + lower * low)


def reference(
    weights: NDArray[np.float32], prototypes: NDArray[np.float32], box: NDArray[np.float32],
    place: Geometry,
) -> NDArray[np.float64]:  # fmt: skip
    """The weighted sum at each pixel of a box."""
    logits = np.tensordot(weights.astype(np.float64), prototypes.astype(np.float64), 1)
    left, top, right, bottom = pixels_of(box)
    found = np.empty((bottom - top, right - left))
    for row, y in enumerate(range(top, bottom)):
        for column, x in enumerate(range(left, right)):
            input_x = (x + 0.5) * place.scale_x + place.pad_left
            input_y = (y + 0.5) * place.scale_y + place.pad_top
            found[row, column] = value_at(logits, input_x / STRIDE, input_y / STRIDE)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_authors_formula(seed: int) -> None:
    random = np.random.default_rng(seed)
    place = Geometry(120, 40, 64, 32, 64 / 120, 22 / 40, 0, 5)
    prototypes = random.normal(0, 1, (5, ROWS, COLUMNS)).astype(np.float32)
    weights = random.normal(0, 1, (3, 5)).astype(np.float32)
    boxes = np.array([[0, 0, 120, 40], [3.4, 2.6, 50.2, 39.9], [100, 30, 100.5, 40]], np.float32)

    masks = box_masks(weights, prototypes, STRIDE, boxes, place)

    for mask, weight, box in zip(masks, weights, boxes, strict=True):
        expected = reference(weight, prototypes, box, place)
        assert mask.shape == expected.shape
        clear = np.abs(expected) > 1e-5
        np.testing.assert_array_equal(mask[clear], expected[clear] > 0)


@given(left=st.integers(2, 40), top=st.integers(2, 20), wide=st.integers(3, 20))
def test_a_mask_lies_where_its_object_does(left: int, top: int, wide: int) -> None:
    """A square in the prototype, seen through a zoom of 4: its edge is found to half a cell."""
    place = Geometry(256, 128, 64, 32, 0.25, 0.25)
    y, x = np.mgrid[0:ROWS, 0:COLUMNS] * STRIDE * 4 + 8
    inside = (x > left) & (x < left + wide * 8) & (y > top) & (y < top + wide * 4)
    prototypes = np.where(inside, 1, -1).astype(np.float32)[None]

    [mask] = box_masks(
        np.ones((1, 1), np.float32), prototypes, STRIDE,
        np.array([[0, 0, 256, 128]], np.float32), place,
    )  # fmt: skip

    assert mask[y[inside], x[inside]].all()
    assert not mask[y[~inside], x[~inside]].any()


def test_the_head_gives_each_box_that_stays_its_own_mask() -> None:
    spec = InputSpec(width=64, height=32, resize=Letterbox(anchor="centre"))
    decoder = YoloV8Decoder(YoloV8Head(family="yolov8", strides=(8,), masks=2), spec, 2)
    assert decoder.output_shapes == ((1, 8, 32), (1, 2, ROWS, COLUMNS))
    raw = np.zeros((1, 8, 32), np.float32)
    raw[0, :, 3] = 16, 16, 16, 16, 0.0, 0.6, 1, 0
    raw[0, :, 7] = 48, 16, 16, 16, 0.9, 0.0, 0, 1
    raw[0, :, 9] = 16, 16, 17, 16, 0.0, 0.5, 0, 1  # goes: the first overlaps it
    prototypes = np.stack([np.ones((ROWS, COLUMNS)), -np.ones((ROWS, COLUMNS))])

    found = decoder.decode(
        [raw, prototypes[None].astype(np.float32)], geometry(spec, 64, 16), Thresholds()
    )

    assert found.class_id.tolist() == [0, 1]
    np.testing.assert_allclose(found.xyxy, [[40, 0, 56, 16], [8, 0, 24, 16]])
    assert found.masks is not None
    assert not found.masks[0].any()
    assert found.masks[1].all()
    [second] = found[np.array([1])].masks or ()
    assert second is found.masks[1]
