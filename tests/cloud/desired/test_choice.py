"""Which version an order means: the first that lists it decides, and what nobody has is refused."""

from collections.abc import Iterator

import pytest

from cloud.desired.choice import Choice, choose
from cloud.desired.port import MOST_NAMED, Found, Listed
from cloud.errors import DeviceError

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
NOTHING = ("the signed repository", Found())


def registry(listed: Listed | None, *models: str) -> tuple[str, Found]:
    """As the registry answers that has released `2` and `1` of `gate`, and calls `2` champion."""
    found = Found(listed, ("2", "1"), {"champion": "2"}, models or ("gate", "yard"))
    return "the registry", found


def refusal(wanted: str, *found: tuple[str, Found], sha256: bytes = b"") -> str:
    with pytest.raises(DeviceError) as refused:
        choose("gate", wanted, sha256, found)
    return str(refused.value)


def test_a_released_version_and_an_alias_of_it_are_ordered_with_their_record() -> None:
    found = registry(Listed("2", TWO))
    for wanted, sha256 in (("2", b""), ("champion", b""), ("2", TWO)):
        assert choose("gate", wanted, sha256, [found]) == Choice("2", TWO, is_listed=True)


def test_the_first_that_lists_it_decides_and_nobody_else_is_asked() -> None:
    asked = []

    def each() -> Iterator[tuple[str, Found]]:
        for found in (registry(None), ("the signed repository", Found(Listed("3", ONE)))):
            asked.append(found[0])
            yield found
        raise AssertionError("somebody decided already")

    assert choose("gate", "3", b"", each()).version == "3"
    assert asked == ["the registry", "the signed repository"]


def test_what_is_not_released_is_refused_with_what_is() -> None:
    told = refusal("1.0", registry(Listed("1.0", ONE, "is revoked for good")), NOTHING)
    assert told == (
        "model gate 1.0 is revoked for good; released in the registry: 2, 1; aliases: champion (2)"
    )
    challenger = registry(Listed("3", ONE, "is validated, and not released"))
    assert refusal("challenger", challenger).startswith(
        "model gate 3, the challenger, is validated, and not released; "
    )


def test_a_typo_is_refused_with_what_there_is() -> None:
    signed = ("the signed repository", Found(None, ("4",), models=("gate",)))
    assert refusal("1.o", registry(None), signed) == (
        "there is no version '1.o' of model 'gate' in the registry and the signed repository; "
        "released in the registry: 2, 1; aliases: champion (2); released in the signed "
        "repository: 4"
    )
    others = ("the registry", Found(models=("yard", "dock")))
    assert refusal("1", others, NOTHING) == (
        "there is no model 'gate' in the registry; there is: dock, yard"
    )


def test_another_record_than_the_listed_one_is_refused() -> None:
    told = refusal("2", registry(Listed("2", TWO)), sha256=ONE)
    assert f"is {TWO.hex()} in the registry, not {ONE.hex()}" in told


def test_where_nobody_lists_anything_the_device_alone_decides() -> None:
    nobody = [("the registry", Found()), NOTHING]
    assert choose("gate", "1", ONE, nobody) == Choice("1", ONE, is_listed=False)
    assert choose("gate", "1", b"", []) == Choice("1", b"", is_listed=False)


def test_a_refusal_names_only_so_many() -> None:
    versions = tuple(str(number) for number in range(MOST_NAMED + 1))
    told = refusal("x", ("the registry", Found(None, versions, {}, ("gate",))))
    assert told.endswith(f"{versions[MOST_NAMED - 1]}, ...")
    assert f", {versions[MOST_NAMED]}" not in told
    none = refusal("x", ("the registry", Found(None, (), {}, ("gate",))))
    assert none.endswith("released in the registry: none")
