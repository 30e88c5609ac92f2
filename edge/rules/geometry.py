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
        start_x: (R, 1, E), where each edge begins.
        corner_y: (R, 1, E + 1), the same, and last where the last one ends.
        along_x: (R, 1, E), from there to its end.
        along_y: the same.
        points_down: (R, 1, E), whether it points down.
        length2: (R, 1, E), its length squared, 1 where it has none.
        fillers: edges of no length, over all polygons.
    """

    start_x: F64
    corner_y: F64
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
        start_x, corner_y = closed[:, None, :-1, 0].copy(), closed[:, None, :, 1].copy()
        along_x, along_y = (np.diff(closed[:, None, :, axis]) for axis in (0, 1))
        length2 = along_x**2 + along_y**2
        is_filler = length2 == 0.0
        length2[is_filler] = 1.0
        fillers = int(np.count_nonzero(is_filler))
        return cls(start_x, corner_y, along_x, along_y, along_y > 0.0, length2, fillers)

    def locate(self, points: F64) -> "Located":
        """Where points (R, N, 2) are; shape r is asked about its own row."""
        x = points[:, :, None, 0] - self.start_x
        y = points[:, :, None, 1] - self.corner_y
        return Located(self, x, y)

    def signed_distance(self, points: F64) -> F64:
        """Distance to the boundary: above 0 inside, below 0 outside, 0 on it.

        Args:
            points: (R, N, 2).

        Returns:
            (R, N).
        """
        located = self.locate(points)
        distance = located.distance()
        np.negative(distance, out=distance, where=~located.contained())
        return distance


class Located:
    """Where points are as seen from polygons; what several questions need is reckoned once.

    Args:
        polygons: R of them, with E edges.
        x: (R, N, E) from where edges begin.
        y: (R, N, E + 1), the same, and last from where the last one ends.
    """

    def __init__(self, polygons: Polygons, x: F64, y: F64) -> None:
        self._polygons = polygons
        self._x = x
        self._y = y[..., :-1]
        self._corner_y = y
        self._squared: F64 | None = None

    def contained(self) -> NDArray[np.bool_]:
        """(R, N), which points are inside or on the boundary."""
        of, y = self._polygons, self._y
        turn = of.along_x * y
        turn -= of.along_y * self._x
        # A ray towards +x crosses an edge that has one end above and one not above the point, and
        # lies to the right of it (Haines, "Point in Polygon Strategies", Graphics Gems IV).
        # An edge ends where the next begins, and is asked there: `y >= along_y` would be rounded
        # another way, and a point level with a corner could cross one of its edges alone.
        below = self._corner_y >= 0.0
        crossed = below[..., :-1] != below[..., 1:]
        crossed &= (turn > 0.0) == of.points_down
        inside: NDArray[np.bool_] = np.logical_xor.reduce(crossed, axis=2)
        # Who is in line with an edge, which has a length, may be on it.
        if turn.size - np.count_nonzero(turn) > of.fillers * y.shape[1]:
            inside |= self._squared_distance() == 0.0
        return inside

    def distance(self) -> F64:
        """(R, N), how far points are from the boundary, on either side."""
        return np.sqrt(self._squared_distance())

    def _squared_distance(self) -> F64:
        if self._squared is None:
            of, x, y = self._polygons, self._x, self._y
            share = x * of.along_x
            share += y * of.along_y
            share /= of.length2
            np.maximum(share, 0.0, out=share)
            np.minimum(share, 1.0, out=share)
            off_x, off_y = x - share * of.along_x, y - share * of.along_y
            off_x *= off_x
            off_y *= off_y
            off_x += off_y
            self._squared = np.minimum.reduce(off_x, axis=2)
        return self._squared


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """R directed segments.

    Attributes:
        start: (R, 1, 2), the first point.
        along: (R, 1, 2), from there to the second.
        across: (R, 1, 2), that turned to the right by a quarter.
        length: (R, 1), of it.
    """

    start: F64
    along: F64
    across: F64
    length: F64

    @classmethod
    def of(cls, shapes: Sequence[Sequence[Point]]) -> "Segments":
        """Segments of two different points each."""
        points = np.array(shapes, np.float64).reshape(-1, 2, 2)
        along = points[:, 1:] - points[:, :1]
        across = along[..., ::-1] * (-1.0, 1.0)
        return cls(points[:, :1], along, across, np.hypot(along[..., 0], along[..., 1]))

    def signed_distance(self, points: F64) -> F64:
        """Distance to the endless line: above 0 on its right, seen from first to last point.

        Args:
            points: (R, N, 2).

        Returns:
            (R, N).
        """
        return self.turn(points) / self.length

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
        turn_before, turn_after = self.turn(before), self.turn(after)
        is_right = turn_after >= 0.0
        direction = is_right.astype(np.int8) - (turn_before >= 0.0)
        span = np.where(direction != 0, turn_before - turn_after, 1.0)
        meeting = before + (turn_before / span)[..., None] * (after - before)
        share = ((meeting - self.start) * self.along).sum(axis=2) / np.square(self.length)
        is_within = (share >= -END_TOLERANCE) & (share <= 1.0 + END_TOLERANCE)
        through: NDArray[np.int8] = direction * is_within
        return through

    def turn(self, points: F64) -> F64:
        """Distances from the endless lines times the segments' lengths.

        Args:
            points: (R, N, 2), or more of these.

        Returns:
            (R, N), or as many.
        """
        parts = points - self.start
        parts *= self.across
        result: F64 = parts[..., 1] + parts[..., 0]
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
