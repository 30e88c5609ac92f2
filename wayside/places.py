"""Where an error of pydantic stands in the file, and which keys are allowed there.

Pydantic puts the name of a union's member between the keys: its class, or the value that tells it
from the others. The model's annotations say which parts of a location these are.
"""

from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel

Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the file.

    Attributes:
        location: keys and indices that lead to it.
        siblings: keys that its mapping may hold, in order of the alphabet; empty where it is
            no mapping of known keys.
        choices: values that are allowed there, where the model lists them.
    """

    location: Location
    siblings: tuple[str, ...]
    choices: tuple[object, ...]


def find(model: type[BaseModel], reported: Location, present: Container[Location]) -> Place:
    """The place that pydantic reports.

    Args:
        model: what the whole file describes.
        reported: of an error, with the names of union members.
        present: places that there are in the file. A last part that may be a member's name as
            well as a key is a key where the file has it: validators report such places.
    """
    location: Location = ()
    kinds: list[Any] = [model]
    siblings: set[str] = set()
    for position, part in enumerate(reported):
        members = [member for kind in kinds for member in _members(kind)]
        is_last = position == len(reported) - 1
        is_union = len(members) > len(kinds)
        if is_union and not _is_key(part, members, location, present, is_last):
            kinds = [member for member in members if part in _names(member)] or members
            continue
        location = (*location, part)
        siblings = {key for member in members if _is_model(member) for key in member.model_fields}
        kinds = [inner for member in members for inner in _inside(member, part)]
    choices = [value for kind in kinds for value in _literals(kind)]
    return Place(location, tuple(sorted(siblings)), tuple(choices))


def _is_key(
    part: int | str,
    members: list[Any],
    location: Location,
    present: Container[Location],
    is_last: bool,
) -> bool:
    """True when a part below a union is a key or an index, and no member's name."""
    is_key = isinstance(part, int) or any(_inside(member, part) for member in members)
    if any(part in _names(member) for member in members):
        return is_key and is_last and (*location, part) in present
    return is_key


def _members(annotation: Any) -> list[Any]:
    """What a value may be besides None: the members of a union, or the annotation alone."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, UnionType):
        return [annotation]
    return [
        inner
        for member in get_args(annotation)
        if member is not NoneType
        for inner in _members(member)
    ]


def _names(member: Any) -> set[Any]:
    """What pydantic may call a union's member that is a model."""
    if not _is_model(member):
        return set()
    fields = member.model_fields.values()
    return {member.__name__, *(tag for field in fields for tag in _literals(field.annotation))}


def _literals(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _inside(annotation: Any, part: int | str) -> list[Any]:
    """The annotation of what stands under a key or an index; empty where nothing may."""
    if _is_model(annotation):
        field = annotation.model_fields.get(str(part))
        return [] if field is None else [field.annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if not isinstance(origin, type) or not arguments:
        return []
    if issubclass(origin, Mapping):
        return [arguments[1]]
    if not issubclass(origin, Collection) or not isinstance(part, int):
        return []
    if issubclass(origin, tuple) and Ellipsis not in arguments:
        return [arguments[part]] if part < len(arguments) else []
    return [arguments[0]]


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
