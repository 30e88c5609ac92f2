"""Our own rules: what a family's key says of its releases, and what a device makes of it."""

from typing import Any

import pytest
from tuf.api.metadata import TargetFile, Targets

from edge.ota.marks import Marks
from edge.ota.port import Target
from edge.ota.releases import MAX_REVOKED, rules_of, target_of, with_rules
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
