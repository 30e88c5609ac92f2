"""Lane lines painted by the test: found from below, through gaps and blots, at any resolution."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.rules.areas.departure import DepartureWatch
from edge.rules.areas.lanes import Lane, find_lane
from edge.rules.areas.settings import DepartureRule
from models.areas import NOTHING, Areas
from models.preprocess import Geometry

HORIZON = 0.55


def road(
    *ends: float, rows: int = 180, columns: int = 320, dash: float = 0.0, thick: float = 0.008
) -> NDArray[np.uint8]:
    """A map with lines from the middle of the horizon to these shares of its lower edge."""
    y = ((np.arange(rows) + 0.5) / rows)[:, None]
    x = ((np.arange(columns) + 0.5) / columns)[None]
    depth = (y - HORIZON) / (1 - HORIZON)
    found = np.full((rows, columns), NOTHING, np.uint8)
    for end in ends:
        is_line = np.abs(x - (0.5 + (end - 0.5) * depth)) < thick * depth + 0.5 / columns
        # Dashes are even on the road, whose distance is the reciprocal of the depth.
        is_paint = (np.sin(40.0 / np.maximum(depth, 0.02)) > -0.2) if dash else True
        found[is_line & (depth > 0.05) & is_paint] = 1
    return found


def shown(one: NDArray[np.uint8]) -> Areas:
    rows, columns = one.shape
    return Areas((np.full((4, 4), 0, np.uint8), one), Geometry(columns, rows, columns, rows, 1, 1))


def lane(one: NDArray[np.uint8], centre: float = 0.5) -> Lane:
    return find_lane(shown(one), 1, 0.62, centre)


def ends_of(found: Lane) -> list[float]:
    assert found.left is not None
    assert found.right is not None
    return [found.left, found.right]


@pytest.mark.parametrize("dash", [0.0, 1.0])
def test_the_nearest_line_on_either_side_is_found(dash: float) -> None:
    found = lane(road(-0.6, 0.15, 0.8, 1.5, dash=dash))
    assert ends_of(found) == pytest.approx([0.15, 0.8], abs=0.02)


def test_a_line_that_leaves_the_picture_at_its_side_is_followed() -> None:
    found = lane(road(0.45, 1.2))
    assert ends_of(found) == pytest.approx([0.45, 1.2], abs=0.03)


def test_with_one_line_or_none_the_other_is_not_known() -> None:
    assert lane(road(0.2)).right is None
    assert lane(road(0.8)).left is None
    assert lane(road()) == Lane(None, None)


def test_blots_and_a_crossing_line_do_not_move_it() -> None:
    one = road(0.15, 0.8)
    rng = np.random.default_rng(3)
    blots = rng.integers((110, 0), (178, 318), (60, 2))
    for row, column in blots.tolist():
        one[row : row + 2, column : column + 2] = 1
    one[150:153, 60:260] = 1
    assert ends_of(lane(one)) == pytest.approx([0.15, 0.8], abs=0.04)


def test_the_middle_of_the_vehicle_need_not_be_that_of_the_picture() -> None:
    one = road(-0.1, 0.45, 0.9)
    assert ends_of(lane(one, centre=0.5)) == pytest.approx([0.45, 0.9], abs=0.02)
    assert ends_of(lane(one, centre=0.4)) == pytest.approx([-0.1, 0.45], abs=0.02)


def test_padding_around_the_picture_is_no_part_of_it() -> None:
    one = road(0.2, 0.7)
    padded = np.full((260, 320), NOTHING, np.uint8)
    padded[40:220] = one
    padded[225:255, 150:156] = 1
    areas = Areas((padded,), Geometry(640, 360, 320, 260, 0.5, 0.5, 0, 40))
    assert ends_of(find_lane(areas, 1, 0.62, 0.5)) == pytest.approx([0.2, 0.7], abs=0.02)


@settings(deadline=None, max_examples=20)
@given(st.floats(-0.1, 0.4), st.floats(0.6, 1.1), st.sampled_from([(90, 160), (360, 640)]))
def test_mirrored_the_sides_are_swapped_at_any_resolution(
    left: float, right: float, size: tuple[int, int]
) -> None:
    rows, columns = size
    one = road(left, right, rows=rows, columns=columns)
    found = ends_of(lane(one))
    assert found == pytest.approx([left, right], abs=0.03)
    mirrored = ends_of(lane(np.ascontiguousarray(one[:, ::-1])))
    assert [1 - end for end in mirrored[::-1]] == pytest.approx(found, abs=1e-6)


def drive(
    place: object, seconds: float, fps: float = 10.0, begin_s: float = 0.0, **rule: object
) -> list[tuple[float, bool]]:
    """When and to which side a lane of half the picture's width is left."""
    watch = DepartureWatch(
        DepartureRule.model_validate({"id": "lane", "kind": "lane-departure", **rule})
    )
    told = []
    for frame in range(round(seconds * fps) + 1):
        now_s = begin_s + frame / fps
        at = place(now_s)  # type: ignore[operator]
        if isinstance(at, float):
            at = at - math.floor(at)
            at = Lane(0.5 - at / 2, 0.5 + (1 - at) / 2)
        departure = watch.step(at, round(now_s * 1e9), True)
        if departure:
            told.append((round(now_s, 2), departure.is_left))
    return told


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_drifting_over_a_line_is_one_departure_to_that_side(fps: int) -> None:
    def drift(now_s: float) -> float:
        return 0.5 - 0.1 * now_s if now_s < 10 else -0.5

    # Nearer than 0.15 from 3.5 s on; the lane after that begins at 5 s.
    ((at_s, is_left),) = drive(drift, 15.0, fps)
    assert is_left
    assert at_s == pytest.approx(3.9, abs=1.1 / fps)
    assert [side for _, side in drive(lambda now: -drift(now), 15.0, fps)] == [False]


def test_touching_a_line_for_a_moment_and_trembling_near_it_are_one_or_none() -> None:
    def touch(now_s: float) -> float:
        return 0.1 if 3.0 <= now_s < 3.3 else 0.5

    assert drive(touch, 8.0) == []

    def tremble(now_s: float) -> float:
        return 0.15 + 0.03 * math.sin(now_s * 9)

    assert len(drive(tremble, 30.0, 25)) <= 1


def test_after_the_middle_of_the_lane_the_next_departure_is_told() -> None:
    def sway(now_s: float) -> float:
        return 0.5 + 0.42 * math.sin(now_s * math.pi / 5.0)

    assert [side for _, side in drive(sway, 20.0)] == [False, True, False, True]
    assert [side for _, side in drive(sway, 20.0, cooldown_s=60)] == [False]


def test_while_one_line_is_not_seen_its_place_is_remembered_for_some_time() -> None:
    def half_seen(begin_s: float) -> object:
        def lane_at(now_s: float) -> Lane:
            place = 0.5 if now_s < begin_s else 0.1
            left = 0.5 - place / 2
            return Lane(left, left + 0.5 if now_s < 2.0 else None)

        return lane_at

    assert drive(half_seen(3.0), 8.0) == [(3.4, True)]
    assert drive(half_seen(6.0), 9.0) == []


def test_where_no_line_is_seen_nothing_begins_and_nothing_ends() -> None:
    def dark(now_s: float) -> object:
        return Lane(None, None) if 1.2 < now_s < 10.0 else 0.1 if now_s >= 1.0 else 0.5

    assert drive(dark, 12.0) == [(10.4, True)]
