"""Settings of rules, one class a kind.

What all have in common: a rule watches the objects of its classes that were once seen surely
enough, at one point of their boxes, during its schedule. Having told of an object, it says nothing
more of it for `cooldown_s`; what began meanwhile and holds on then is told then.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge.rules.fields import Anchor, Frozen, Id, Point, Seconds, Share, Window
from edge.rules.schedule import Schedule

Objects = Annotated[int, Field(ge=0, le=10_000)]
ZONE = "id of a zone of this camera"
ZONE_OR_ALL = "id of a zone of this camera; null: the whole picture"
SETTLED = "being in or out counts from so many seconds on"
STATIONARY = "exclude: who has come to rest is not there for this rule until it moves on"
REARM = "what was told must be over for so many seconds before it is told anew"


class _Rule(Frozen):
    id: Id
    classes: tuple[Id, ...] = Field(default=(), description="of the model; empty: all of them")
    anchor: Anchor = Field(default="bottom-centre", description="the point of a box that counts")
    min_confidence: Share = Field(
        default=0.0, description="an object counts from the moment it was seen this surely"
    )
    margin: Annotated[float, Field(ge=0.0, le=0.5)] = Field(
        default=0.02, description="share of the picture beyond the edge that counts as on it still"
    )
    schedule: Schedule = Field(default=(), max_length=50, description="when; empty: always")
    cooldown_s: Seconds = Field(
        default=0.0, description="an object that was told of is not told of again for so long"
    )


class _PresenceRule(_Rule):
    zone: Id = Field(description=ZONE)
    min_s: Seconds = Field(default=0.5, description=SETTLED)
    stationary: Literal["include", "exclude"] = Field(default="include", description=STATIONARY)


class ZoneRule(_PresenceRule):
    """Tells who enters a zone, who leaves it, and after how long."""

    kind: Literal["zone"]


class LineRule(_Rule):
    """Tells who crosses a line in which direction."""

    kind: Literal["line"]
    line: Id = Field(description="id of a line of this camera")
    min_s: Seconds = Field(default=0.2, description="being across counts from so many seconds on")


class DwellRule(_PresenceRule):
    """Tells who has been in a zone for so long; who leaves and comes back is told anew."""

    kind: Literal["dwell"]
    after_s: Annotated[float, Field(gt=0.0, le=7 * 86_400.0)] = Field(description="of staying")
    repeat_s: Annotated[float, Field(ge=1.0, le=7 * 86_400.0)] | None = Field(
        default=None, description="told again after so many more seconds each; null: once a stay"
    )


class OccupancyRule(_PresenceRule):
    """Tells how many objects are in a zone.

    Without limits it tells every number that differs from the one told last, or from 0; with
    limits only that there are `at_least`, or `at_most`, so many, and again once that was over.
    """

    kind: Literal["occupancy"]
    settle_s: Seconds = Field(default=2.0, description="a number counts from so many seconds on")
    at_least: Objects | None = Field(default=None, description="tell when there are so many")
    at_most: Objects | None = Field(default=None, description="tell when there are only so many")

    @model_validator(mode="after")
    def _check_limits(self) -> "OccupancyRule":
        if self.at_least == 0:
            raise ValueError("at_least 0 holds always; the least that says something is 1")
        both = self.at_least is not None and self.at_most is not None
        if both and self.at_most >= self.at_least:  # type: ignore[operator]
            raise ValueError(
                f"at_most {self.at_most} and at_least {self.at_least} leave no number between them "
                "that is not told; at_most must be the lower one"
            )
        return self


class LineCountsRule(_Rule):
    """Counts who crosses a line in an interval, by class and direction."""

    kind: Literal["line-counts"]
    line: Id = Field(description="id of a line of this camera")
    min_s: Seconds = Field(default=0.2, description="being across counts from so many seconds on")
    interval_s: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=60, description="intervals of so many seconds, in step with UTC"
    )


class ZoneCountsRule(_PresenceRule):
    """Counts the different objects that were in a zone in an interval, by class."""

    kind: Literal["zone-counts"]
    interval_s: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=60, description="intervals of so many seconds, in step with UTC"
    )


class WrongWayRule(_Rule):
    """Tells who moves against the direction in which one moves through a zone."""

    kind: Literal["wrong-way"]
    zone: Id | None = Field(default=None, description=ZONE_OR_ALL)
    min_s: Seconds = Field(default=0.0, description=SETTLED)
    right_way: tuple[Point, Point] = Field(description="points from the first to the second")
    tolerance_deg: Annotated[float, Field(ge=1.0, le=90.0)] = Field(
        default=45.0, description="from the exact opposite, as seen in the picture"
    )
    min_distance: Annotated[float, Field(ge=0.005, le=1.0)] = Field(
        default=0.1, description="share of the picture's height that is moved the wrong way"
    )
    moving_s: Seconds = Field(default=0.5, description="that this takes at least")

    @model_validator(mode="after")
    def _check_direction(self) -> "WrongWayRule":
        if math.dist(*self.right_way) < 0.01:
            raise ValueError("the two points of right_way are too near to show a direction")
        return self


class SpeedRule(_Rule):
    """Tells who is faster than a limit; the camera's `ground` says what a metre is."""

    kind: Literal["speed"]
    zone: Id | None = Field(default=None, description=ZONE_OR_ALL)
    min_s: Seconds = Field(default=0.0, description=SETTLED)
    limit_mps: Annotated[float, Field(gt=0.0, le=200.0)] = Field(description="m/s; 50 km/h: 13.9")
    over_s: Seconds = Field(default=0.5, description="being faster counts from so many seconds on")
    rearm_s: Seconds = Field(default=5.0, description=REARM)


class ProximityRule(_Rule):
    """Tells which two objects are nearer than a distance; `ground` says what a metre is."""

    kind: Literal["proximity"]
    zone: Id | None = Field(default=None, description=ZONE_OR_ALL)
    min_s: Seconds = Field(default=0.0, description=SETTLED)
    metres: Annotated[float, Field(gt=0.0, le=1_000.0)] = Field(description="nearer than so many")
    near_s: Seconds = Field(default=5.0, description="being near counts from so many seconds on")
    rearm_s: Seconds = Field(default=10.0, description=REARM)


class CollisionRule(_Rule):
    """Tells what a vehicle's camera will run into before long if both keep their speeds."""

    kind: Literal["collision-warning"]
    zone: Id = Field(description="id of a zone of this camera: the corridor ahead")
    min_s: Seconds = Field(default=0.0, description=SETTLED)
    ttc_s: Annotated[float, Field(gt=0.0, le=30.0)] = Field(
        default=2.5, description="time to collision below which it is told"
    )
    window_s: Window = Field(default=1.0, description="growth is the median over so many seconds")
    closing_s: Seconds = Field(
        default=0.2, description="being so close counts from so many seconds on"
    )
    rearm_s: Seconds = Field(default=3.0, description=REARM)


ZonedRule = (
    ZoneRule
    | DwellRule
    | OccupancyRule
    | ZoneCountsRule
    | WrongWayRule
    | SpeedRule
    | ProximityRule
    | CollisionRule
)
LinedRule = LineRule | LineCountsRule
AnyRule = ZonedRule | LinedRule
Rule = Annotated[AnyRule, Field(discriminator="kind")]
