"""Masks as polygons of few corners.

The outline of a mask runs along the edges of its pixels with the mask on its right, as y points
down: around an area clockwise, around a hole in it the other way. Where two areas touch at a
corner alone they are two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.objects import F64

_MAX_CORNERS = 200
"""Of a simplified outline; one that needs more gets twice the tolerance, and again."""
_Step = tuple[int, int]
_Corner = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """One closed line around an area, or around a hole in it.

    Attributes:
        points: (P, 2) corners (x, y); the last is joined to the first.
        area: that it encloses, in squares of the points' unit; below 0 around a hole.
    """

    points: F64
    area: float

    @classmethod
    def of(cls, points: F64) -> "Outline":
        """The outline through these points."""
        x, y = points[:, 0], points[:, 1]
        area = float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
        return cls(points, area)


def edge_count(mask: NDArray[np.bool_]) -> int:
    """How many edges of pixels the outlines of a mask (rows, columns) have."""
    padded = np.pad(mask, 1)
    return sum(int(np.count_nonzero(np.diff(padded, axis=axis))) for axis in (0, 1))


def trace(mask: NDArray[np.bool_]) -> list[Outline]:
    """The outlines of a mask (rows, columns), in columns and rows; without points on straight ways.

    The sum of their areas is the number of pixels in the mask.
    """
    leaving = _edges(mask)
    found = []
    while leaving:
        found.append(Outline.of(np.array(_walk(leaving), np.float64)))
    return found


def _edges(mask: NDArray[np.bool_]) -> dict[_Corner, list[_Step]]:
    """The ways (along x, along y) that leave each corner (column, row) of pixels."""
    padded = np.pad(mask, 1)
    inner = padded[1:-1, 1:-1]
    leaving: dict[_Corner, list[_Step]] = {}
    # Neighbour that is missing, corner of the pixel at which the edge begins, and its way.
    sides = (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (0, 1)),
        (padded[2:, 1:-1], (1, 1), (-1, 0)),
        (padded[1:-1, :-2], (0, 1), (0, -1)),
    )
    for neighbour, (x, y), way in sides:
        row, column = (inner & ~neighbour).nonzero()
        for corner in zip((column + x).tolist(), (row + y).tolist(), strict=True):
            leaving.setdefault(corner, []).append(way)
    return leaving


def _walk(leaving: dict[_Corner, list[_Step]]) -> list[_Corner]:
    """Take one closed way out of the edges; returns its corners."""
    start = next(iter(leaving))
    first = leaving[start][0]
    corner, way = start, first
    corners: list[_Corner] = []
    while True:
        ways = leaving[corner]
        # Where two ways leave a corner, the one to the right stays with the same pixel.
        right = (-way[1], way[0])
        following = right if right in ways else ways[0]
        if not corners or following != way:
            corners.append(corner)
        ways.remove(following)
        if not ways:
            del leaving[corner]
        way = following
        corner = (corner[0] + way[0], corner[1] + way[1])
        # A start that two ways leave is the end only where the one to the right was the first.
        if corner == start and (-way[1], way[0]) not in leaving.get(corner, ()):
            return corners[1:] if way == first else corners


def simplify(outline: Outline, tolerance: float) -> Outline:
    """Fewer corners, of which every one that is left out is within a tolerance of the outline.

    Douglas and Peucker 1973, "Algorithms for the reduction of the number of points required to
    represent a digitized line or its caricature", from the two corners that are farthest apart.
    """
    while (kept := _kept(outline.points, tolerance)) is None:
        tolerance *= 2
    return Outline(outline.points[kept], outline.area)


def _kept(points: F64, tolerance: float) -> NDArray[np.bool_] | None:
    """(P,), which corners stay; None as soon as they are too many."""
    count = len(points)
    first = int(np.argmax(np.square(points - points.mean(axis=0)).sum(axis=1)))
    ring = np.roll(np.arange(count), -first)
    middle = int(np.argmax(np.square(points[ring] - points[first]).sum(axis=1)))
    closed = np.append(ring, first)
    kept = np.zeros(count, np.bool_)
    kept[[first, ring[middle]]] = True
    spans = [(0, middle), (middle, count)]
    splits = 0
    while spans and splits <= _MAX_CORNERS - 2:
        begin, end = spans.pop()
        if end - begin < 2:
            continue
        inner = points[closed[begin + 1 : end]]
        distance = _distances(inner, points[closed[begin]], points[closed[end]])
        farthest = int(np.argmax(distance))
        if distance[farthest] > tolerance:
            split = begin + 1 + farthest
            kept[closed[split]] = True
            splits += 1
            spans += [(begin, split), (split, end)]
    return kept if splits <= _MAX_CORNERS - 2 else None


def _distances(points: F64, start: F64, end: F64) -> F64:
    """(P,), distances to the segment between two points."""
    along = end - start
    length2 = float(along @ along)
    offset = points - start
    share = np.clip(offset @ along / length2, 0.0, 1.0) if length2 else np.zeros(len(points))
    distances: F64 = np.hypot(*(offset - share[:, None] * along).T)
    return distances
