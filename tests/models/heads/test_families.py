"""Every family of detectors against its authors' formula, and in other places of a picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detections import Detections
from models.manifest import Thresholds
from models.preprocess import Geometry
from tests.support.head_references import HEIGHT, REFERENCES, WIDTH, Reference

ALL = pytest.mark.parametrize("reference", REFERENCES, ids=lambda one: one.name)
EVERYTHING = Thresholds(confidence=0.0, nms_iou=1.0)


def place(scale_x: float = 1.0, scale_y: float = 1.0, left: int = 0, top: int = 0) -> Geometry:
    """A picture so large that no box is cut, somewhere in the input."""
    return Geometry(100_000, 100_000, WIDTH, HEIGHT, scale_x, scale_y, left, top)


def sorted_rows(found: Detections) -> NDArray[np.float64]:
    rows = np.column_stack([found.xyxy, found.confidence, found.class_id]).astype(np.float64)
    return rows[np.lexsort(rows.T)]


@ALL
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_authors_formula(reference: Reference, seed: int) -> None:
    raw = reference.outputs(np.random.default_rng(seed))
    # As far from the edges as the picture is large: what is compared is the formula.
    middle = place(left=-5000, top=-5000)

    found = reference.decoder.decode(raw, middle, Thresholds(confidence=0.3, nms_iou=1.0))

    expected = np.array([box for box in reference.boxes(raw) if box[4] >= 0.3])
    assert len(expected) > 5
    expected[:, :4] += 5000
    order = np.argsort(-expected[:, 4])
    np.testing.assert_allclose(found.confidence, expected[order, 4], atol=1e-6)
    np.testing.assert_allclose(found.xyxy, expected[order, :4], atol=1e-3)
    assert found.class_id.tolist() == expected[order, 5].astype(int).tolist()


@ALL
@given(
    seed=st.integers(0, 1000), left=st.integers(-3000, -1000), top=st.integers(-3000, -1000),
    zoom=st.sampled_from([0.25, 0.5, 2.0]),
)  # fmt: skip
def test_boxes_move_and_grow_with_the_picture(
    reference: Reference, seed: int, left: int, top: int, zoom: float
) -> None:
    raw = reference.outputs(np.random.default_rng(seed))

    at_home = reference.decoder.decode(raw, place(left=-1000, top=-1000), EVERYTHING)
    away = reference.decoder.decode(raw, place(zoom, zoom * 2, left, top), EVERYTHING)

    expected = at_home.xyxy - np.float32(1000) - np.array([left, top, left, top], np.float32)
    expected /= np.array([zoom, zoom * 2] * 2, np.float32)
    np.testing.assert_allclose(away.xyxy, expected, rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(away.class_id, at_home.class_id)


@ALL
def test_the_outputs_that_it_takes_are_those_of_the_network(reference: Reference) -> None:
    raw = reference.outputs(np.random.default_rng(1))
    shapes = reference.decoder.output_shapes
    assert len(shapes) == len(raw)
    for shape, array in zip(shapes, raw, strict=True):
        assert len(shape) == array.ndim
        assert all(a in (None, b) for a, b in zip(shape, array.shape, strict=True))


@ALL
def test_nothing_is_found_where_nothing_is_sure(reference: Reference) -> None:
    raw = reference.outputs(np.random.default_rng(1))
    found = reference.decoder.decode(raw, place(), Thresholds(confidence=1.0, nms_iou=0.5))
    assert len(found) == 0


@ALL
def test_there_is_no_cap_on_what_is_found(reference: Reference) -> None:
    raw = reference.outputs(np.random.default_rng(2))
    found = reference.decoder.decode(raw, place(left=-5000, top=-5000), EVERYTHING)
    assert len(found) == len(reference.boxes(raw))


@ALL
def test_only_families_that_need_it_suppress(reference: Reference) -> None:
    raw = reference.outputs(np.random.default_rng(3))
    middle = place(left=-5000, top=-5000)
    strict = Thresholds(confidence=0.0, nms_iou=0.0)
    every = sorted_rows(reference.decoder.decode(raw, middle, EVERYTHING))
    left = sorted_rows(reference.decoder.decode(raw, middle, strict))
    assert (len(left) < len(every)) is reference.suppresses


@ALL
def test_a_broken_network_breaks_nothing(reference: Reference) -> None:
    for value in (np.nan, np.inf, -np.inf, 1e30):
        raw = [np.full_like(array, value) for array in reference.outputs(np.random.default_rng(4))]
        with np.errstate(all="ignore"):
            found = reference.decoder.decode(raw, place(), Thresholds())
        assert np.isfinite(found.xyxy).all()
