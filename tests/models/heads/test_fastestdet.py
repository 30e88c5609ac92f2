"""The FastestDet decoder against the authors' formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.families import FastestDetHead
from models.heads.fastestdet import FastestDetDecoder
from models.manifest import InputSpec, Plain, Thresholds
from models.preprocess import geometry

SPEC = InputSpec(width=64, height=48, resize=Plain())
CLASSES = 4
ROWS, COLUMNS = 3, 4
DECODER = FastestDetDecoder(FastestDetHead(family="fastestdet"), SPEC, CLASSES)


def raw_output(seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    raw = random.normal(0, 1, (1, 5 + CLASSES, ROWS, COLUMNS))
    raw[:, 0] = random.uniform(0, 1, (1, ROWS, COLUMNS))
    raw[:, 5:] = random.uniform(0, 1, (1, CLASSES, ROWS, COLUMNS))
    return raw.astype(np.float32)


def reference(
    raw: NDArray[np.float32], width: int, height: int, threshold: float
) -> list[tuple[float, int, list[float]]]:
    """`detection` of the authors' onnx-runtime example, in float64: score, class, box."""
    out = raw[0].astype(np.float64)
    found = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            objectness, tx, ty, tw, th = out[:5, row, column]
            class_id = int(out[5:, row, column].argmax())
            score = objectness**0.6 * out[5 + class_id, row, column] ** 0.4
            if score < threshold:
                continue
            cx, cy = (column + np.tanh(tx)) / COLUMNS, (row + np.tanh(ty)) / ROWS
            w, h = 1 / (1 + np.exp(-tw)), 1 / (1 + np.exp(-th))
            box = [
                np.clip((cx - w / 2) * width, 0, width),
                np.clip((cy - h / 2) * height, 0, height),
                np.clip((cx + w / 2) * width, 0, width),
                np.clip((cy + h / 2) * height, 0, height),
            ]
            if box[2] > box[0] and box[3] > box[1]:
                found.append((score, class_id, box))
    return sorted(found, key=lambda item: -item[0])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threshold", [0.05, 0.5, 0.65])
def test_it_is_the_authors_formula(seed: int, threshold: float) -> None:
    raw = raw_output(seed)
    expected = reference(raw, 200, 90, threshold)

    found = DECODER.decode(
        [raw], geometry(SPEC, 200, 90), Thresholds(confidence=threshold, nms_iou=1.0)
    )

    assert found.class_id.tolist() == [class_id for _, class_id, _ in expected]
    np.testing.assert_allclose(found.confidence, [score for score, _, _ in expected], rtol=1e-5)
    boxes = np.array([box for _, _, box in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.xyxy, boxes, rtol=1e-4, atol=1e-3)


def test_the_output_it_takes_is_that_of_the_manifest() -> None:
    assert DECODER.output_shapes == ((1, 5 + CLASSES, ROWS, COLUMNS),)


@given(x=st.integers(1, 40), y=st.integers(1, 40))
def test_boxes_scale_with_the_picture(x: int, y: int) -> None:
    raw = raw_output(3)
    thresholds = Thresholds(confidence=0.3, nms_iou=0.5)

    small = DECODER.decode([raw], geometry(SPEC, 64, 48), thresholds)
    large = DECODER.decode([raw], geometry(SPEC, 64 * x, 48 * y), thresholds)

    np.testing.assert_allclose(large.xyxy, small.xyxy * [x, y, x, y], rtol=1e-4, atol=1e-2)
    np.testing.assert_array_equal(large.class_id, small.class_id)


def one_box(row: int, column: int, tw: float = -3.0, th: float = -3.0) -> NDArray[np.float32]:
    raw = np.zeros((1, 5 + CLASSES, ROWS, COLUMNS), np.float32)
    raw[0, :6, row, column] = 0.9, 0.4, 0.2, tw, th, 0.9
    return raw


@given(row=st.integers(0, ROWS - 2), column=st.integers(0, COLUMNS - 2))
def test_the_next_cells_box_lies_one_cell_further(row: int, column: int) -> None:
    place = geometry(SPEC, 64, 48)
    thresholds = Thresholds(confidence=0.65, nms_iou=0.5)

    here = DECODER.decode([one_box(row, column)], place, thresholds).xyxy
    there = DECODER.decode([one_box(row + 1, column + 1)], place, thresholds).xyxy

    assert len(here) == 1
    np.testing.assert_allclose(there, here + 16, atol=1e-4)


def test_nothing_sure_is_no_detection() -> None:
    raw = np.zeros((1, 5 + CLASSES, ROWS, COLUMNS), np.float32)

    thresholds = Thresholds(confidence=0.65, nms_iou=0.5)
    assert len(DECODER.decode([raw], geometry(SPEC, 64, 48), thresholds)) == 0


def test_a_broken_networks_output_neither_overflows_nor_warns() -> None:
    raw = one_box(1, 1, tw=-1e30, th=1e30)
    raw[0, 5, 0, 0] = -1
    raw[0, :, 2, 2] = np.nan

    thresholds = Thresholds(confidence=0.0, nms_iou=0.5)
    found = DECODER.decode([raw], geometry(SPEC, 64, 48), thresholds)

    assert np.isfinite(found.xyxy).all()
    assert np.isfinite(found.confidence).all()
