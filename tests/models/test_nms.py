"""Suppression and overlap, by their properties."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.nms import area, iou, nms

Boxes = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]


@st.composite
def boxes(draw: st.DrawFn, max_size: int = 30) -> Boxes:
    """Boxes on a coarse grid, so that many overlap, with scores that differ."""
    count = draw(st.integers(0, max_size))
    corner = draw(hnp.arrays(np.int32, (count, 2), elements=st.integers(0, 12)))
    size = draw(hnp.arrays(np.int32, (count, 2), elements=st.integers(0, 9)))
    order = draw(st.permutations(range(count)))
    confidence = (np.array(order, np.float32) + 1) / np.float32(count + 1)
    class_id = draw(hnp.arrays(np.int32, count, elements=st.integers(0, 2)))
    xyxy = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    return xyxy, confidence.astype(np.float32), class_id


thresholds = st.sampled_from([0.0, 0.3, 0.45, 0.7, 1.0])


def select(found: Boxes, index: NDArray[np.intp]) -> Boxes:
    return found[0][index], found[1][index], found[2][index]


def plain_nms(found: Boxes, threshold: float) -> list[int]:
    """The textbook's loop."""
    xyxy, confidence, class_id = found
    kept: list[int] = []
    for index in sorted(range(len(xyxy)), key=lambda i: -confidence[i]):
        rivals = (k for k in kept if class_id[k] == class_id[index])
        if all(plain_iou(xyxy[k], xyxy[index]) <= threshold for k in rivals):
            kept.append(index)
    return kept


def plain_iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(width, 0)) * float(max(height, 0))
    both = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])) - shared
    return shared / both if both > 0 else 0.0


@given(boxes(), thresholds)
def test_it_is_the_textbooks_loop(found: Boxes, threshold: float) -> None:
    assert nms(*found, threshold).tolist() == plain_nms(found, np.float32(threshold))


@given(boxes(), thresholds)
def test_a_second_time_changes_nothing(found: Boxes, threshold: float) -> None:
    kept = select(found, nms(*found, threshold))

    assert nms(*kept, threshold).tolist() == list(range(len(kept[0])))


@given(boxes(), thresholds, st.integers(0, 2**32 - 1))
def test_the_order_of_the_input_does_not_matter(found: Boxes, threshold: float, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(found[0]))

    kept = nms(*found, threshold)
    shuffled = nms(*select(found, order), threshold)

    assert order[shuffled].tolist() == kept.tolist()


@given(boxes(), thresholds)
def test_none_of_one_class_overlaps_and_none_is_lost_without_a_reason(
    found: Boxes, threshold: float
) -> None:
    kept = nms(*found, threshold)
    xyxy, confidence, class_id = found
    overlap = (iou(xyxy, xyxy) > threshold) & (class_id[:, None] == class_id[None, :])

    pairs = overlap[np.ix_(kept, kept)]
    assert not pairs[~np.eye(len(kept), dtype=bool)].any()
    for lost in set(range(len(xyxy))) - set(kept.tolist()):
        surer = kept[confidence[kept] >= confidence[lost]]
        assert overlap[lost, surer].any()


def test_of_equally_sure_boxes_the_first_stays() -> None:
    xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10]], np.float32)

    assert nms(xyxy, np.ones(2, np.float32), np.zeros(2, np.int32), 0.5).tolist() == [0]


def test_thousands_of_boxes_are_the_textbooks_loop_too() -> None:
    random = np.random.default_rng(5)
    corner = random.uniform(0, 600, (900, 2))
    xyxy = np.concatenate([corner, corner + random.uniform(20, 90, (900, 2))], axis=1)
    found = (
        xyxy.astype(np.float32),
        (random.permutation(900) / 900).astype(np.float32),
        random.integers(0, 3, 900).astype(np.int32),
    )

    assert nms(*found, 0.4).tolist() == plain_nms(found, 0.4)


def column(count: int) -> Boxes:
    """So many boxes of one class, all in one column: every two of them are a pair."""
    random = np.random.default_rng(6)
    top = random.uniform(0, 4000, count)
    edges = [np.zeros(count), top, np.full(count, 50.0), top + random.uniform(20, 90, count)]
    confidence = random.permutation(count) / count
    return (
        np.stack(edges, axis=1).astype(np.float32),
        confidence.astype(np.float32),
        np.zeros(count, np.int32),
    )


@pytest.mark.parametrize("count", [900, 1200])
def test_more_pairs_than_are_held_at_once_change_nothing(count: int) -> None:
    """900 boxes are 404,550 pairs, 1,200 are 719,400; half a million are held."""
    found = column(count)
    assert nms(*found, 0.4).tolist() == plain_nms(found, 0.4)


def test_a_chain_of_boxes_each_of_which_ends_the_next() -> None:
    left = np.arange(400, dtype=np.float32)[:, None] * 3
    xyxy = np.concatenate([left, left * 0, left + 10, left * 0 + 10], axis=1)
    found = xyxy, np.linspace(1, 0.1, 400, dtype=np.float32), np.zeros(400, np.int32)
    assert nms(*found, 0.5).tolist() == list(range(0, 400, 2))


def test_boxes_beyond_every_picture_and_without_edges_harm_nobody() -> None:
    found = column(30)
    xyxy = found[0].copy()
    xyxy[3], xyxy[7], xyxy[9] = np.inf, np.nan, [-1e30, 0, 1e30, 10]
    whole = np.delete(np.arange(30), [3, 7, 9])
    with np.errstate(all="ignore"):
        kept = nms(xyxy, found[1], found[2], 0.4)
    alone = whole[nms(*select(found, whole), 0.4)]
    assert [one for one in kept.tolist() if one in whole] == alone.tolist()


@given(boxes(12), boxes(12))
def test_iou_is_the_textbooks_and_symmetric(first: Boxes, second: Boxes) -> None:
    a, b = first[0], second[0]

    overlap = iou(a, b)

    assert overlap.shape == (len(a), len(b))
    assert overlap.dtype == np.float32
    expected = [[plain_iou(one, other) for other in b] for one in a]
    np.testing.assert_allclose(overlap, np.reshape(expected, overlap.shape), atol=1e-6)
    np.testing.assert_array_equal(overlap, iou(b, a).T)


def test_a_box_overlaps_itself_wholly_and_an_empty_one_nothing() -> None:
    xyxy = np.array([[1, 1, 4, 5], [2, 2, 2, 2], [4, 4, 3, 3]], np.float32)

    assert np.diag(iou(xyxy, xyxy)).tolist() == [1, 0, 0]
    assert area(xyxy).tolist() == pytest.approx([12, 0, 0])
