"""Which version an order means, and whether it may be given. No I/O.

The first that lists a version decides about it. What nobody lists is refused, for it is a mistake
sooner than a model; only where nobody lists anything at all there is nothing to compare it with,
and the device alone decides (ADR 0082).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloud.desired.port import MOST_NAMED, Found, Listed
from cloud.errors import DeviceError


@dataclass(frozen=True, slots=True)
class Choice:
    """What is ordered.

    Attributes:
        version: of the model.
        sha256: of its record; empty: as the signed repository says.
        is_listed: False where nobody lists any models.
    """

    version: str
    sha256: bytes
    is_listed: bool


def choose(family: str, wanted: str, sha256: bytes, found: Iterable[tuple[str, Found]]) -> Choice:
    """The version that an order means.

    Args:
        family: the model's name.
        wanted: a version, or an alias of one.
        sha256: of the record that it must be; empty: whichever is listed.
        found: what each listing has, under its name, the one that decides first; those behind it
            are not asked for.

    Raises:
        DeviceError: it may not be ordered; the message says what may.
    """
    asked: list[tuple[str, Found]] = []
    for name, one in found:
        asked.append((name, one))
        if one.listed is not None:
            return _checked(family, wanted, sha256, name, one.listed, one)
    if any(one.models for _, one in asked):
        raise DeviceError(_unknown(family, wanted, asked))
    return Choice(wanted, sha256, is_listed=False)


def _checked(
    family: str, wanted: str, sha256: bytes, where: str, listed: Listed, found: Found
) -> Choice:
    called = "" if listed.version == wanted else f", the {wanted},"
    if listed.problem:
        raise DeviceError(
            f"model {family} {listed.version}{called} {listed.problem}; {_there_is(where, found)}"
        )
    if sha256 and sha256 != listed.sha256:
        raise DeviceError(
            f"the record of model {family} {listed.version} is {listed.sha256.hex()} in {where}, "
            f"not {sha256.hex()}: leave it out, or order the version that it is of"
        )
    return Choice(listed.version, listed.sha256, is_listed=True)


def _unknown(family: str, wanted: str, asked: Sequence[tuple[str, Found]]) -> str:
    """Why a version that nobody lists is not ordered."""
    places = " and ".join(name for name, one in asked if one.models)
    having = [(name, one) for name, one in asked if family in one.models]
    if having:
        there_is = "; ".join(_there_is(name, one) for name, one in having)
        return f"there is no version {wanted!r} of model {family!r} in {places}; {there_is}"
    names = sorted({name for _, one in asked for name in one.models})
    return f"there is no model {family!r} in {places}; there is: {_named(names)}"


def _there_is(where: str, found: Found) -> str:
    """What a listing has of a model."""
    text = f"released in {where}: {_named(found.released)}"
    if found.aliases:
        told = [f"{alias} ({version})" for alias, version in sorted(found.aliases.items())]
        text += f"; aliases: {_named(told)}"
    return text


def _named(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more if names else "none"
