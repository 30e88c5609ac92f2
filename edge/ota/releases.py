"""Our own rules on top of TUF's: floors, revocations, and agents that are too old. Pure.

A family's role says in its signed part `x-wayside: {"release_floor": 5, "revoked": [3, 4]}`, and of
each target `custom: {"release": 7, "min_agent": "0.1.0"}`. Releases are whole numbers that grow
within a family; a device compares them, never versions.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeGuard

from tuf.api.metadata import TargetFile, Targets

from edge.ota.marks import Marks
from edge.ota.port import Target
from edge.ota.refusal import refusal
from edge.ota.states import Code
from edge.ota.takeable import is_version
from edge.ota.time_floor import FIELD

MAX_RELEASE = 2**31 - 1
MAX_REVOKED = 65_536
"""Of a family, ever."""
MAX_RECORD_BYTES = 2 * 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """What a family's key says of its releases.

    Attributes:
        floor: no device takes one below it.
        revoked: none of these may serve.
    """

    floor: int
    revoked: frozenset[int]


def role_for(family: str) -> str:
    """The role that lists a family's releases."""
    return f"family-{family}"


def path_of(family: str, version: str) -> str:
    """The path of a release's record in the repository."""
    return f"{family}/{version}/record.json"


def rules_of(role: str, signed: Targets) -> ReleaseRules:
    """What a family's role says of its releases.

    Raises:
        OtaError: `not-readable` where it says it in another form.
    """
    said: Any = signed.unrecognized_fields.get(FIELD, {})
    floor = said.get("release_floor", 0) if isinstance(said, dict) else None
    revoked = said.get("revoked", []) if isinstance(said, dict) else None
    if not _is_whole(floor, 0) or not isinstance(revoked, list):
        raise refusal(
            Code.NOT_READABLE, f"{role}: version {signed.version} has no floor in {FIELD!r}"
        )
    if len(revoked) > MAX_REVOKED:
        raise refusal(
            Code.ENDLESS, f"{role}: revokes {len(revoked)} releases, {MAX_REVOKED} at most"
        )
    if not all(_is_whole(one, 1) for one in revoked):
        raise refusal(Code.NOT_READABLE, f"{role}: revokes what is no release")
    return ReleaseRules(floor, frozenset(revoked))


def with_rules(marks: Marks, family: str, rules: ReleaseRules) -> Marks:
    """The marks, after a family's rules were trusted.

    Raises:
        OtaError: `endless` where the family has revoked more than a device can remember.
    """
    risen = marks.with_rules(family, rules.floor, rules.revoked)
    if len(risen.revoked[family]) > MAX_REVOKED:
        raise refusal(
            Code.ENDLESS, f"{role_for(family)}: has revoked more than {MAX_REVOKED} releases"
        )
    return risen


def target_of(family: str, version: str, file: TargetFile) -> Target:
    """What a family's role says of a version.

    Raises:
        OtaError: `not-readable` where it says it in another form.
    """
    custom = file.custom if isinstance(file.custom, dict) else {}
    release, min_agent = custom.get("release"), custom.get("min_agent")
    sha256 = file.hashes.get("sha256", "")
    if (
        not _is_whole(release, 1)
        or not _is_whole(file.length, 1, MAX_RECORD_BYTES)
        or not _SHA256.fullmatch(sha256)
        or not _is_version(min_agent)
    ):
        raise refusal(
            Code.NOT_READABLE,
            f"{role_for(family)}: says nothing of use of {version}: a release, a sha256, a length "
            f"up to {MAX_RECORD_BYTES} and, if anything, a version as min_agent were expected",
        )
    return Target(family, version, release, sha256, file.length, min_agent)


def _is_whole(value: object, least: int, most: int = MAX_RELEASE) -> TypeGuard[int]:
    return type(value) is int and least <= value <= most


def _is_version(value: object) -> bool:
    return value is None or (isinstance(value, str) and is_version(value))
