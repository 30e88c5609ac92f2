"""What of one network's finds another has, by numbers that can be reckoned by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.areas import NOTHING, Areas
from models.detections import Detections
from models.evaluation.agreement import agreement, average_precision
from models.preprocess import Geometry
from models.ranking import Ranking

PLACE = Geometry(2, 2, 2, 2, 1.0, 1.0)


def boxes(*found: tuple[float, float, int]) -> Detections:
    """Boxes of 10x10 by their left edge, confidence and class."""
    return Detections(
        np.array([[left, 0, left + 10, 10] for left, _, _ in found], np.float32).reshape(-1, 4),
        np.array([sure for _, sure, _ in found], np.float32),
        np.array([class_id for _, _, class_id in found], np.int32),
    )


def areas(*values: int) -> Areas:
    return Areas((np.array(values, np.uint8).reshape(2, 2),), PLACE)


def ranking(*classes: int) -> Ranking:
    return Ranking(np.array(classes, np.int32), np.full(len(classes), 0.5, np.float32))


LEFT = st.integers(0, 9).map(lambda number: number * 20.0)
BOX = st.tuples(LEFT, st.floats(0.25, 1, width=32), st.integers(0, 2))
FRAME = st.lists(BOX, max_size=5, unique_by=lambda one: one[0])


@given(st.lists(FRAME, min_size=1, max_size=4))
def test_a_network_agrees_with_itself(frames: list[list[tuple[float, float, int]]]) -> None:
    found = [boxes(*frame) for frame in frames]
    expected = 1.0 if any(frames) else None
    assert agreement(found, found) == (pytest.approx(expected) if expected else None)


def test_what_is_missed_and_what_is_invented_both_cost() -> None:
    truth = [boxes((0, 0.9, 0), (20, 0.8, 0))]
    assert agreement(truth, [boxes((0, 0.9, 0))]) == pytest.approx(0.5)
    assert agreement(truth, [boxes()]) == 0.0
    # Surer than both and wrong: precision 1/2 at the first object, 2/3 at the second.
    invented = [boxes((100, 0.95, 0), (0, 0.9, 0), (20, 0.8, 0))]
    assert agreement(truth, invented) == pytest.approx(2 / 3)
    # Less sure than both and wrong costs nothing: the curve ends before it.
    assert agreement(truth, [boxes((0, 0.9, 0), (20, 0.8, 0), (100, 0.1, 0))]) == pytest.approx(1)


def test_a_box_counts_once_in_its_class_and_where_it_overlaps_enough() -> None:
    truth = [boxes((0, 0.9, 0))]
    assert agreement(truth, [boxes((0, 0.9, 0), (1, 0.95, 0))]) == pytest.approx(1)
    assert agreement(truth, [boxes((0, 0.9, 1))]) == 0.0
    assert agreement(truth, [boxes((3, 0.9, 0))]) == pytest.approx(1), "IoU 7/13"
    assert agreement(truth, [boxes((4, 0.9, 0))]) == 0.0, "IoU 6/14"


def test_classes_count_alike_however_many_objects_they_have() -> None:
    truth = [boxes((0, 0.9, 0), (20, 0.9, 0), (40, 0.9, 0), (60, 0.9, 1))]
    assert agreement(truth, [boxes((0, 0.9, 0), (20, 0.9, 0), (40, 0.9, 0))]) == pytest.approx(0.5)


def test_average_precision_is_the_area_under_the_curve() -> None:
    score = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    right = np.array([True, False, True, False])
    assert average_precision(score, right, 4) == pytest.approx(1 / 4 * 1 + 1 / 4 * 2 / 3)
    assert average_precision(score[:0], right[:0], 3) == 0.0


def test_areas_agree_by_intersection_over_union() -> None:
    truth = [areas(0, 0, 1, NOTHING)]
    assert agreement(truth, truth) == 1.0
    found = [areas(0, 1, 1, NOTHING)]
    assert agreement(truth, found) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert agreement([areas(*[NOTHING] * 4)], [areas(*[NOTHING] * 4)]) is None


def test_rankings_agree_by_their_first_class() -> None:
    truth = [ranking(1, 2), ranking(2), ranking()]
    assert agreement(truth, [ranking(1), ranking(1, 2), ranking()]) == 0.5
    assert agreement(truth, [ranking(1), ranking(2), ranking(2)]) == pytest.approx(2 / 3)
    assert agreement([ranking()], [ranking(1)]) == 0.0
    assert agreement([ranking()], [ranking()]) is None


def test_a_class_that_nobody_had_costs_as_one_that_is_lost() -> None:
    truth = [boxes((0, 0.9, 0))]
    assert agreement(truth, [boxes((0, 0.9, 0), (50, 0.9, 1))]) == 0.5
    assert agreement([boxes()], truth) == 0.0


def test_masks_that_are_lost_are_lost() -> None:
    [box] = [boxes((0.5, 0.9, 0))]
    masks = [np.zeros((10, 10), np.bool_) for _ in range(3)]
    masks[0][:], masks[1][:4] = True, True
    whole, part, none = (
        Detections(box.xyxy, box.confidence, box.class_id, (mask,)) for mask in masks
    )
    assert agreement([whole], [whole]) == 1.0
    assert agreement([whole], [part]) == 0.0, "IoU 0.4"
    assert agreement([part], [part]) == 1.0
    assert agreement([whole], [none]) == 0.0
    shifted = boxes((2.5, 0.9, 0))
    moved = Detections(shifted.xyxy, shifted.confidence, shifted.class_id, (masks[0],))
    assert agreement([whole], [moved]) == 1.0, "IoU 8/12"
