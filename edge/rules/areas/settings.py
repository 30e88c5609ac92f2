"""Settings of rules about areas, which a network for segmentation finds."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from edge.rules.fields import Frozen, Id, Seconds, Share, of_no_class, problem
from edge.rules.kinds import REARM
from edge.rules.schedule import Schedule


class _AreaRule(Frozen):
    id: Id
    schedule: Schedule = Field(default=(), max_length=50, description="when; empty: always")


class DepartureRule(_AreaRule):
    """Tells when a vehicle's camera comes too near to a line of its lane, or over it."""

    kind: Literal["lane-departure"]
    lines: Id = Field(default="lane-line", description="the model's class of lane lines")
    top: Share = Field(
        default=0.62, description="share of the height from which on the road is looked at, down"
    )
    centre: Share = Field(
        default=0.5, description="share of the width at which the vehicle's middle is"
    )
    nearer_than: Annotated[float, Field(gt=0.0, lt=0.5)] = Field(
        default=0.15, description="share of the lane's width between the middle and a line"
    )
    margin: Annotated[float, Field(ge=0.0, le=0.5)] = Field(
        default=0.05, description="share of the lane's width by which it must be away again"
    )
    min_s: Seconds = Field(default=0.4, description="being near counts from so many seconds on")
    rearm_s: Seconds = Field(default=1.0, description=REARM)
    memory_s: Seconds = Field(
        default=3.0, description="so long the lane's width is remembered while one line is seen"
    )
    cooldown_s: Seconds = Field(default=0.0, description="it is not told again for so long")

    @model_validator(mode="after")
    def _check_margin(self) -> "DepartureRule":
        if self.nearer_than + self.margin >= 0.5:
            raise ValueError(
                f"nearer_than {self.nearer_than} and margin {self.margin} leave no place in the "
                "middle of the lane; their sum must be below 0.5"
            )
        return self


class SegmentationRule(_AreaRule):
    """Tells how much of the picture each class has, and its outlines."""

    kind: Literal["segmentation"]
    classes: tuple[Id, ...] = Field(default=(), description="of the model; empty: all of them")
    every_s: Annotated[float, Field(ge=0.1, le=86_400.0)] = Field(
        default=1.0, description="told with the first frame of every so many seconds"
    )
    tolerance: Annotated[float, Field(ge=0.001, le=0.1)] = Field(
        default=0.005, description="share of the picture by which an outline may be off"
    )
    min_share: Share = Field(
        default=0.002, description="share of the picture below which an outline is left out"
    )
    max_outlines: Annotated[int, Field(ge=0, le=64)] = Field(
        default=8, description="of each class, the largest ones; 0: shares only"
    )


AreaRule = Annotated[DepartureRule | SegmentationRule, Field(discriminator="kind")]


class AreaRulesSettings(Frozen):
    """What is watched on the areas of one camera's pictures."""

    rules: tuple[AreaRule, ...] = Field(default=(), max_length=20)

    @model_validator(mode="after")
    def _check_names(self) -> "AreaRulesSettings":
        ids = [rule.id for rule in self.rules]
        problems = [
            problem(
                ("rules", place, "id"),
                f"{name!r} stands twice, first in rules[{ids.index(name)}]",
                name,
            )
            for place, name in enumerate(ids)
            if name in ids[:place]
        ]
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, problems)
        return self


def unknown_area_classes(
    settings: AreaRulesSettings, classes: Sequence[str]
) -> list[tuple[tuple[str | int, ...], str]]:
    """Where rules name classes that the model does not have, and what to say about it.

    Args:
        settings: of the camera.
        classes: of the segmentation model's manifest.

    Returns:
        Location within the settings, `("rules", 0, "lines")`, and message of each.
    """
    named: list[tuple[tuple[str | int, ...], str]] = []
    for place, rule in enumerate(settings.rules):
        if isinstance(rule, DepartureRule):
            named.append((("rules", place, "lines"), rule.lines))
        else:
            named += [
                (("rules", place, "classes", at), name) for at, name in enumerate(rule.classes)
            ]
    return of_no_class(named, classes)
