"""The YOLOX decoder against the authors' formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.families import YoloxHead
from models.heads.yolox import YoloxDecoder
from models.manifest import InputSpec, Letterbox, Thresholds
from models.preprocess import Geometry, geometry

SPEC = InputSpec(width=64, height=32, resize=Letterbox())
HEAD = YoloxHead(family="yolox", strides=(8, 16))
CLASSES = 3
ANCHORS = 8 * 4 + 4 * 2
DECODER = YoloxDecoder(HEAD, SPEC, CLASSES)
SURE = Thresholds(confidence=0.5, nms_iou=0.5)


def raw_output(seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    raw = random.normal(0, 0.7, (1, ANCHORS, 5 + CLASSES))
    raw[..., 4:] = random.uniform(0, 1, (1, ANCHORS, 1 + CLASSES))
    return raw.astype(np.float32)


def reference(
    raw: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """`demo_postprocess` of YOLOX: boxes in the input, scores and classes of every anchor."""
    out = raw[0].astype(np.float64)
    boxes = []
    anchor = 0
    for stride in HEAD.strides:
        for row in range(SPEC.height // stride):
            for column in range(SPEC.width // stride):
                cx = (out[anchor, 0] + column) * stride
                cy = (out[anchor, 1] + row) * stride
                w = np.exp(out[anchor, 2]) * stride
                h = np.exp(out[anchor, 3]) * stride
                boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
                anchor += 1
    scores = out[:, 4:5] * out[:, 5:]
    return np.array(boxes), scores.max(axis=1), scores.argmax(axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_authors_formula(seed: int) -> None:
    raw = raw_output(seed)
    place = geometry(SPEC, 100, 40)
    boxes, scores, classes = reference(raw)
    sure = scores >= 0.3

    found = DECODER.decode([raw], place, Thresholds(confidence=0.3, nms_iou=1.0))

    order = np.argsort(-scores[sure])
    expected = boxes[sure][order] / np.array([0.64, 26 / 40, 0.64, 26 / 40])
    expected = np.clip(expected, 0, [100, 40, 100, 40])
    seen = (expected[:, 2] > expected[:, 0]) & (expected[:, 3] > expected[:, 1])
    np.testing.assert_allclose(found.xyxy, expected[seen], rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(found.confidence, scores[sure][order][seen], rtol=1e-6)
    assert found.class_id.tolist() == classes[sure][order][seen].tolist()


def test_the_output_it_takes_is_that_of_the_manifest() -> None:
    assert DECODER.output_shapes == ((1, ANCHORS, 5 + CLASSES),)


def one_box(anchor: int, *values: float, score: float = 0.8) -> NDArray[np.float32]:
    raw = np.zeros((1, ANCHORS, 5 + CLASSES), np.float32)
    raw[0, anchor, :4] = values
    raw[0, anchor, 4:6] = score, 1
    return raw


@given(
    x=st.floats(-0.5, 0.5, width=16),
    y=st.floats(-0.5, 0.5, width=16),
    shift_x=st.floats(-1, 1, width=16),
    shift_y=st.floats(0, 1, width=16),
)
def test_a_shift_of_the_raw_centre_shifts_the_box(
    x: float, y: float, shift_x: float, shift_y: float
) -> None:
    place = Geometry(64, 32, 64, 32, 1.0, 1.0)
    anchor = 1 * 8 + 3

    here = DECODER.decode([one_box(anchor, x, y, 0, 0)], place, SURE).xyxy[0]
    there = DECODER.decode([one_box(anchor, x + shift_x, y + shift_y, 0, 0)], place, SURE)

    shift = np.array([shift_x, shift_y, shift_x, shift_y]) * 8
    np.testing.assert_allclose(there.xyxy[0], here + shift, atol=1e-4)


@given(factor=st.integers(1, 40))
def test_a_picture_n_times_as_large_has_boxes_n_times_as_large(factor: int) -> None:
    raw = raw_output(7)
    thresholds = Thresholds(confidence=0.2, nms_iou=0.5)

    small = DECODER.decode([raw], geometry(SPEC, 64, 32), thresholds)
    large = DECODER.decode([raw], geometry(SPEC, 64 * factor, 32 * factor), thresholds)

    np.testing.assert_allclose(large.xyxy, small.xyxy * factor, rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(large.class_id, small.class_id)


def test_boxes_end_at_the_edges_and_none_lies_in_the_padding() -> None:
    place = geometry(SPEC, 64, 16)  # the lower half of the input is padding
    padded = one_box(3 * 8 + 2, 0.5, 0.5, 0, 0)
    across = one_box(1 * 8 + 2, 0.5, 0.5, 0, 1)

    assert len(DECODER.decode([padded], place, SURE)) == 0
    assert DECODER.decode([across], place, SURE).xyxy[0, 3] == 16


def test_the_surer_of_two_boxes_of_a_class_stays() -> None:
    raw = one_box(9, 0, 0, 1, 1, score=0.7)
    raw[0, 10] = raw[0, 9]
    raw[0, 10, 0] -= 1  # one cell further, the same box
    raw[0, 10, 4] = 0.9

    found = DECODER.decode([raw], geometry(SPEC, 64, 32), SURE)

    assert found.confidence.tolist() == [np.float32(0.9)]


def test_nothing_sure_is_no_detection() -> None:
    raw = np.zeros((1, ANCHORS, 5 + CLASSES), np.float32)

    assert len(DECODER.decode([raw], geometry(SPEC, 64, 32), SURE)) == 0


def test_a_broken_networks_output_neither_overflows_nor_warns() -> None:
    raw = one_box(5, 0, 0, 1e30, 1e30)
    raw[0, 7] = np.nan

    found = DECODER.decode([raw], geometry(SPEC, 64, 32), Thresholds(confidence=0.3, nms_iou=0.5))

    assert found.xyxy.tolist() == [[0, 0, 64, 32]]
