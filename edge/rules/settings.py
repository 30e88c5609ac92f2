"""Settings of a camera's rules: named zones and lines, and rules that refer to them.

Points are shares of the picture, (x, y) with y pointing down, so that they hold for any resolution.
"""

import difflib
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from edge.rules.geometry import crossing_edges
from protos.ids import check_id

Id = Annotated[str, AfterValidator(check_id)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Point = tuple[Share, Share]
Seconds = Annotated[float, Field(ge=0.0, le=86_400.0, allow_inf_nan=False)]
Anchor = Literal["bottom-centre", "centre"]
_MAX_SHOWN = 10
ANCHORS: tuple[Anchor, ...] = ("bottom-centre", "centre")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Zone(_Frozen):
    """A part of the picture."""

    id: Id
    points: tuple[Point, ...] = Field(min_length=3, max_length=256, description="its corners")

    @model_validator(mode="after")
    def _check_simple(self) -> "Zone":
        if (edges := crossing_edges(self.points)) is not None:
            first, second = (edge + 1 for edge in edges)
            raise ValueError(
                f"the outline of zone {self.id!r} crosses or touches itself: the edges after its "
                f"points {first} and {second} meet; name the corners in the order of a walk around"
            )
        return self


class Line(_Frozen):
    """A line across the picture; side A is on its left, seen from its first to its last point."""

    id: Id
    points: tuple[Point, Point]

    @model_validator(mode="after")
    def _check_length(self) -> "Line":
        if self.points[0] == self.points[1]:
            raise ValueError(f"the two points of line {self.id!r} are the same")
        return self


class _Rule(_Frozen):
    id: Id
    classes: tuple[Id, ...] = Field(default=(), description="of the model; empty: all of them")
    anchor: Anchor = Field(default="bottom-centre", description="the point of a box that counts")
    min_confidence: Share = Field(
        default=0.0, description="an object counts from the moment it was seen this surely"
    )
    margin: Annotated[float, Field(ge=0.0, le=0.5)] = Field(
        default=0.02, description="share of the picture beyond the edge that counts as on it still"
    )


class ZoneRule(_Rule):
    """Tells who enters a zone, who leaves it, and after how long."""

    kind: Literal["zone"]
    zone: Id = Field(description="id of a zone of this camera")
    min_s: Seconds = Field(
        default=0.5, description="being in or out counts from so many seconds on"
    )


class LineRule(_Rule):
    """Tells who crosses a line in which direction."""

    kind: Literal["line"]
    line: Id = Field(description="id of a line of this camera")
    min_s: Seconds = Field(default=0.2, description="being across counts from so many seconds on")


Rule = Annotated[ZoneRule | LineRule, Field(discriminator="kind")]


class ObjectSettings(_Frozen):
    """When an object that goes on is told again."""

    update_s: Annotated[float, Field(ge=1.0, le=86_400.0)] = Field(
        default=1.0, description="an object is updated at most once in so many seconds"
    )
    min_move: Share = Field(
        default=0.02,
        description="share of the picture by which an edge of its box must have moved, or",
    )
    min_confidence_change: Share = Field(
        default=0.2,
        description="by how much its confidence must have changed since it was last told",
    )


class CameraRulesSettings(_Frozen):
    """What is watched on one camera's pictures. A camera's settings inherit from this."""

    zones: tuple[Zone, ...] = Field(default=(), max_length=100)
    lines: tuple[Line, ...] = Field(default=(), max_length=100)
    rules: tuple[Rule, ...] = Field(default=(), max_length=100)
    objects: ObjectSettings = ObjectSettings()

    @model_validator(mode="after")
    def _check_names(self) -> "CameraRulesSettings":
        problems = [*self._duplicates(), *self._missing()]
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, problems)
        return self

    def _duplicates(self) -> list[InitErrorDetails]:
        """Ids that stand twice; zones and lines share their names, an event's `target`."""
        shapes = chain(
            ((("zones", place), zone.id) for place, zone in enumerate(self.zones)),
            ((("lines", place), line.id) for place, line in enumerate(self.lines)),
        )
        rules = ((("rules", place), rule.id) for place, rule in enumerate(self.rules))
        found = []
        for group in (shapes, rules):
            first: dict[str, tuple[str, int]] = {}
            for location, name in group:
                if name in first:
                    key, place = first[name]
                    message = f"{name!r} stands twice, first in {key}[{place}]"
                    found.append(_detail((*location, "id"), message, name))
                first.setdefault(name, location)
        return found

    def _missing(self) -> list[InitErrorDetails]:
        known = {"zone": [zone.id for zone in self.zones], "line": [line.id for line in self.lines]}
        found = []
        for place, rule in enumerate(self.rules):
            target = target_of(rule)
            if target not in known[rule.kind]:
                message = f"there is no {rule.kind} {target!r}; {_known(target, known[rule.kind])}"
                found.append(_detail(("rules", place, rule.kind), message, target))
        return found


def target_of(rule: ZoneRule | LineRule) -> str:
    """Id of the zone or line that a rule watches."""
    return rule.zone if isinstance(rule, ZoneRule) else rule.line


def unknown_classes(
    settings: CameraRulesSettings, classes: Sequence[str]
) -> list[tuple[tuple[str | int, ...], str]]:
    """Where rules name classes that the model does not have, and what to say about it.

    Args:
        settings: of the camera.
        classes: of the model's manifest.

    Returns:
        Location within the settings, `("rules", 0, "classes", 1)`, and message of each.
    """
    return [
        (
            ("rules", place, "classes", position),
            f"the model has no class {name!r}; {_known(name, classes)}",
        )
        for place, rule in enumerate(settings.rules)
        for position, name in enumerate(rule.classes)
        if name not in classes
    ]


def _known(wanted: str, names: Sequence[str]) -> str:
    if not names:
        return "none is defined"
    if len(names) <= _MAX_SHOWN:
        return f"known: {', '.join(names)}"
    close = difflib.get_close_matches(wanted, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"known: {', '.join(names[:_MAX_SHOWN])} and {len(names) - _MAX_SHOWN} more{hint}"


def _detail(location: tuple[str | int, ...], message: str, value: str) -> InitErrorDetails:
    error = PydanticCustomError("value_error", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=location, input=value)
