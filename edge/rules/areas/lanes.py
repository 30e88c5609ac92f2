"""Where in its lane a vehicle is, from the lane lines that a network finds.

Per row of the lower part of the picture, runs of lane pixels are linked upwards to traces, one or
more a painted line. Each trace's lower end is fitted by a line of medians, so that a blot or
a branch moves nothing, and followed to the bottom of the picture: the lines next to the camera
there, on its left and on its right, are those of its lane.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge.rules.areas.places import Places
from edge.rules.objects import F64
from models.areas import Areas

_ROWS = 120
"""Rows that are looked at at most, evenly spread over the lower part."""
_MAX_RUNS = 24
"""Of lane pixels in a row; one with more shows something else."""
_POINTS = 12
"""Of a trace's lower end, that are fitted."""
_GAP = 0.02
"""Share of the picture's height without lane pixels across which a trace goes on."""
_MIN_HEIGHT = 0.05
"""Share of the picture's height below which a trace shows no direction."""
_LOWER_END = 0.2
"""Share of the picture's height that is fitted; curves are straight over so much."""
_MAX_SLANT = 8.0
"""Widths of the picture to a height beyond which a trace is no line along the road."""
_SAME_LINE = 0.08
"""Shares of the width: nearer ends at the bottom are dashes of one line, or its two edges."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The lane lines next to the camera, at the bottom of the picture.

    Attributes:
        left: share of the width, below 0 beyond the picture's edge; None: not seen.
        right: share of the width, above 1 beyond the picture's edge; None: not seen.
    """

    left: float | None
    right: float | None


def find_lane(areas: Areas, class_id: int, top: float, centre: float) -> Lane:
    """The lane that a camera is in.

    Args:
        areas: of one picture.
        class_id: of lane lines.
        top: share of the height from which on the road is looked at, downwards.
        centre: share of the width at which the vehicle's middle is.
    """
    ends: list[tuple[float, float]] = []
    for one in areas.maps:
        mask = one == class_id
        if np.count_nonzero(mask):
            ends += _ends(mask, Places.of(areas.geometry, one.shape), top)
    lines = _lines(ends)
    return Lane(
        max((line for line in lines if line <= centre), default=None),
        min((line for line in lines if line > centre), default=None),
    )


def _ends(mask: NDArray[np.bool_], places: Places, top: float) -> list[tuple[float, float]]:
    """Where each trace meets the bottom of the picture, a share of its width, and its height."""
    y = places.y(np.arange(0.5, mask.shape[0]))
    rows = ((y >= top) & (y <= 1.0)).nonzero()[0]
    rows = rows[:: max(1, len(rows) // _ROWS)]
    found = []
    for trace in _traces(mask[rows], y[rows]):
        points = np.array(trace)
        height = float(points[0, 1] - points[-1, 1])
        if height < _MIN_HEIGHT:
            continue
        lower = points[points[:, 1] >= points[0, 1] - _LOWER_END]
        lower = lower[np.linspace(0, len(lower) - 1, min(_POINTS, len(lower))).astype(np.intp)]
        slant, end = _median_line(lower[:, 1], places.x(lower[:, 0]))
        if abs(slant) <= _MAX_SLANT:
            found.append((end, height))
    return found


def _traces(mask: NDArray[np.bool_], y: F64) -> list[list[tuple[float, float]]]:
    """Runs of pixels linked from row to row, each (column, y) from below upwards."""
    edges = np.diff(mask.astype(np.int8), axis=1, prepend=0, append=0)
    row, begin = (edges == 1).nonzero()
    end = (edges == -1).nonzero()[1]
    bounds = np.searchsorted(row, np.arange(len(mask) + 1))
    traces: list[_Trace] = []
    live: list[_Trace] = []
    for at in range(len(mask) - 1, -1, -1):
        runs = slice(bounds[at], bounds[at + 1])
        if bounds[at + 1] - bounds[at] > _MAX_RUNS:
            continue
        height = float(y[at])
        live = [trace for trace in live if trace.y - height <= _GAP]
        begun = []
        for first, last in zip(begin[runs].tolist(), end[runs].tolist(), strict=True):
            trace = _under(first, last, height, live)
            if trace is None:
                begun.append(trace := _Trace())
            trace.add(first, last, height)
        traces += begun
        live += begun
    return [trace.points for trace in traces]


class _Trace:
    """Runs that lie upon each other; its tip is the topmost."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self.first, self.last, self.y = 0, 0, 0.0

    def add(self, first: int, last: int, y: float) -> None:
        """The run of columns from first to before last is its tip now."""
        self.points.append(((first + last) / 2, y))
        self.first, self.last, self.y = first, last, y


def _under(first: int, last: int, y: float, live: Sequence[_Trace]) -> _Trace | None:
    """The trace that a run goes on, by its middle the nearest; None: it begins one."""
    near = [t for t in live if t.first <= last and first <= t.last and t.y > y]
    return min(near, key=lambda t: abs(t.first + t.last - first - last), default=None)


def _median_line(y: F64, x: F64) -> tuple[float, float]:
    """Slope, and x at y = 1, by medians (Theil and Sen)."""
    first, second = np.triu_indices(len(y), 1)
    slope = float(np.median((x[second] - x[first]) / (y[second] - y[first])))
    return slope, float(np.median(x + slope * (1.0 - y)))


def _lines(ends: Sequence[tuple[float, float]]) -> list[float]:
    """Ends of traces as those of lines: near ones are one line, whose tallest trace counts."""
    if not ends:
        return []
    ordered = sorted(ends)
    groups = [[ordered[0]]]
    for one, following in pairwise(ordered):
        if following[0] - one[0] > _SAME_LINE:
            groups.append([])
        groups[-1].append(following)
    return [max(group, key=lambda end: end[1])[0] for group in groups]
