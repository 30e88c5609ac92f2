"""What a validation found out, as it is kept with the model.

The process that looked at a stranger's file may have been taken over by it: what it tells is
bounded and checked here like a stranger's words.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

MAX_FINDINGS = 50
MAX_CHARS = 400


def as_line(text: str) -> str:
    """The text in one line of bounded length, with `?` for what cannot be printed."""
    line = " ".join(text.split())
    return "".join(one if one.isprintable() else "?" for one in line)[:MAX_CHARS]


Line = Annotated[str, Field(max_length=100_000), AfterValidator(as_line)]
Count = Annotated[int, Field(ge=0, lt=2**53)]


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Facts(_Kept):
    """What was measured of a network that runs."""

    engine: Line = Field(description="that ran it")
    opset: Count
    nodes: Count = Field(description="operators, all bodies together")
    weight_bytes: Count
    cases: Count = Field(description="golden pictures that were looked at")
    difference: float | None = Field(
        allow_inf_nan=False, ge=0, description="of raw outputs, as a share; null: none are kept"
    )
    agreement: float = Field(ge=0, le=1, description="of what was found")


class Examined(_Kept):
    """What was seen."""

    findings: Annotated[tuple[Line, ...], Field(max_length=MAX_FINDINGS)] = Field(
        strict=False, description="what speaks against it; none: nothing does"
    )
    facts: Facts | None = Field(None, description="null: it did not come that far")


class Report(_Kept):
    """What was seen, when, and who had it looked at."""

    at_ns: Annotated[int, Field(ge=0, lt=2**63)]
    by: Line
    findings: Annotated[tuple[Line, ...], Field(max_length=MAX_FINDINGS)] = Field(strict=False)
    facts: Facts | None = None

    @property
    def is_good(self) -> bool:
        """True where nothing speaks against the model."""
        return not self.findings


def examined(content: bytes) -> Examined | None:
    """What a process has told; None where it is nothing of the kind."""
    try:
        return Examined.model_validate_json(content)
    except (ValidationError, ValueError):
        return None
