"""Settings of a camera's rules: what is drawn into its picture, and rules that refer to that."""

from collections.abc import Sequence
from itertools import chain
from typing import Annotated

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from edge.rules.fields import Frozen, Share, known, of_no_class, problem
from edge.rules.kinds import AnyRule, LineCountsRule, LineRule, ProximityRule, Rule, SpeedRule
from edge.rules.shapes import GroundSettings, Line, Zone


class ObjectSettings(Frozen):
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


class CameraRulesSettings(Frozen):
    """What is watched on one camera's pictures. A camera's settings inherit from this."""

    zones: tuple[Zone, ...] = Field(default=(), max_length=100)
    lines: tuple[Line, ...] = Field(default=(), max_length=100)
    ground: GroundSettings | None = Field(
        default=None, description="for speeds and distances in metres; null: not known"
    )
    rules: tuple[Rule, ...] = Field(default=(), max_length=100)
    objects: ObjectSettings = ObjectSettings()

    @model_validator(mode="after")
    def _check_names(self) -> "CameraRulesSettings":
        problems = [*self._duplicates(), *self._missing(), *self._without_ground()]
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
                    found.append(problem((*location, "id"), message, name))
                first.setdefault(name, location)
        return found

    def _missing(self) -> list[InitErrorDetails]:
        names = {"zone": [zone.id for zone in self.zones], "line": [line.id for line in self.lines]}
        found = []
        for place, rule in enumerate(self.rules):
            shape = "line" if isinstance(rule, LineRule | LineCountsRule) else "zone"
            target = target_of(rule)
            if target and target not in names[shape]:
                message = f"there is no {shape} {target!r}; {known(target, names[shape])}"
                found.append(problem(("rules", place, shape), message, target))
        return found

    def _without_ground(self) -> list[InitErrorDetails]:
        if self.ground is not None:
            return []
        message = (
            "a {} rule needs the camera's `ground`: four points of the picture and where they lie "
            "in metres"
        )
        return [
            problem(("rules", place, "kind"), message.format(rule.kind), rule.kind)
            for place, rule in enumerate(self.rules)
            if isinstance(rule, SpeedRule | ProximityRule)
        ]


def target_of(rule: AnyRule) -> str:
    """Id of the zone or line that a rule watches, empty where it is the whole picture."""
    return rule.line if isinstance(rule, LineRule | LineCountsRule) else rule.zone or ""


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
    named = (
        (("rules", place, "classes", position), name)
        for place, rule in enumerate(settings.rules)
        for position, name in enumerate(rule.classes)
    )
    return of_no_class(named, classes)
