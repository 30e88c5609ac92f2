"""What settings of rules are made of: ids, shares of the picture, points, seconds."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import InitErrorDetails, PydanticCustomError

from protos.ids import check_id
from wayside.errors import Problem, SettingsError
from wayside.settings import dotted

Id = Annotated[str, AfterValidator(check_id)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Point = tuple[Share, Share]
Seconds = Annotated[float, Field(ge=0.0, le=86_400.0, allow_inf_nan=False)]
Window = Annotated[float, Field(ge=0.1, le=60.0, allow_inf_nan=False)]
Anchor = Literal["bottom-centre", "centre"]
ANCHORS: tuple[Anchor, ...] = ("bottom-centre", "centre")
_MAX_SHOWN = 10

Where = tuple[str | int, ...]
"""A place within a camera's settings, `("rules", 0, "classes", 1)`."""


class Frozen(BaseModel):
    """A part of the settings: never changed, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def known(wanted: str, names: Sequence[str]) -> str:
    """What to say to somebody who names `wanted`, which is not among the names."""
    if not names:
        return "none is defined"
    if len(names) <= _MAX_SHOWN:
        return f"known: {', '.join(names)}"
    close = difflib.get_close_matches(wanted, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"known: {', '.join(names[:_MAX_SHOWN])} and {len(names) - _MAX_SHOWN} more{hint}"


def problem(location: tuple[str | int, ...], message: str, value: object) -> InitErrorDetails:
    """An error of validation at a place below the model that raises it."""
    error = PydanticCustomError("value_error", "{message}", {"message": message})
    return InitErrorDetails(type=error, loc=location, input=value)


def of_no_class(
    named: Iterable[tuple[Where, str]], classes: Sequence[str]
) -> list[tuple[Where, str]]:
    """Of classes that rules name, those that a model does not have, and what to say about each.

    Args:
        named: places in the settings, and the classes that stand there.
        classes: of the model's manifest.
    """
    return [
        (place, f"the model has no class {name!r}; {known(name, classes)}")
        for place, name in named
        if name not in classes
    ]


def require_none(camera_id: str, problems: Sequence[tuple[Where, str]]) -> None:
    """Return where the rules of a camera have no problem.

    Raises:
        SettingsError: they have; it holds each of them.
    """
    if problems:
        source = f"camera {camera_id}"
        raise SettingsError([Problem(source, 0, dotted(at), text) for at, text in problems])
