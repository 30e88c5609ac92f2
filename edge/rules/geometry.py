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
        points_down: (R, 1, E), whether it points down.
        length2: (R, 1, E), its length squared, 1 where it has none.
        fillers: edges of no length, over all polygons.
    """

    start: F64
    along: F64
    along_x: F64
    along_y: F64
    points_down: NDArray[np.bool_]
    length2: F64
    fillers: int

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
        is_filler = length2 == 0.0
        length2[is_filler] = 1.0
        fillers = int(np.count_nonzero(is_filler))
        return cls(closed[:, :-1], along, along_x, along_y, along_y > 0.0, length2, fillers)

    def signed_distance(self, points: F64) -> F64:
        """Distance to the boundary: above 0 inside, below 0 outside, 0 on it.

        Args:
            points: (R, N, 2).

        Returns:
            (R, N).
        """
        x, y = self._offsets(points)
        is_outside = ~self._encloses(x, y, self.along_x * y - self.along_y * x)
        distance = self.distance(points)
        np.negative(distance, out=distance, where=is_outside)
        return distance

    def distance(self, points: F64) -> F64:
        """(R, N), how far points (R, N, 2) are from the boundary, on either side."""
        distance: F64 = np.sqrt(np.minimum.reduce(self._squared(*self._offsets(points)), axis=2))
        return distance

    def contain(self, points: F64) -> NDArray[np.bool_]:
        """(R, N), which points (R, N, 2) are inside or on the boundary: `signed_distance` >= 0."""
        x, y = self._offsets(points)
        turn = self.along_x * y - self.along_y * x
        inside = self._encloses(x, y, turn)
        # Who is in line with an edge, which has a length, may be on it.
        in_line = turn.size - np.count_nonzero(turn) - self.fillers * points.shape[1]
        if in_line:
            inside |= np.any(self._squared(x, y) == 0.0, axis=2)
        return inside

    def _offsets(self, points: F64) -> tuple[F64, F64]:
        """(R, N, E) each, x and y of points as seen from where edges begin."""
        offset = points[:, :, None] - self.start[:, None]
        return offset[..., 0], offset[..., 1]

    def _squared(self, x: F64, y: F64) -> F64:
        """(R, N, E), squared distances from edges."""
        along_x, along_y = self.along_x, self.along_y
        share = (x * along_x + y * along_y) / self.length2
        np.maximum(share, 0.0, out=share)
        np.minimum(share, 1.0, out=share)
        distance2: F64 = np.square(x - share * along_x)
        distance2 += np.square(y - share * along_y)
        return distance2

    def _encloses(self, x: F64, y: F64, turn: F64) -> NDArray[np.bool_]:
        """(R, N), which points are inside; of those on the boundary it says nothing.

        Args:
            x: (R, N, E) from where edges begin.
            y: the same.
            turn: (R, N, E), above 0 right of an edge.
        """
        # A ray towards +x crosses an edge that has one end above and one not above the point, and
        # lies to the right of it (Haines, "Point in Polygon Strategies", Graphics Gems IV).
        crossed = (y >= 0.0) != (y >= self.along_y)
        crossed &= (turn > 0.0) == self.points_down
        inside: NDArray[np.bool_] = np.logical_xor.reduce(crossed, axis=2)
        return inside


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

    def crossings(self, before: F64, after: F64) -> NDArray[np.int8] | None:
        """Whether straight ways lead through the segments themselves, not past their ends.

        A point on the line counts as right of it, so that a way cut into pieces crosses as
        often as the whole one.

        Args:
            before: (R, N, 2), where the ways begin.
            after: (R, N, 2), where they end.

        Returns:
            (R, N): 1 from left to right, -1 from right to left, 0 not through; None where no way
            leads through any of them.
        """
        side_before, side_after = self._cross(before), self._cross(after)
        was_right, is_right = side_before >= 0.0, side_after >= 0.0
        turns = was_right != is_right
        if not np.count_nonzero(turns):
            return None
        span = np.where(turns, side_before - side_after, 1.0)
        meeting = before + (side_before / span)[..., None] * (after - before)
        share = ((meeting - self.start) * self.along).sum(axis=2) / np.square(self.length)
        is_within = (share >= -END_TOLERANCE) & (share <= 1.0 + END_TOLERANCE)
        direction: NDArray[np.int8] = is_right.astype(np.int8) - was_right
        through: NDArray[np.int8] = direction * is_within
        return through

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
