"""A settings file into a frozen model: read once, refused whole, every mistake with its line.

The file is YAML. Environment variables override single values: with the prefix `WAYSIDE_EDGE`,
`WAYSIDE_EDGE__MQTT__PORT=8883` sets `mqtt.port`; their values are read as YAML as well. A text
may name a secret instead of holding it, see `references`.
"""

import difflib
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wayside.errors import Problem, SettingsError
from wayside.places import Location, Place, find
from wayside.references import Named, References, UnknownReferenceError

MAX_BYTES = 1024 * 1024
"""A settings file that is larger is refused unread."""

_IN_QUOTES = "put it in quotes if it is a text"
_QUOTED = re.compile(r"'[^'<]{2,}'")

M = TypeVar("M", bound=BaseModel)

Layer = Callable[[dict[str, Any]], Mapping[Location, tuple[str, Any]]]
"""Values from elsewhere for a document: where they go, who says so, and what. It may raise
SettingsError."""


def load(
    path: Path,
    model: type[M],
    *,
    prefix: str = "",
    environ: Mapping[str, str] = os.environ,
    layer: Layer | None = None,
) -> M:
    """The model that a YAML file and the environment describe.

    Args:
        path: the file.
        model: a pydantic model with `extra="forbid"`.
        prefix: of the environment variables that override values; empty: none do.
        environ: the environment.
        layer: values that go before the file's, and that the environment overrides.

    Raises:
        SettingsError: unreadable, no YAML, or not what the model allows; it holds every problem.
    """
    text = _read(path)
    return parse(
        text, str(path), model, prefix=prefix, environ=environ, base=path.parent.absolute(),
        layer=layer,
    )  # fmt: skip


def parse(
    text: str,
    file: str,
    model: type[M],
    *,
    prefix: str = "",
    environ: Mapping[str, str] = os.environ,
    base: Path | None = None,
    layer: Layer | None = None,
) -> M:
    """The model that a YAML text describes; see `load`.

    `base` is handed to the model's validators as context, for paths relative to the file.
    """
    lines: dict[Location, int] = {}
    document = read_document(text, file, lines)
    document, named = _resolve(document, file, lines, References(environ, base))
    sources: dict[Location, str] = {}
    for location, (origin, value) in _above(document, layer, prefix, environ):
        _put(document, location, value, origin)
        sources[location] = origin
    try:
        return model.model_validate(document, context={"base": base})
    except ValidationError as error:
        problems = [
            _problem(detail, file, lines, sources, model, named)
            for detail in _causes(error.errors())
        ]
        # In the order of the file; what comes from a variable or stands nowhere goes last.
        problems.sort(key=lambda problem: problem.line or math.inf)
        raise SettingsError(problems) from error


def origins(
    path: Path,
    *,
    prefix: str = "",
    environ: Mapping[str, str] = os.environ,
    layer: Layer | None = None,
) -> dict[Location, str]:
    """Where each value comes from that is set at all: `agent.yaml:12`, or a variable's name.

    Args:
        path: the file.
        prefix: of the environment variables that override values; empty: none do.
        environ: the environment.
        layer: values that go before the file's, and that the environment overrides.

    Raises:
        SettingsError: the file is unreadable or no YAML.
    """
    lines: dict[Location, int] = {}
    document = read_document(_read(path), str(path), lines)
    found = {location: f"{path.name}:{line}" for location, line in lines.items() if location}
    for location, (origin, value) in _above(document, layer, prefix, environ):
        found = {one: told for one, told in found.items() if one[: len(location)] != location}
        found |= dict.fromkeys(_places(value, location), origin)
    return found


def _above(
    document: dict[str, Any], layer: Layer | None, prefix: str, environ: Mapping[str, str]
) -> list[tuple[Location, tuple[str, Any]]]:
    """What goes before the file's values, in the order in which it is laid over them."""
    layered = layer(document) if layer is not None else {}
    return [*layered.items(), *_overrides(prefix, environ).items()]


def _places(value: Any, location: Location) -> Iterator[Location]:
    """The place of a value and of all that is in it."""
    yield location
    if isinstance(value, list):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _places(inner, (*location, key))


def references(path: Path, *, environ: Mapping[str, str] = os.environ) -> dict[Location, str]:
    """The texts that name a secret, as they stand in the file: what may be shown of them.

    Args:
        path: the file.
        environ: the environment.

    Raises:
        SettingsError: the file is unreadable or no YAML, or a secret is not there.
    """
    lines: dict[Location, int] = {}
    document = read_document(_read(path), str(path), lines)
    place = path.parent.absolute()
    return _resolve(document, str(path), lines, References(environ, place))[1].texts


def _resolve(
    document: dict[str, Any], file: str, lines: Mapping[Location, int], references: References
) -> tuple[dict[str, Any], Named]:
    try:
        return references.resolve(document)
    except UnknownReferenceError as problem:
        raise problem.told(file, lines, dotted(problem.location)) from None


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError([Problem(str(path), 0, "", f"larger than {MAX_BYTES} bytes")])
        return path.read_text(encoding="utf-8")
    except OSError as error:
        told = f"cannot be read: {error.strerror}; check the path and who may read it"
        problem = Problem(str(path), 0, "", told)
        raise SettingsError([problem]) from error
    except UnicodeDecodeError as error:
        raise SettingsError([Problem(str(path), 0, "", "is not UTF-8 text")]) from error


def read_document(text: str, file: str, lines: dict[Location, int]) -> dict[str, Any]:
    """The mapping that a YAML text holds, empty where it holds nothing.

    Args:
        text: the YAML.
        file: what it is called in errors.
        lines: is told the line of each key.

    Raises:
        SettingsError: it is no YAML, no mapping, or a key stands twice.
    """
    try:
        loader = _Loader(text)
    except yaml.YAMLError as error:  # a character that no YAML text may hold
        raise SettingsError([Problem(file, 0, "", f"is no YAML: {_one_line(error)}")]) from error
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        _check(node, (), lines, file)
        document = loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = "; indent with spaces, not with tabs" if "'\\t'" in str(error.problem) else ""
        raise SettingsError(
            [Problem(file, line, "", f"is no YAML: {error.problem}{hint}")]
        ) from error
    except yaml.YAMLError as error:
        raise SettingsError([Problem(file, 0, "", f"is no YAML: {_one_line(error)}")]) from error
    except RecursionError:
        raise SettingsError([Problem(file, 0, "", "is nested too deeply")]) from None
    finally:
        loader.dispose()
    if not isinstance(document, dict):
        raise SettingsError([Problem(file, 1, "", "must be a mapping of keys to values")])
    return document


class _Loader(yaml.SafeLoader):
    """Tells of every value that cannot be as PyYAML tells of most: by its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of a node.

        Raises:
            yaml.constructor.ConstructorError: it has none.
        """
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError) as error:  # 2026-02-30, 0x_, !!bool maybe
            kind = node.tag.rpartition(":")[2]
            told = f"a value that looks like {kind} and is none; {_IN_QUOTES}"
            raise yaml.constructor.ConstructorError(None, None, told, node.start_mark) from error


def _check(
    node: yaml.Node,
    location: Location,
    lines: dict[Location, int],
    file: str,
    around: tuple[yaml.Node, ...] = (),
) -> None:
    """Note the line of every key, and refuse one that stands twice, or an alias of itself."""
    line = node.start_mark.line + 1
    if node in around:
        raise SettingsError([Problem(file, line, dotted(location), "holds itself by an alias")])
    if len(lines) > MAX_BYTES:  # a text has fewer values than bytes, so aliases multiply them
        raise SettingsError([Problem(file, line, "", "holds too many values, by aliases")])
    around = (*around, node)
    lines.setdefault(location, line)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*location, str(key.value))
            if place in lines:
                problem = Problem(file, key.start_mark.line + 1, dotted(place),
                                  f"stands twice, first in line {lines[place]}")  # fmt: skip
                raise SettingsError([problem])
            lines[place] = key.start_mark.line + 1
            _check(value, place, lines, file, around)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _check(item, (*location, index), lines, file, around)


def _overrides(prefix: str, environ: Mapping[str, str]) -> dict[Location, tuple[str, Any]]:
    if not prefix:
        return {}
    found: dict[Location, tuple[str, Any]] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(f"{prefix}__"):
            continue
        parts = variable[len(prefix) + 2 :].lower().split("__")
        location = tuple(int(part) if part.isdigit() else part for part in parts)
        try:
            found[location] = (variable, yaml.load(text, _Loader))  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            told = _without_text(error)
            hint = "" if _IN_QUOTES in told else f"; {_IN_QUOTES}"
            raise SettingsError([Problem(variable, 0, "", f"is no YAML: {told}{hint}")]) from None
        except RecursionError:
            raise SettingsError([Problem(variable, 0, "", "is nested too deeply")]) from None
    return found


def _put(document: dict[str, Any], location: Location, value: Any, variable: str) -> None:
    place: Any = document
    try:
        for part in location[:-1]:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place[part]
        place[location[-1]] = value
    except (TypeError, IndexError, KeyError) as error:
        raise SettingsError([Problem(variable, 0, dotted(location), "names no place")]) from error


def _causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows: a sequence is "too short" where its items were refused."""
    places = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(
            len(p) > len(detail["loc"]) and p[: len(detail["loc"])] == detail["loc"] for p in places
        )
    ]


def _problem(
    detail: ErrorDetails,
    file: str,
    lines: Mapping[Location, int],
    sources: Mapping[Location, str],
    model: type[BaseModel],
    named: Named,
) -> Problem:
    reported = detail["loc"]
    if detail["type"].startswith("union_tag_"):  # what is wrong is the key that tells the member
        reported = (*reported, detail["ctx"]["discriminator"].strip("'"))
    place = find(model, reported, lines.keys() | sources.keys())
    location, message = place.location, named.hidden(_message(detail, place, named))
    for end in range(len(location), 0, -1):
        if location[:end] in sources:
            return Problem(sources[location[:end]], 0, dotted(location), message)
    line = next(
        (lines[location[:end]] for end in range(len(location), -1, -1) if location[:end] in lines),
        0,
    )
    return Problem(file, line, dotted(location), message)


def _message(detail: ErrorDetails, place: Place, named: Named) -> str:
    match detail["type"]:
        case "missing" | "union_tag_not_found":
            return (
                f"is missing; must be {_either(place.choices)}" if place.choices else "is missing"
            )
        case "union_tag_invalid":
            return f"must be {_either(place.choices)}, not {_shown(detail['ctx']['tag'], named)}"
        case "extra_forbidden":
            allowed = ", ".join(place.siblings)
            hint = _did_you_mean(str(place.location[-1]), place.siblings)
            return f"is unknown; allowed: {allowed}{hint}" if allowed else "is unknown"
        case "value_error" | "assertion_error":
            return detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        case _:
            return f"{detail['msg']}{_instead(detail['input'], named)}"


def _either(choices: Sequence[object]) -> str:
    *others, last = map(repr, choices)
    return f"{', '.join(others)} or {last}" if others else last


def _did_you_mean(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _instead(value: object, named: Named) -> str:
    """What stands there, unless it could hold a password: a URL, or a whole section."""
    is_plain = isinstance(value, bool | int | float) or (
        isinstance(value, str) and "://" not in value
    )
    return f", not {_shown(value, named)}" if is_plain else ""


def _shown(value: object, named: Named) -> str:
    text = repr(named.hidden(value) if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _without_text(error: yaml.YAMLError) -> str:
    """What is wrong, without the text in which it is: a variable may hold a password."""
    problem = getattr(error, "problem", None)
    return _QUOTED.sub("'...'", problem) if problem else _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def dotted(location: Location) -> str:
    """`cameras[0].rules[2].zone` for ("cameras", 0, "rules", 2, "zone")."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
