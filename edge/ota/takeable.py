"""Which of the releases that are vouched for a device may take; pure.

Asked when a release is looked up, and again before it is activated: days may lie between, and the
family's key may have raised its floor or revoked it.
"""

import re

from edge.ota.port import Target
from edge.ota.refusal import refusal
from edge.ota.states import Code

_NUMBERS = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")


def require_takeable(target: Target, floor: int, revoked: frozenset[int], agent: str) -> None:
    """Refuse a target that no device, or not this one, may take.

    Args:
        target: that is vouched for.
        floor: the least release of its family that may be taken.
        revoked: releases of its family that may not serve.
        agent: version of this agent.

    Raises:
        OtaError: `revoked`, `below-floor` or `agent-too-old`.
    """
    require_not_revoked(target, revoked)
    if target.release < floor:
        raise refusal(
            Code.BELOW_FLOOR,
            f"{target.family} {target.version}: is release {target.release}, releases from {floor} "
            "on may be taken",
        )
    if target.min_agent is not None and _is_older(agent, target.min_agent):
        raise refusal(
            Code.AGENT_TOO_OLD,
            f"{target.family} {target.version}: needs an agent {target.min_agent}, this is {agent}",
        )


def require_not_revoked(target: Target, revoked: frozenset[int]) -> None:
    """Refuse a target that may not serve.

    Raises:
        OtaError: `revoked`.
    """
    if target.release in revoked:
        raise refusal(
            Code.REVOKED, f"{target.family} {target.version}: release {target.release} was revoked"
        )


def require_ordered(target: Target, sha256: str) -> None:
    """Refuse an order that means another record than the signed one.

    Args:
        target: what the repository vouches for.
        sha256: of the record, as the order says it.

    Raises:
        OtaError: `order-mismatch`.
    """
    if sha256 != target.sha256:
        raise refusal(
            Code.ORDER_MISMATCH,
            f"{target.family} {target.version}: the order means record {sha256[:12]}, signed is "
            f"{target.sha256[:12]}",
        )


def is_version(text: str) -> bool:
    """True where it can be compared with an agent's."""
    return _numbers(text) is not None


def _is_older(version: str, than: str) -> bool:
    have, needed = _numbers(version), _numbers(than)
    return have is None or needed is None or have < needed


def _numbers(version: str) -> tuple[int, int, int] | None:
    """Major, minor, patch; what follows, as `rc1`, does not count."""
    found = _NUMBERS.match(version)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3] or 0))
