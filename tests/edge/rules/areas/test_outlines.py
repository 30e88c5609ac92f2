"""Outlines of masks: as large as the mask, and after simplifying not far from it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from edge.rules.areas.outlines import Outline, edge_count, simplify, trace
from edge.rules.geometry import Polygons

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def test_a_square_has_four_corners_clockwise() -> None:
    mask = np.zeros((5, 6), np.bool_)
    mask[1:4, 2:5] = True
    (one,) = trace(mask)
    assert one.points.tolist() == [[2, 1], [5, 1], [5, 4], [2, 4]]
    assert one.area == 9


def test_a_hole_is_an_outline_of_its_own_the_other_way_round() -> None:
    mask = np.ones((5, 5), np.bool_)
    mask[2, 2] = False
    outer, hole = sorted(trace(mask), key=lambda one: -one.area)
    assert (outer.area, hole.area) == (25, -1)


def test_what_touches_at_a_corner_alone_is_two() -> None:
    assert sorted(len(one.points) for one in trace(np.eye(2, dtype=np.bool_))) == [4, 4]


@settings(deadline=None)
@given(masks)
def test_areas_add_up_and_every_turn_is_a_corner(mask: NDArray[np.bool_]) -> None:
    found = trace(mask)
    assert sum(one.area for one in found) == mask.sum()
    length = 0
    for one in found:
        ways = np.roll(one.points, -1, axis=0) - one.points
        length += int(np.abs(ways).sum())
        assert (np.count_nonzero(ways, axis=1) == 1).all()
        assert ((ways[:, 0] != 0) != (np.roll(ways, -1, axis=0)[:, 0] != 0)).all()
    assert length == edge_count(mask)


@settings(deadline=None)
@given(masks)
def test_turned_or_mirrored_the_outlines_turn_along(mask: NDArray[np.bool_]) -> None:
    def sizes(of: NDArray[np.bool_]) -> list[tuple[float, int]]:
        return sorted((one.area, len(one.points)) for one in trace(of))

    assert sizes(mask) == sizes(np.rot90(mask)) == sizes(mask[:, ::-1])


def distance_to(outline: Outline, points: NDArray[np.float64]) -> NDArray[np.float64]:
    polygon = Polygons.of([[(float(x), float(y)) for x, y in outline.points]])
    distances: NDArray[np.float64] = np.abs(polygon.signed_distance(points[None])[0])
    return distances


@settings(deadline=None, max_examples=60)
@given(masks, st.sampled_from([0.3, 0.8, 2.0]))
def test_no_corner_that_was_left_out_is_farther_away_than_the_tolerance(
    mask: NDArray[np.bool_], tolerance: float
) -> None:
    for one in trace(mask):
        simple = simplify(one, tolerance)
        assert 2 <= len(simple.points) <= len(one.points)
        assert set(map(tuple, simple.points.tolist())) <= set(map(tuple, one.points.tolist()))
        assert distance_to(simple, one.points).max() <= tolerance + 1e-9


def test_a_disc_becomes_a_few_corners_of_nearly_its_size() -> None:
    y, x = np.mgrid[:200, :200] + 0.5
    (disc,) = trace(np.hypot(x - 100, y - 100) < 80)
    simple = simplify(disc, 2.0)
    assert len(disc.points) > 300
    assert len(simple.points) < 40
    assert Outline.of(simple.points).area == pytest.approx(disc.area, rel=0.03)


def test_an_outline_never_has_more_corners_than_an_event_should_carry() -> None:
    comb = np.zeros((3, 2000), np.bool_)
    comb[1:] = True
    comb[0, ::2] = True
    (one,) = trace(comb)
    assert len(one.points) > 2000
    assert len(simplify(one, 0.01).points) <= 200
