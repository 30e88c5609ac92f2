"""What settings of rules are made of: ids, shares of the picture, points, seconds."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import InitErrorDetails, PydanticCustomError

from protos.ids import check_id

Id = Annotated[str, AfterValidator(check_id)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Point = tuple[Share, Share]
Seconds = Annotated[float, Field(ge=0.0, le=86_400.0, allow_inf_nan=False)]
Window = Annotated[float, Field(ge=0.1, le=60.0, allow_inf_nan=False)]
Anchor = Literal["bottom-centre", "centre"]
ANCHORS: tuple[Anchor, ...] = ("bottom-centre", "centre")
_MAX_SHOWN = 10


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
