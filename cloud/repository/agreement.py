"""Where the signed repository and the registry say different things: what was begun and not ended.

What is signed and what is noted of it are two writes in two places. Whoever was cut off between
them, or could revoke in the registry alone, is told of it here until it is ended.
"""

from collections.abc import Callable, Iterator

from cloud.repository.family import Family
from cloud.repository.roles import family_role
from cloud.repository.standing import Standing
from cloud.repository.watch import Alarm

StateOf = Callable[[str, str], str | None]
"""From a family and a version to its state in the registry; None where that does not know it."""


def disagreements(standing: Standing, state_of: StateOf) -> list[Alarm]:
    """What has to be ended, what devices run against somebody's word first; empty where all agree.

    Args:
        standing: what stands.
        state_of: what the registry says. A version that it does not know was released from a folder
            of records, and is nobody's fault.
    """
    families = [standing.releases(name) for name in standing.families]
    found = [one for family in families for one in _still_given(family, state_of)]
    return found + [one for family in families for one in _unheard(family, state_of)]


def _still_given(family: Family, state_of: StateOf) -> Iterator[Alarm]:
    for one in family.releases:
        if _state(state_of, family, one.version) == "REVOKED":
            what = f"{family.name} {one.version}"
            yield Alarm(
                family_role(family.name), False,
                f"{what} is revoked in the registry, and devices run it as release {one.number}: "
                f"`wayside-cloud repository revoke {what}`",
            )  # fmt: skip


def _unheard(family: Family, state_of: StateOf) -> Iterator[Alarm]:
    """What the registry has not heard of: the same command once more tells it."""
    for one in family.releases:
        if _state(state_of, family, one.version) in ("CANDIDATE", "VALIDATED"):
            yield _told_again(family, one.version, one.number, "release")
    for version, number in family.withdrawn.items():
        if _state(state_of, family, version) not in ("", "REVOKED"):
            yield _told_again(family, version, number, "revoke")


def _told_again(family: Family, version: str, number: int, act: str) -> Alarm:
    is_now = f"is release {number}" if act == "release" else f"was revoked as release {number}"
    return Alarm(
        family_role(family.name), False,
        f"{family.name} {version} {is_now}, and the registry has not heard of it: "
        f"`wayside-cloud repository {act} {family.name} {version}`",
    )  # fmt: skip


def _state(state_of: StateOf, family: Family, version: str) -> str:
    return (state_of(family.name, version) or "").upper()
