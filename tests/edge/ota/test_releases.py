"""Our own rules: what a family's key says of its releases, and what a device makes of it."""

from typing import Any

import pytest
from tuf.api.metadata import TargetFile, Targets

from edge.ota.marks import Marks
from edge.ota.port import Target
from edge.ota.releases import (
    MAX_REVOKED,
    require_not_revoked,
    require_ordered,
    require_takeable,
    rules_of,
    target_of,
    with_rules,
)
from tests.support.trusting_device import refused

SHA = "a" * 64


def role(said: Any) -> Targets:
    return Targets(3, unrecognized_fields={"x-wayside": said})


def file(custom: Any, *, length: int = 10, sha256: str = SHA) -> TargetFile:
    fields = {} if custom is None else {"custom": custom}
    return TargetFile(length, {"sha256": sha256}, "gate/1.0/record.json", fields)


def target(release: int = 7, min_agent: str | None = None) -> Target:
    return Target("gate", "1.0", release, SHA, 10, min_agent)


def test_floor_and_revocations_are_read() -> None:
    rules = rules_of("family-gate", role({"release_floor": 5, "revoked": [3, 4], "later": {}}))
    assert (rules.floor, rules.revoked) == (5, frozenset({3, 4}))
    nothing = rules_of("family-gate", Targets(3))
    assert (nothing.floor, nothing.revoked) == (0, frozenset())


@pytest.mark.parametrize(
    "said",
    [
        [], "5", {"release_floor": -1}, {"release_floor": "5"}, {"release_floor": True},
        {"release_floor": 2**31}, {"revoked": {}}, {"revoked": [0]}, {"revoked": ["3"]},
        {"revoked": [True]},
    ],
)  # fmt: skip
def test_rules_in_another_form_are_refused(said: Any) -> None:
    with refused("not-readable", "family-gate"):
        rules_of("family-gate", role(said))


def test_revocations_are_bounded_at_once_and_over_time() -> None:
    with refused("endless", f"{MAX_REVOKED} at most"):
        rules_of("family-gate", role({"revoked": list(range(1, MAX_REVOKED + 2))}))
    full = Marks(revoked={"gate": frozenset(range(1, MAX_REVOKED + 1))})
    assert with_rules(full, "gate", rules_of("family-gate", role({"revoked": [1]}))) is not None
    with refused("endless", "has revoked more than"):
        with_rules(full, "gate", rules_of("family-gate", role({"revoked": [MAX_REVOKED + 9]})))


def test_a_target_is_read() -> None:
    assert target_of("gate", "1.0", file({"release": 7})) == target()
    assert target_of("gate", "1.0", file({"release": 7, "min_agent": "0.2.0"})) == target(
        min_agent="0.2.0"
    )


@pytest.mark.parametrize(
    "custom",
    [None, [], {}, {"release": 0}, {"release": "7"}, {"release": True}, {"release": 2**31},
     {"release": 7, "min_agent": 1}, {"release": 7, "min_agent": "new"}],
)  # fmt: skip
def test_a_target_in_another_form_is_refused(custom: Any) -> None:
    with refused("not-readable", "says nothing of use of 1.0"):
        target_of("gate", "1.0", file(custom))


@pytest.mark.parametrize("fields", [{"length": 0}, {"length": 2**30}, {"sha256": "A" * 64}])
def test_a_record_of_impossible_length_or_hash_is_refused(fields: Any) -> None:
    with refused("not-readable"):
        target_of("gate", "1.0", file({"release": 7}, **fields))


def test_below_the_floor_is_never_taken_and_at_it_is() -> None:
    marks = Marks(floors={"gate": 7, "lane": 9})
    require_takeable(target(7), marks, "0.1.0")
    with refused("below-floor", "gate 1.0: is release 6, releases from 7 on may be taken"):
        require_takeable(target(6), marks, "0.1.0")


def test_revoked_is_said_before_below_the_floor() -> None:
    marks = Marks(floors={"gate": 9}, revoked={"gate": frozenset({7}), "lane": frozenset({8})})
    with refused("revoked", "release 7 was revoked"):
        require_takeable(target(7), marks, "0.1.0")
    with refused("revoked"):
        require_not_revoked(target(7), marks)
    require_not_revoked(target(8), marks)


@pytest.mark.parametrize(
    ("agent", "needed", "is_taken"),
    [
        ("0.1.0", "0.1.0", True), ("0.10.0", "0.9.9", True), ("1.0.0", "0.9", True),
        ("0.1.0", "0.1.1", False), ("0.9.9", "0.10.0", False), ("0.2.0rc1", "0.2.0", True),
        ("0.1", "0.1.0", True), ("unknown", "0.0.1", False),
    ],
)  # fmt: skip
def test_agents_are_compared_by_number(agent: str, needed: str, is_taken: bool) -> None:
    if is_taken:
        require_takeable(target(min_agent=needed), Marks(), agent)
        return
    with refused("agent-too-old", f"needs an agent {needed}, this is {agent}"):
        require_takeable(target(min_agent=needed), Marks(), agent)


def test_an_order_must_mean_the_signed_record() -> None:
    require_ordered(target(), SHA)
    with refused("order-mismatch", "the order means record bbbbbbbbbbbb, signed is aaaaaaaaaaaa"):
        require_ordered(target(), "b" * 64)
