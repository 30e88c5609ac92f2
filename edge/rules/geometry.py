"""How far inside a polygon, on which side of a line, through it or around it.

Everything is in one unit, here shares of the picture with y pointing down, and for R shapes and
N points at once; shape r is asked about its own row of points, (R, N, 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Point = tuple[float, float]

END_TOLERANCE = 1e-9
"""Share of its length by which a segment is longer, so that rounding at its ends opens no gap."""


@dataclass(frozen=True, slots=True, eq=False)
class Polygons:
    """R closed polygons of up to E edges; shorter ones are filled up with edges of no length.

    Attributes:
        start: (R, E, 2), where each edge begins.
        along: (R, E, 2), from there to its end.
        along_x: (R, 1, E), its x.
        along_y: (R, 1, E), its y.
        length2: (R, 1, E), its length squared, 1 where it has none.
    """

    start: F64
    along: F64
    along_x: F64
    along_y: F64
    length2: F64

    @classmethod
    def of(cls, shapes: Sequence[Sequence[Point]]) -> "Polygons":
        """Polygons of these corners, three or more each; the last is joined to the first."""
        most = max((len(points) for points in shapes), default=0)
        closed = np.empty((len(shapes), most + 1, 2))
        for shape, points in zip(closed, shapes, strict=True):
            shape[: len(points)] = points
            shape[len(points) :] = points[0]
        along = np.diff(closed, axis=1)
        along_x, along_y = along[:, None, :, 0].copy(), along[:, None, :, 1].copy()
        length2 = along_x**2 + along_y**2
        length2[length2 == 0.0] = 1.0
        return cls(closed[:, :-1], along, along_x, along_y, length2)

    def signed_distance(self, points: F64) -> F64:
        """Distance to the boundary: above 0 inside, below 0 outside, 0 on it.

        Args:
            points: (R, N, 2).

        Returns:
            (R, N).
        """
        offset = points[:, :, None] - self.start[:, None]
        x, y = offset[..., 0], offset[..., 1]
        along_x, along_y = self.along_x, self.along_y
        share = (x * along_x + y * along_y) / self.length2
        np.maximum(share, 0.0, out=share)
        np.minimum(share, 1.0, out=share)
        distance2 = np.square(x - share * along_x) + np.square(y - share * along_y)
        # A ray towards +x crosses an edge that has one end above and one not above the point, and
        # lies to the right of it (Haines, "Point in Polygon Strategies", Graphics Gems IV).
        straddles = (y >= 0.0) != (y >= along_y)
        crossed = straddles & ((along_x * y - along_y * x > 0.0) == (along_y > 0.0))
        is_outside = ~np.logical_xor.reduce(crossed, axis=2)
        distance: F64 = np.sqrt(distance2.min(axis=2))
        np.negative(distance, out=distance, where=is_outside)
        return distance


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """R directed segments.

    Attributes:
        start: (R, 1, 2), the first point.
        along: (R, 1, 2), from there to the second.
        length: (R, 1), of it.
    """

    start: F64
    along: F64
    length: F64

    @classmethod
    def of(cls, shapes: Sequence[Sequence[Point]]) -> "Segments":
        """Segments of two different points each."""
        points = np.array(shapes, np.float64).reshape(-1, 2, 2)
        along = points[:, 1:] - points[:, :1]
        return cls(points[:, :1], along, np.hypot(along[..., 0], along[..., 1]))

    def signed_distance(self, points: F64) -> F64:
        """Distance to the endless line: above 0 on its right, seen from first to last point.

        Args:
            points: (R, N, 2).

        Returns:
            (R, N).
        """
        return self._cross(points) / self.length

    def crossings(self, before: F64, after: F64) -> NDArray[np.int8]:
        """Whether straight ways lead through the segments themselves, not past their ends.

        A point on the line counts as right of it, so that a way cut into pieces crosses as
        often as the whole one.

        Args:
            before: (R, N, 2), where the ways begin.
            after: (R, N, 2), where they end.

        Returns:
            (R, N): 1 from left to right, -1 from right to left, 0 not through.
        """
        side_before, side_after = self._cross(before), self._cross(after)
        direction = (side_after >= 0.0).astype(np.int8) - (side_before >= 0.0)
        if not np.count_nonzero(direction):
            return direction
        span = np.where(direction != 0, side_before - side_after, 1.0)
        meeting = before + (side_before / span)[..., None] * (after - before)
        share = ((meeting - self.start) * self.along).sum(axis=2) / np.square(self.length)
        is_within = (share >= -END_TOLERANCE) & (share <= 1.0 + END_TOLERANCE)
        return np.where(is_within, direction, 0).astype(np.int8)

    def _cross(self, points: F64) -> F64:
        offset = points - self.start
        result: F64 = self.along[..., 0] * offset[..., 1] - self.along[..., 1] * offset[..., 0]
        return result


def crossing_edges(points: Sequence[Point]) -> tuple[int, int] | None:
    """Two edges of a closed polygon that meet where they must not, or None if it is simple.

    Edge i goes from corner i to corner i + 1. Neighbours may share their corner and no more;
    an edge without length meets itself.
    """
    count = len(points)
    edges = [(points[i], points[(i + 1) % count]) for i in range(count)]
    for i, (start, end) in enumerate(edges):
        if start == end or _turns_back(start, end, points[(i + 2) % count]):
            return i, (i + 1) % count
        for j in range(i + 2, count):
            if (j + 1) % count != i and _meet(start, end, *edges[j]):
                return i, j
    return None


def triangle_area(a: Point, b: Point, c: Point) -> float:
    """Area of a triangle, above 0 where its corners turn to the right, with y pointing down."""
    return _turn(a, b, c) / 2


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _turns_back(a: Point, b: Point, c: Point) -> bool:
    """True where b to c runs back over a to b."""
    dot = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _turn(a, b, c) == 0.0 and dot < 0.0


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """True where the segments ab and cd have a point in common."""
    sides = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0.0 and _between(*end) for side, end in zip(sides, ends, strict=True))


def _between(a: Point, b: Point, c: Point) -> bool:
    """True where c, which is on the endless line through a and b, lies between them."""
    return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])
