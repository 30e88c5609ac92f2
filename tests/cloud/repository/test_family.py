"""What may follow on what in a family, whoever signs."""

import contextlib
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Metadata, Targets

from cloud.errors import RepositoryError
from cloud.repository.family import Family, Release, check_next, read_family

END = datetime(2030, 1, 1, tzinfo=timezone.utc)
SHA = "ab" * 32

ACTIONS = st.lists(
    st.tuples(st.sampled_from(["release", "floor", "revoke"]), st.integers(0, 6)), max_size=25
)


def acted(family: Family, action: str, number: int) -> Family:
    if action == "release":
        return family.with_release(f"1.{number}", SHA, 100 + number, None)
    if action == "floor":
        return family.with_floor(number)
    return family.with_revoked(f"1.{number}")


@given(ACTIONS)
def test_no_sequence_lowers_a_floor_or_brings_back_what_was_revoked(
    actions: list[tuple[str, int]],
) -> None:
    family, given_numbers = Family("gate"), 0
    for action, number in actions:
        try:
            after = acted(family, action, number)
        except RepositoryError:
            continue
        check_next(family, after)
        assert after.floor >= family.floor
        assert after.revoked >= family.revoked
        assert not {one.number for one in after.releases} & after.revoked
        assert not {one.version for one in after.releases} & set(after.withdrawn)
        if action == "release":
            given_numbers += 1
            assert after.releases[-1].number == given_numbers
        family = after
    assert family.last == given_numbers


@given(ACTIONS)
def test_what_is_signed_reads_back_the_same(actions: list[tuple[str, int]]) -> None:
    family = Family("gate")
    for action, number in actions:
        with contextlib.suppress(RepositoryError):
            family = acted(family, action, number)
    content = Metadata(family.to_signed(3, END)).to_bytes()
    read: Metadata[Targets] = Metadata.from_bytes(content)
    assert read_family("gate", read.signed) == family


def three() -> Family:
    family = Family("gate", floor=1)
    for number in (1, 2, 3):
        family = family.with_release(f"1.{number}", SHA, 100, "0.1.0")
    return family.with_revoked("1.2")


def other(family: Family, **changes: Any) -> Family:
    fields = {name: getattr(family, name) for name in family.__slots__}
    return Family(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"floor": 0}, "floor would fall from 1 to 0"),
        ({"floor": 4}, "floor is above every release"),
        ({"revoked": frozenset(), "withdrawn": {}}, "revocation of release 2 would be lifted"),
        ({"withdrawn": {"1.9": 2}}, "withdrawn version would be forgotten"),
        ({"withdrawn": {}}, "revoked numbers and withdrawn versions differ"),
        ({"releases": ()}, "release 1 .* would change or vanish"),
        ({"releases": (Release(1, "1.1", "cd" * 32, 100, "0.1.0"),
                       Release(3, "1.3", SHA, 100, "0.1.0"))}, "release 1 .* would change"),
        ({"releases": (*three().releases, Release(3, "1.4", SHA, 9))}, "given twice"),
        ({"releases": (*three().releases, Release(2, "1.4", SHA, 9))}, "revoked release is among"),
        ({"releases": (*three().releases, Release(4, "1.2", SHA, 9))}, "withdrawn version is amo"),
        ({"revoked": frozenset({2, 4}), "withdrawn": {"1.2": 2, "9": 4}}, "4 was never there"),
    ],
)  # fmt: skip
def test_what_may_not_follow_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    family = three()
    check_next(family, family)
    with pytest.raises(RepositoryError, match=message):
        check_next(family, other(family, **changes))


def test_a_number_below_the_last_is_never_given() -> None:
    before = Family("gate", (Release(5, "1.5", SHA, 1),))
    after = Family("gate", (Release(3, "1.3", SHA, 1), Release(5, "1.5", SHA, 1)))
    with pytest.raises(RepositoryError, match="number 3 is not above 5"):
        check_next(before, after)


def test_people_are_told_what_they_cannot_have() -> None:
    family = three()
    with pytest.raises(RepositoryError, match=r"gate 1\.2 was revoked as release 2 and never"):
        family.with_release("1.2", SHA, 100, None)
    with pytest.raises(RepositoryError, match=r"gate 1\.3 is release 3 already"):
        family.with_release("1.3", SHA, 100, None)
    with pytest.raises(RepositoryError, match=r"min_agent 'new' is no version of an agent, as 0"):
        family.with_release("1.4", SHA, 100, "new")
    with pytest.raises(RepositoryError, match="floor of gate is 1 and never falls, not to 0"):
        family.with_floor(0)
    with pytest.raises(RepositoryError, match="would leave no release of gate: the newest .* is 3"):
        family.with_floor(4)
    with pytest.raises(RepositoryError, match=r"gate 1\.2 is no release; .* take: 1\.1, 1\.3"):
        family.with_revoked("1.2")


def _targets(change: Any) -> Targets:
    signed = three().to_signed(1, END)
    change(signed)
    return signed


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed.unrecognized_fields.clear(),
        lambda signed: signed.unrecognized_fields.update({"x-more": 1}),
        lambda signed: signed.unrecognized_fields["x-wayside"].update({"revoked": ["2"]}),
        lambda signed: signed.unrecognized_fields["x-wayside"].update({"release_floor": True}),
        lambda signed: signed.unrecognized_fields["x-wayside"].update({"release_floor": -1}),
        lambda signed: signed.targets.update({"door/1.1/record.json": next(
            iter(signed.targets.values()))}),
        lambda signed: next(iter(signed.targets.values())).unrecognized_fields.clear(),
        lambda signed: next(iter(signed.targets.values())).hashes.update({"sha512": "00"}),
        lambda signed: next(iter(signed.targets.values())).hashes.update({"sha256": "\x1b[2J"}),
        lambda signed: setattr(next(iter(signed.targets.values())), "length", 2**21 + 1),
        lambda signed: next(iter(signed.targets.values())).custom.update({"release": 1.5}),
        lambda signed: next(iter(signed.targets.values())).custom.update({"more": 1}),
        lambda signed: next(iter(signed.targets.values())).custom.update({"min_agent": "\x1b"}),
        lambda signed: next(iter(signed.targets.values())).custom.update({"min_agent": 1}),
    ],
)  # fmt: skip
def test_a_role_of_another_form_is_no_family(change: Any) -> None:
    with pytest.raises(RepositoryError, match="does not hold what a family's role holds"):
        read_family("gate", _targets(change))
