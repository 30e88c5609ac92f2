"""Geometry does not care how the picture is turned, mirrored or moved."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.rules.geometry import Point, Polygons, Segments, crossing_edges

F64 = NDArray[np.float64]
coordinates = st.integers(0, 100).map(lambda value: value / 100)
places = st.tuples(coordinates, coordinates)
angles = st.floats(0, 2 * math.pi)
CLOSE = 1e-6
SQUARE: list[Point] = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)]
"""On the edges of which many points of two digits lie."""


@st.composite
def outlines(draw: st.DrawFn) -> list[Point]:
    """A star-shaped polygon, convex or not, around (0.5, 0.5)."""
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.integers(5, 50), min_size=count, max_size=count))
    turns = [2 * math.pi * corner / count for corner in range(count)]
    return [
        (0.5 + radius / 100 * math.cos(turn), 0.5 + radius / 100 * math.sin(turn))
        for radius, turn in zip(radii, turns, strict=True)
    ]


def rotated(points: F64, angle: float) -> F64:
    turn = np.array(((math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))))
    result: F64 = points @ turn.T
    return result


def distance(outline: list[Point] | F64, points: F64) -> F64:
    polygon = Polygons.of([[(float(x), float(y)) for x, y in outline]])
    result: F64 = polygon.signed_distance(points[None])[0]
    return result


def passes(line: F64, before: F64, after: F64) -> int:
    segment = Segments.of([[(float(x), float(y)) for x, y in line]])
    return int(segment.crossings(before[None, None], after[None, None])[0, 0])


def test_who_is_level_with_a_corner_but_for_rounding_is_as_far_outside_as_before() -> None:
    outline = [(0.55, 0.5), (0.5, 0.55), (0.45, 0.5), (0.4999999999999999, 0.030000000000000027)]
    at = np.array([(0.0, 0.03), (0.0, 0.030000000000000027), (0.0, 0.030000000000000058)])
    np.testing.assert_array_less(distance(outline, at), -0.49)
    np.testing.assert_array_less(distance(np.array(outline) * (-1, 1), at * (-1, 1)), -0.49)


@settings(deadline=None)
@given(outlines(), st.lists(places, min_size=1, max_size=5), angles, places)
def test_inside_stays_inside_when_turned_and_moved(
    outline: list[Point], points: list[Point], angle: float, shift: Point
) -> None:
    here, at = np.array(outline), np.array(points)
    expected = distance(here, at)
    moved = distance(rotated(here, angle) + shift, rotated(at, angle) + shift)
    np.testing.assert_allclose(np.abs(moved), np.abs(expected), atol=1e-9)
    off_edge = np.abs(expected) > CLOSE
    np.testing.assert_array_equal((moved > 0)[off_edge], (expected > 0)[off_edge])


@settings(deadline=None)
@given(outlines(), st.lists(places, min_size=1, max_size=5), st.sampled_from([(-1, 1), (1, -1)]))
def test_inside_stays_inside_in_a_mirror(
    outline: list[Point], points: list[Point], mirror: Point
) -> None:
    here, at = np.array(outline), np.array(points)
    expected, mirrored = distance(here, at), distance(here * mirror, at * mirror)
    off_edge = np.abs(expected) > CLOSE
    np.testing.assert_allclose(mirrored[off_edge], expected[off_edge], atol=1e-9)


@settings(deadline=None)
@given(outlines(), places, st.integers(0, 8))
def test_it_does_not_matter_where_or_in_which_direction_the_outline_starts(
    outline: list[Point], point: Point, start: int
) -> None:
    at = np.array([point])
    expected = distance(outline, at)
    assume(abs(expected[0]) > CLOSE)
    start %= len(outline)
    again = outline[start:] + outline[:start]
    np.testing.assert_allclose(distance(again, at), expected, atol=1e-9)
    np.testing.assert_allclose(distance(again[::-1], at), expected, atol=1e-9)


@settings(deadline=None)
@given(outlines(), places)
def test_far_from_the_centre_nothing_is_inside(outline: list[Point], point: Point) -> None:
    reach = max(math.hypot(x - 0.5, y - 0.5) for x, y in outline)
    away = math.hypot(point[0] - 0.5, point[1] - 0.5)
    inside = distance(outline, np.array([point]))[0] > 0
    assert not (inside and away > reach)
    assert distance(outline, np.array([(0.5, 0.5)]))[0] > 0


def test_distances_of_a_hollow_shape() -> None:
    horseshoe = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.7, 0.9), (0.7, 0.3), (0.3, 0.3),
                 (0.3, 0.9), (0.1, 0.9)]  # fmt: skip
    points = np.array([(0.5, 0.2), (0.5, 0.6), (0.2, 0.8), (0.0, 0.1), (0.9, 0.5), (1.0, 1.0)])
    expected = [0.1, -0.2, 0.1, -0.1, 0.0, -math.hypot(0.1, 0.1)]
    np.testing.assert_allclose(distance(horseshoe, points), expected, atol=1e-12)


@settings(deadline=None)
@given(st.lists(st.one_of(outlines(), st.just(SQUARE)), min_size=1, max_size=3), places)
def test_whatever_is_not_outside_is_contained(shapes: list[list[Point]], point: Point) -> None:
    polygons = Polygons.of(shapes)
    points = np.broadcast_to(np.array(point), (len(shapes), 1, 2))
    distance = polygons.signed_distance(points)
    located = polygons.locate(points)
    assert located.contained().tolist() == (distance >= 0.0).tolist()
    np.testing.assert_array_equal(located.distance(), np.abs(distance))


def test_every_shape_is_asked_about_its_own_points() -> None:
    left = [(0.0, 0.0), (0.4, 0.0), (0.4, 1.0), (0.0, 1.0)]
    right = [(0.6, 0.0), (1.0, 0.0), (1.0, 1.0)]
    points = np.array([[(0.2, 0.5), (0.9, 0.5)], [(0.2, 0.5), (0.9, 0.5)]])
    result = Polygons.of([left, right]).signed_distance(points)
    assert (result > 0).tolist() == [[True, False], [False, True]]
    assert Polygons.of([left]).signed_distance(points[:1, :0]).shape == (1, 0)


def test_right_of_a_line_is_below_one_that_points_right() -> None:
    segment = Segments.of([[(0.2, 0.5), (0.8, 0.5)]])
    points = np.array([[(0.5, 0.7), (0.5, 0.4), (0.0, 0.6)]])
    np.testing.assert_allclose(segment.signed_distance(points), [[0.2, -0.1, 0.1]])


@settings(deadline=None)
@given(places, places, places, places, angles, places)
def test_a_crossing_stays_one_when_turned_and_moved(
    a: Point, b: Point, start: Point, end: Point, angle: float, shift: Point
) -> None:
    assume(a != b)
    line, before, after = np.array((a, b)), np.array(start), np.array(end)
    sides = Segments.of([[a, b]]).signed_distance(np.array([[start, end]]))[0]
    assume(np.abs(sides).min() > CLOSE)
    other_ends = Segments.of([[start, end]]).signed_distance(np.array([[a, b]]))[0] \
        if start != end else np.array((1.0,))  # fmt: skip
    assume(np.abs(other_ends).min() > CLOSE)
    expected = passes(line, before, after)
    turned = [rotated(points, angle) + shift for points in (line, before, after)]
    assert passes(turned[0], turned[1], turned[2]) == expected
    mirror = np.array((-1.0, 1.0))
    assert passes(line * mirror, before * mirror, after * mirror) == -expected
    assert passes(line[::-1], before, after) == -expected
    assert passes(line, after, before) == -expected


@settings(deadline=None)
@given(places, places, st.lists(places, min_size=2, max_size=6))
def test_a_way_in_pieces_crosses_an_endless_line_as_often_as_the_whole(
    a: Point, b: Point, stops: list[Point]
) -> None:
    assume(a != b)
    direction = np.array(b) - np.array(a)
    line = np.array((np.array(a) - 1000 * direction, np.array(a) + 1000 * direction))
    ways = pairwise(np.array(stop) for stop in stops)
    pieces = sum(passes(line, start, end) for start, end in ways)
    assert pieces == passes(line, np.array(stops[0]), np.array(stops[-1]))


def test_past_the_end_of_a_line_is_not_through_it() -> None:
    line = np.array([(0.2, 0.5), (0.8, 0.5)])
    assert passes(line, np.array((0.9, 0.4)), np.array((0.9, 0.6))) == 0
    assert passes(line, np.array((0.7, 0.4)), np.array((0.7, 0.6))) == 1
    assert passes(line, np.array((0.8, 0.6)), np.array((0.8, 0.4))) == -1


@settings(deadline=None)
@given(outlines())
def test_a_star_is_simple(outline: list[Point]) -> None:
    assert crossing_edges(outline) is None


@pytest.mark.parametrize(
    "outline",
    [
        pytest.param([(0, 0), (1, 1), (1, 0), (0, 1)], id="bow tie"),
        pytest.param([(0, 0), (1, 0), (1, 0), (0, 1)], id="the same corner twice running"),
        pytest.param([(0, 0), (1, 0), (0.5, 0)], id="flat"),
        pytest.param([(0, 0), (1, 0), (1, 1), (1, 0.5)], id="back over its own edge"),
        pytest.param([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], id="corner on an edge"),
        pytest.param([(0, 0), (1, 0), (0.5, 0.5), (1, 1), (0, 1), (0.5, 0.5)], id="pinched"),
    ],
)
def test_an_outline_that_meets_itself_is_not_simple(outline: list[Point]) -> None:
    assert crossing_edges(outline) is not None
