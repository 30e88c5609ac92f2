"""Where an error stands, and what is allowed there, in models with unions of every kind."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from wayside.errors import SettingsError
from wayside.settings import parse


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Zone(_Strict):
    kind: Literal["zone"]
    zone: Annotated[str, Field(max_length=4)]


class Line(_Strict):
    kind: Literal["line"]
    line: tuple[int, int]


class Box(_Strict):
    side: float


class Settings(_Strict):
    rule: Zone | Line | None = Field(None, discriminator="kind")
    rules: list[Annotated[Zone | Line, Field(discriminator="kind")]] = []
    by_name: dict[str, Zone | Line] = {}
    shape: Box | list[int] | None = None
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(text, "f", Settings)
    return [str(problem) for problem in caught.value.problems]


def test_a_key_that_is_called_like_its_unions_member_is_told_in_its_own_line() -> None:
    assert problems("rules:\n  - kind: zone\n    zone: harbour\n") == [
        "f:3: rules[0].zone: String should have at most 4 characters, not 'harbour'"
    ]
    assert problems("rules:\n  - kind: line\n    line: [1, x]\n")[0].startswith(
        "f:3: rules[0].line[1]: "
    )
    assert problems("rule: {kind: zone}") == ["f:1: rule.zone: is missing"]


def test_an_unknown_key_is_shown_those_of_its_member_only() -> None:
    assert problems("rule:\n  kind: zone\n  zone: dock\n  lime: 3\n") == [
        "f:4: rule.lime: is unknown; allowed: kind, zone"
    ]
    assert "f:3: by_name.a.lime: is unknown; allowed: kind, line; did you mean 'line'?" in problems(
        "by_name:\n  a:\n    {lime: 3, kind: line, line: [1, 2]}\n"
    )


def test_a_member_that_is_not_told_names_those_there_are() -> None:
    assert problems("rule:\n  kind: lane\n") == [
        "f:2: rule.kind: must be 'zone' or 'line', not 'lane'"
    ]
    assert problems("rules:\n  - zone: dock\n") == [
        "f:2: rules[0].kind: is missing; must be 'zone' or 'line'"
    ]


def test_members_that_are_no_models_leave_no_name_behind() -> None:
    assert {problem.rpartition(": ")[0] for problem in problems("workers: 0")} == {"f:1: workers"}
    told = problems("shape:\n  - 1\n  - x\n")
    assert "f:3: shape[1]: Input should be a valid integer" in " ".join(told)


def test_problems_stand_in_the_order_of_the_file() -> None:
    told = problems("workers: 0\nby_name: 3\nrules: 3\nrule: 3\nodd: 1\n")
    lines = [int(problem.split(":")[1]) for problem in told]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, 3, 4, 5}
