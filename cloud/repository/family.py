"""What is signed of a family: its releases, its floor, what is revoked; and what may follow.

Three things never happen, whoever signs: the floor falls, a revoked release comes back, a number
is given twice. `check_next` is asked before anything is published, so that a mistake or a haste
cannot do it either.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tuf.api.metadata import TargetFile, Targets

from cloud.errors import RepositoryError
from cloud.repository.roles import parse_target, target_path
from models.record.reading import MAX_BYTES

CUSTOM = "x-wayside"
"""Field of the signed part that devices read: `{"release_floor": 5, "revoked": [3, 4]}`."""

WITHDRAWN = "x-withdrawn"
"""Field of the signed part for people and for us: which versions the revoked numbers were."""

_AGENT = re.compile(r"[0-9]{1,9}\.[0-9]{1,9}(\.[0-9]{1,9})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_RELEASE = 2**31 - 1


@dataclass(frozen=True, slots=True, order=True)
class Release:
    """A version that devices may take.

    Attributes:
        number: within the family, from 1, growing.
        version: as its manifest has it.
        sha256: of its record, 64 hexadecimal digits.
        length: of its record, bytes.
        min_agent: the oldest agent that can run it; None: any.
    """

    number: int
    version: str
    sha256: str
    length: int
    min_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """What is signed of a family.

    Attributes:
        name: of the family.
        releases: that devices may take, the oldest first.
        floor: no device takes a release below it, ever; 0: there is none.
        revoked: numbers that no device may have.
        withdrawn: the number of each version that was revoked.
    """

    name: str
    releases: tuple[Release, ...] = ()
    floor: int = 0
    revoked: frozenset[int] = frozenset()
    withdrawn: Mapping[str, int] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The highest number that was ever given; 0 where none was."""
        return max([one.number for one in self.releases] + list(self.revoked), default=0)

    def find(self, version: str) -> Release | None:
        """The release of a version."""
        return next((one for one in self.releases if one.version == version), None)

    def with_release(
        self, version: str, sha256: str, length: int, min_agent: str | None = None
    ) -> "Family":
        """With another release, under the next number.

        Raises:
            RepositoryError: the version is released, or was revoked.
        """
        if version in self.withdrawn:
            raise RepositoryError(
                f"{self.name} {version} was revoked as release {self.withdrawn[version]} and "
                "never comes back: raise the manifest's `version`"
            )
        if min_agent is not None and not _AGENT.fullmatch(min_agent):
            raise RepositoryError(f"min_agent {min_agent!r} is no version of an agent, as 0.2.0")
        there = self.find(version)
        if there is not None:
            raise RepositoryError(f"{self.name} {version} is release {there.number} already")
        new = Release(self.last + 1, version, sha256, length, min_agent)
        return replace(self, releases=(*self.releases, new))

    def with_floor(self, floor: int) -> "Family":
        """With a higher floor.

        Raises:
            RepositoryError: it would fall, or leave nothing that a device may take.
        """
        if floor < self.floor:
            raise RepositoryError(
                f"the floor of {self.name} is {self.floor} and never falls, not to {floor} either"
            )
        if all(one.number < floor for one in self.releases):
            raise RepositoryError(
                f"a floor of {floor} would leave no release of {self.name}: the newest that "
                f"devices may take is {max((one.number for one in self.releases), default='none')}"
            )
        return replace(self, floor=floor)

    def with_revoked(self, version: str) -> "Family":
        """Without a release, for ever.

        Raises:
            RepositoryError: it is none.
        """
        gone = self.find(version)
        if gone is None:
            known = ", ".join(one.version for one in self.releases[-5:]) or "none"
            raise RepositoryError(f"{self.name} {version} is no release; devices may take: {known}")
        return replace(
            self,
            releases=tuple(one for one in self.releases if one is not gone),
            revoked=self.revoked | {gone.number},
            withdrawn={**self.withdrawn, version: gone.number},
        )

    def to_signed(self, version: int, expires: datetime) -> Targets:
        """As the signed part of the family's role."""
        return Targets(
            version=version,
            expires=expires,
            targets={target_path(self.name, one.version): self._target(one)
                     for one in self.releases},
            unrecognized_fields={
                CUSTOM: {"release_floor": self.floor, "revoked": sorted(self.revoked)},
                WITHDRAWN: dict(self.withdrawn),
            },
        )  # fmt: skip

    def _target(self, release: Release) -> TargetFile:
        custom: dict[str, Any] = {"release": release.number}
        if release.min_agent is not None:
            custom["min_agent"] = release.min_agent
        path = target_path(self.name, release.version)
        hashes = {"sha256": release.sha256}
        return TargetFile(release.length, hashes, path, {"custom": custom})


def read_family(name: str, signed: Targets) -> Family:
    """What the signed part of a family's role says.

    Raises:
        RepositoryError: it is not of the form that `to_signed` gives.
    """
    try:
        releases = sorted(_release(name, path, target) for path, target in signed.targets.items())
        custom = signed.unrecognized_fields[CUSTOM]
        withdrawn = dict(signed.unrecognized_fields[WITHDRAWN])
        family = Family(
            name, tuple(releases), _number(custom["release_floor"], 0),
            frozenset(_number(one) for one in custom["revoked"]),
            {str(version): _number(number) for version, number in withdrawn.items()},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _strange(name, signed, str(error)) from error
    if family.to_signed(signed.version, signed.expires) != signed:
        raise _strange(name, signed, "more than that")
    return family


def _strange(name: str, signed: Targets, what: str) -> RepositoryError:
    return RepositoryError(
        f"version {signed.version} of family {name} does not hold what a family's role holds: "
        f"{what}"
    )


def _release(family: str, path: str, target: TargetFile) -> Release:
    of = parse_target(path)
    if of is None or of[0] != family or set(target.hashes) != {"sha256"}:
        raise ValueError(f"target {path!r}")
    sha256, custom = target.hashes["sha256"], target.custom
    if not _SHA256.fullmatch(sha256) or not 0 < target.length <= MAX_BYTES:
        raise ValueError("sha256 or length")
    min_agent = custom.get("min_agent")
    if min_agent is not None and not _AGENT.fullmatch(min_agent):
        raise ValueError("min_agent")
    return Release(
        _number(custom["release"]), of[1], sha256, target.length, min_agent,
    )  # fmt: skip


def _number(value: Any, least: int = 1) -> int:
    if type(value) is not int or not least <= value <= MAX_RELEASE:
        raise ValueError(f"{value!r} is no release")
    return value


def check_family(family: Family) -> None:
    """Return where a family makes sense by itself.

    Raises:
        RepositoryError: it does not.
    """
    numbers = [one.number for one in family.releases]
    if len(set(numbers)) < len(numbers):
        raise RepositoryError(f"{family.name}: a release number is given twice")
    if family.revoked.intersection(numbers):
        raise RepositoryError(f"{family.name}: a revoked release is among the targets")
    if sorted(family.withdrawn.values()) != sorted(family.revoked):
        raise RepositoryError(f"{family.name}: revoked numbers and withdrawn versions differ")
    if any(one.version in family.withdrawn for one in family.releases):
        raise RepositoryError(f"{family.name}: a withdrawn version is among the targets")
    if family.floor > family.last:
        raise RepositoryError(f"{family.name}: the floor is above every release")


def check_next(before: Family, after: Family) -> None:
    """Return where `after` may follow on `before`.

    Raises:
        RepositoryError: it may not; the message names what would happen.
    """
    check_family(after)
    if after.floor < before.floor:
        raise RepositoryError(
            f"{after.name}: the floor would fall from {before.floor} to {after.floor}"
        )
    if not before.revoked <= after.revoked:
        lifted = sorted(before.revoked - after.revoked)
        raise RepositoryError(
            f"{after.name}: the revocation of release {lifted[0]} would be lifted"
        )
    if not before.withdrawn.items() <= after.withdrawn.items():
        raise RepositoryError(f"{after.name}: a withdrawn version would be forgotten")
    kept = {one.number: one for one in after.releases}
    for one in before.releases:
        is_withdrawn = after.withdrawn.get(one.version) == one.number
        if kept.get(one.number) != one and not is_withdrawn:
            raise RepositoryError(
                f"{after.name}: release {one.number} ({one.version}) would change or vanish; a "
                "release only leaves when it is revoked"
            )
    known = {one.number for one in before.releases} | before.revoked
    for number in sorted((set(kept) | after.revoked) - known):
        if number <= before.last:
            raise RepositoryError(f"{after.name}: number {number} is not above {before.last}")
        if number in after.revoked:
            raise RepositoryError(f"{after.name}: release {number} was never there to be revoked")
