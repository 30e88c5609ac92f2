"""What a device makes of what is vouched for: neither revoked, nor too old, nor too new for it."""

import pytest

from edge.ota.port import Target
from edge.ota.takeable import require_not_revoked, require_ordered, require_takeable
from tests.support.trusting_device import refused

SHA = "a" * 64
NONE = frozenset[int]()


def target(release: int = 7, min_agent: str | None = None) -> Target:
    return Target("gate", "1.0", release, SHA, 10, min_agent)


def test_below_the_floor_is_never_taken_and_at_it_is() -> None:
    require_takeable(target(7), 7, NONE, "0.1.0")
    with refused("below-floor", "gate 1.0: is release 6, releases from 7 on may be taken"):
        require_takeable(target(6), 7, NONE, "0.1.0")


def test_revoked_is_said_before_below_the_floor() -> None:
    with refused("revoked", "release 7 was revoked"):
        require_takeable(target(7), 9, frozenset({7}), "0.1.0")
    with refused("revoked"):
        require_not_revoked(target(7), frozenset({7}))
    require_not_revoked(target(8), frozenset({7}))


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
        require_takeable(target(min_agent=needed), 0, NONE, agent)
        return
    with refused("agent-too-old", f"needs an agent {needed}, this is {agent}"):
        require_takeable(target(min_agent=needed), 0, NONE, agent)


def test_an_order_must_mean_the_signed_record() -> None:
    require_ordered(target(), SHA)
    with refused("order-mismatch", "the order means record bbbbbbbbbbbb, signed is aaaaaaaaaaaa"):
        require_ordered(target(), "b" * 64)
