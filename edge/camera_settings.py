"""One camera as the settings name it: its source, its networks, and what is watched on it."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError, model_validator

from edge.capture.settings import CameraSource
from edge.infer.settings import ShareSettings
from edge.rules.areas.settings import AreaRulesSettings
from edge.rules.fields import problem
from edge.rules.settings import CameraRulesSettings
from protos.ids import check_id

Id = Annotated[str, AfterValidator(check_id)]


class AreasSettings(AreaRulesSettings, ShareSettings):
    """A network that finds areas in a camera's frames, and what is watched on them."""

    model: Id = Field(description="id of one of `models`, for segmentation")

    @model_validator(mode="after")
    def _has_rules(self) -> "AreasSettings":
        if not self.rules:
            raise ValueError(f"has no rules, so what {self.model!r} finds is told nobody: add some")
        return self


class CameraSettings(CameraSource, CameraRulesSettings, ShareSettings):
    """One camera: where its frames come from, who looks at them, and what is watched."""

    id: Id
    model: Id | None = Field(
        None, description="id of one of `models` that looks for objects; null: the agent's `model`"
    )
    areas: tuple[AreasSettings, ...] = Field(
        (), max_length=8, description="networks that look at the same frames for areas"
    )

    @model_validator(mode="after")
    def _areas_are_named_apart(self) -> "CameraSettings":
        problems = [
            problem(("areas", *place), message, name)
            for what in (self._area_models, self._area_rules)
            for place, message, name in what()
        ]
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, problems)
        return self

    @property
    def models(self) -> Iterator[str | None]:
        """Ids of the networks that look at it; None: the agent's `model`."""
        yield self.model
        for areas in self.areas:
            yield areas.model

    def _area_models(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        ids = [areas.model for areas in self.areas]
        for at, name in enumerate(ids):
            if name in ids[:at]:
                told = f"{name!r} stands twice, first in areas[{ids.index(name)}]; join their rules"
                yield (at, "model"), told, name

    def _area_rules(self) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Rules named as others of the camera are: an event tells only the rule's id."""
        first = {rule.id: f"rules[{at}]" for at, rule in enumerate(self.rules)}
        for at, areas in enumerate(self.areas):
            for place, rule in enumerate(areas.rules):
                here = f"areas[{at}].rules[{place}]"
                if first.setdefault(rule.id, here) != here:
                    told = f"{rule.id!r} stands twice, first in {first[rule.id]}"
                    yield (at, "rules", place, "id"), told, rule.id
