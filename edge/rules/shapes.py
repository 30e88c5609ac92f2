"""Settings of what is drawn into a picture: zones, lines, and the ground measured in metres.

Points are shares of the picture, (x, y) with y pointing down, so that they hold for any resolution.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

from pydantic import Field, model_validator

from edge.rules.fields import Frozen, Id, Point, Window
from edge.rules.geometry import crossing_edges, triangle_area

Metres = Annotated[float, Field(ge=-10_000.0, le=10_000.0, allow_inf_nan=False)]
Place = tuple[Metres, Metres]
_MIN_TRIANGLE = 1e-3
"""Area of three of the ground's points, in squares of its extent, below which they are a line."""


class Zone(Frozen):
    """A part of the picture."""

    id: Id
    points: tuple[Point, ...] = Field(min_length=3, max_length=256, description="its corners")

    @model_validator(mode="after")
    def _check_simple(self) -> "Zone":
        require_simple(f"zone {self.id!r}", self.points)
        return self


class Line(Frozen):
    """A line across the picture; side A is on its left, seen from its first to its last point."""

    id: Id
    points: tuple[Point, Point]

    @model_validator(mode="after")
    def _check_length(self) -> "Line":
        if self.points[0] == self.points[1]:
            raise ValueError(f"the two points of line {self.id!r} are the same")
        return self


class GroundSettings(Frozen):
    """The flat ground that objects stand on: four points of it, in the picture and in metres."""

    points: tuple[Point, Point, Point, Point] = Field(description="in the picture")
    metres: tuple[Place, Place, Place, Place] = Field(
        description="the same four on the ground, (x, y) in m from any origin, axes at right angles"
    )
    window_s: Window = Field(default=1.0, description="speeds are means over so many seconds")

    @model_validator(mode="after")
    def _check_spread(self) -> "GroundSettings":
        for name, corners in (("points", self.points), ("metres", self.metres)):
            _check_corners(name, corners)
        turns = [
            [triangle_area(*three) > 0.0 for three in combinations(corners, 3)]
            for corners in (self.points, self.metres)
        ]
        # A view of the ground keeps all turns, or, seen in a mirror (y up in metres), swaps all.
        if turns[0] != turns[1] and turns[0] != [not turn for turn in turns[1]]:
            raise ValueError(
                "points and metres are not the same four places: walk around both in the same order"
            )
        return self


def require_simple(what: str, points: Sequence[Point]) -> None:
    """Return where an outline neither crosses nor touches itself.

    Raises:
        ValueError: it does; the message says where.
    """
    if (edges := crossing_edges(points)) is not None:
        first, second = (edge + 1 for edge in edges)
        raise ValueError(
            f"the outline of {what} crosses or touches itself: the edges after its "
            f"points {first} and {second} meet; name the corners in the order of a walk around"
        )


def _check_corners(name: str, corners: tuple[tuple[float, float], ...]) -> None:
    spread = [max(axis) - min(axis) for axis in zip(*corners, strict=True)]
    least = _MIN_TRIANGLE * max(spread) ** 2
    for three in combinations(range(4), 3):
        if abs(triangle_area(*(corners[place] for place in three))) <= least:
            first, second, third = (place + 1 for place in three)
            raise ValueError(
                f"{name} {first}, {second} and {third} of the ground are in one line: "
                "choose four corners of a wide rectangle"
            )
