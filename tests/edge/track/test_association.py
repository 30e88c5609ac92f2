"""Who belongs to whom: ByteTrack's stages, and an assignment that is the best there is."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edge.track.association import Expected, assign, associate
from edge.track.settings import TrackerSettings
from models.detections import Detections
from tests.edge.track.boxes import Box, at, detections

SETTINGS = TrackerSettings()
matrices = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: npst.arrays(
        np.float32, shape, elements=st.sampled_from([0.0, 0.0, 0.25, 0.5, 0.75, 1.0])
    )
)


def found(
    tracks: list[Box],
    seen: Detections,
    class_id: int = 0,
    confirmed: bool | list[bool] = True,
    tracked: bool | list[bool] = True,
    margin_px: float = 0.0,
    reach_px: float = 100.0,
) -> list[int]:
    count = len(tracks)
    expected = Expected(
        np.array(tracks, np.float32).reshape(-1, 4).T.copy(),
        np.full(count, margin_px, np.float32),
        np.full(count, reach_px, np.float32),
        np.full(count, class_id, np.int32),
        np.broadcast_to(np.array(confirmed), (count,)),
        np.broadcast_to(np.array(tracked), (count,)),
    )
    result: list[int] = associate(expected, seen, seen.xyxy.T.copy(), SETTINGS).tolist()
    return result


def best_total(score: NDArray[np.float32]) -> float:
    rows, columns = score.shape
    wide = score if rows <= columns else score.T
    return max(
        float(sum(wide[row, column] for row, column in enumerate(order)))
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    )


@settings(deadline=None)
@given(matrices)
def test_the_assignment_is_the_best_there_is(score: NDArray[np.float32]) -> None:
    rows, columns = np.nonzero(score)
    chosen = assign(rows.tolist(), columns.tolist(), score[rows, columns].tolist())
    assert len(set(rows[chosen])) == len(set(columns[chosen])) == len(chosen)
    assert float(score[rows[chosen], columns[chosen]].sum()) == pytest.approx(best_total(score))


@settings(deadline=None)
@given(matrices)
def test_every_pair_that_nobody_competes_with_is_chosen(
    score: NDArray[np.float32],
) -> None:
    rows, columns = np.nonzero(score)
    chosen = set(assign(rows.tolist(), columns.tolist(), score[rows, columns].tolist()))
    for pair, (row, column) in enumerate(zip(rows, columns, strict=True)):
        if np.count_nonzero(score[row]) == np.count_nonzero(score[:, column]) == 1:
            assert pair in chosen


def test_without_tracks_or_detections_nothing_is_found() -> None:
    assert found([], detections([at(0)])) == []
    assert found([at(0)], detections([])) == [-1]


def test_each_track_finds_its_box() -> None:
    assert found([at(0), at(200), at(400)], detections([at(405), at(5)])) == [1, -1, 0]


def test_the_sum_decides_where_two_want_one_box() -> None:
    # Greedy would give the left track the nearer box and leave the right one without any.
    assert found([at(0), at(30, width=40)], detections([at(10), at(-20)])) == [1, 0]


def test_another_class_is_another_object() -> None:
    assert found([at(0)], detections([at(0)], class_id=1)) == [-1]


def test_a_confident_box_goes_first_even_if_it_overlaps_less() -> None:
    assert found([at(0)], detections([at(0), at(8)], [0.3, 0.9])) == [1]


def test_an_unsure_box_prolongs_a_track_that_was_just_seen() -> None:
    assert found([at(0)], detections([at(3)], 0.3)) == [0]
    assert found([at(0)], detections([at(3)], 0.3), tracked=False) == [-1]
    assert found([at(0)], detections([at(20)], 0.3)) == [-1]


def test_a_box_that_is_hardly_one_is_ignored() -> None:
    assert found([at(0)], detections([at(0)], 0.05)) == [-1]


def test_confirmed_tracks_choose_before_tentative_ones() -> None:
    boxes = detections([at(6)])
    assert found([at(5), at(0)], boxes, confirmed=[False, True], tracked=[False, True]) == [-1, 0]
    assert found([at(5)], boxes, confirmed=False, tracked=False) == [0]


def test_boxes_that_do_not_meet_match_where_the_track_is_unsure() -> None:
    beside = detections([at(45)])
    assert found([at(0)], beside) == [-1]
    assert found([at(0)], beside, margin_px=30) == [0]
    assert found([at(0)], detections([at(120)]), margin_px=30, reach_px=1000) == [-1]


def test_nobody_jumps_however_much_the_boxes_overlap() -> None:
    wide = at(0, width=200)
    jumped = detections([at(60, width=200)])
    assert found([wide], jumped) == [0]
    assert found([wide], jumped, reach_px=50) == [-1]


def test_of_two_who_overlap_as_much_the_one_as_tall_is_taken() -> None:
    # Both overlap the track by two thirds: one reaches less high, the other one less wide.
    shorter, slimmer = at(0, y=100 + 100 / 3, height=200 / 3), at(0, width=80 / 3)
    assert found([at(0)], detections([shorter, slimmer])) == [1]
    assert found([at(0)], detections([slimmer, shorter])) == [0]
