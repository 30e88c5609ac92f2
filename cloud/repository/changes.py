"""What people ask for, as proposals. Nothing is read or written here.

A change that stands already is None: whoever asked twice, or was interrupted, has what they want.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from tuf.api.metadata import Key, Root, Targets

from cloud.errors import RepositoryError
from cloud.repository import trust
from cloud.repository.family import Family, check_next, read_family
from cloud.repository.proposal import Offline, Proposal, proposed
from cloud.repository.roles import ONLINE, ROOT, TARGETS, TOP, family_of, family_role, role_text
from cloud.repository.settings import ExpirySettings
from cloud.repository.signing import PublicKey, key_text
from cloud.repository.standing import File, Standing, is_signed
from models.record.digest import digest_of
from models.record.record import Record


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, when, and how long signatures are to last.

    Attributes:
        by: for people.
        at: UTC.
        expiry: by role.
    """

    by: str
    at: datetime
    expiry: ExpirySettings

    def end(self, role: str) -> datetime:
        """When a version of a role that is made now ends."""
        days = {ROOT: self.expiry.root_days, TARGETS: self.expiry.targets_days}
        return self.at + timedelta(days=days.get(role, self.expiry.family_days))


def init(keys: Sequence[PublicKey], threshold: int, asked: Asked) -> Proposal:
    """A new repository: its first root, and nobody who may sign for a family.

    Args:
        keys: of the four roles.
        threshold: of root and targets.
        asked: who asks.

    Raises:
        RepositoryError: a role has too few keys, or one has a key of another role.
    """
    by_role: dict[str, list[Key]] = {role: [] for role in TOP}
    for one in keys:
        if one.role not in by_role:
            raise RepositoryError(
                f"{key_text(one.key)} is a key of {role_text(one.role)}; a new repository has no "
                "family yet"
            )
        by_role[one.role].append(one.key)
    for role, theirs in by_role.items():
        if not theirs:
            raise RepositoryError(f"no key of {role} was named: `repository keys create`")
    root = trust.first_root(by_role, threshold, asked.end(ROOT))
    trust.check_root(root)
    targets = trust.first_targets(asked.end(TARGETS))
    changes: list[tuple[str, Offline | None, Offline]] = [
        (ROOT, None, root), (TARGETS, None, targets),
    ]  # fmt: skip
    return proposed("init", asked.by, asked.at, changes, None, None)


def add_family(
    standing: Standing, name: str, keys: Sequence[PublicKey], asked: Asked
) -> Proposal | None:
    """A new family, with the keys that may sign for it.

    Raises:
        RepositoryError: it is there with other keys, or a key is of another role.
    """
    role = family_role(name)
    theirs = _keys_for(role, keys)
    if not theirs:
        raise RepositoryError(f"no key of {role_text(role)} was named: `repository keys create`")
    if name in standing.families and theirs == trust.keys_of(standing.targets.signed, role):
        return None
    targets = trust.with_family(standing.targets.signed, name, theirs, asked.end(TARGETS))
    first = Family(name).to_signed(1, asked.end(role))
    return _proposal(f"family add {name}", standing, asked, {TARGETS: targets, role: first})


def release(
    standing: Standing, name: str, version: str, record: bytes, min_agent: str | None, asked: Asked
) -> Proposal | None:
    """A version that devices may take, under the next number.

    Args:
        standing: what stands.
        name: of the family.
        version: of its record.
        record: the bytes of its `record.json`.
        min_agent: the oldest agent that can run it.
        asked: who asks.

    Raises:
        RepositoryError: the record is of another model, the version was revoked, or is released
            with another record.
    """
    check_record(record, name, version)
    family, digest = standing.releases(name), digest_of(record)
    there = family.find(version)
    if there is not None and (there.sha256, there.min_agent) == (digest, min_agent):
        return None
    after = family.with_release(version, digest, len(record), min_agent)
    return _of_family(f"release {name} {version} as {after.last}", standing, after, asked)


def floor(standing: Standing, name: str, number: int, asked: Asked) -> Proposal | None:
    """A higher floor.

    Raises:
        RepositoryError: it would fall, or leave nothing to take.
    """
    family = standing.releases(name)
    if family.floor == number:
        return None
    return _of_family(f"floor {name} {number}", standing, family.with_floor(number), asked)


def revoke(standing: Standing, name: str, version: str, asked: Asked) -> Proposal | None:
    """A version that no device may have any more.

    Raises:
        RepositoryError: it is no release.
    """
    family = standing.releases(name)
    if version in family.withdrawn:
        return None
    return _of_family(f"revoke {name} {version}", standing, family.with_revoked(version), asked)


def renew(standing: Standing, role: str, asked: Asked) -> Proposal:
    """The same once more, with a later end.

    Raises:
        RepositoryError: there is no such role, or the server renews it by itself.
    """
    _refuse_online(role)
    signed = _file(standing, role).signed
    purpose = f"renew {role_text(role)}"
    return _proposal(purpose, standing, asked, {role: trust.renewed(signed, asked.end(role))})


def rotate(
    standing: Standing,
    role: str,
    add: Sequence[PublicKey],
    remove: Sequence[str],
    asked: Asked,
) -> Proposal | None:
    """Other keys for a role.

    Args:
        standing: what stands.
        role: whose.
        add: keys that come.
        remove: keys that go, by holder or by the beginning of their ids.
        asked: who asks.

    Raises:
        RepositoryError: a key is of another role, or there is no such key to remove; the keys
            that would be left are too few.
    """
    if not add and not remove:
        raise RepositoryError("name a key that comes (--add) or one that goes (--remove)")
    theirs = _keys_for(role, add)
    purpose = f"rotate {role_text(role)}"
    family = family_of(role)
    delegator = standing.root.signed if family is None else standing.targets.signed
    now = trust.keys_of(delegator, role)
    if theirs and all(key in now for key in theirs) and not trust.find_keys(now, remove):
        return None
    if family is None:
        changes = _rotated_root(standing, role, theirs, remove, asked)
    else:
        changes = _rotated_family(standing, family, theirs, remove, asked)
    return _proposal(purpose, standing, asked, changes)


def _rotated_root(
    standing: Standing, role: str, add: Sequence[Key], remove: Sequence[str], asked: Asked
) -> dict[str, Offline]:
    before = standing.root.signed
    gone = [trust.pick_key(before, role, text) for text in remove]
    root = trust.root_with_keys(before, role, add, gone, asked.end(ROOT))
    trust.check_root(root)
    changes: dict[str, Offline] = {ROOT: root}
    if not is_signed(root, TARGETS, standing.targets):
        # Devices that have the new root would refuse targets that only the old keys signed.
        changes[TARGETS] = trust.renewed(standing.targets.signed, asked.end(TARGETS))
    return changes


def _rotated_family(
    standing: Standing, family: str, add: Sequence[Key], remove: Sequence[str], asked: Asked
) -> dict[str, Offline]:
    before, role = standing.targets.signed, family_role(family)
    gone = [trust.pick_key(before, role, text) for text in remove]
    targets = trust.with_family_keys(before, family, add, gone, asked.end(TARGETS))
    trust.check_targets(targets)
    changes: dict[str, Offline] = {TARGETS: targets}
    if not is_signed(targets, role, standing.family(family)):
        changes[role] = trust.renewed(standing.family(family).signed, asked.end(role))
    return changes


def check_record(record: bytes, name: str, version: str) -> Record:
    """The record, where it is of this name and version.

    Raises:
        RepositoryError: it is damaged, or of another one.
    """
    try:
        read = Record.model_validate_json(record)
    except ValidationError as error:
        raise RepositoryError(f"{name} {version}: its record cannot be read") from error
    if (read.manifest.name, read.manifest.version) != (name, version):
        raise RepositoryError(
            f"{name} {version}: its record is of {read.manifest.name} {read.manifest.version}"
        )
    return read


def _of_family(purpose: str, standing: Standing, after: Family, asked: Asked) -> Proposal:
    role = family_role(after.name)
    file = standing.family(after.name)
    check_next(read_family(after.name, file.signed), after)
    signed = after.to_signed(file.version + 1, asked.end(role))
    return _proposal(purpose, standing, asked, {role: signed})


def _proposal(
    purpose: str, standing: Standing, asked: Asked, after: Mapping[str, Offline]
) -> Proposal:
    changes = [(role, _before(standing, role), signed) for role, signed in after.items()]
    return proposed(
        purpose, asked.by, asked.at, changes, standing.root.metadata, standing.targets.metadata
    )


def _before(standing: Standing, role: str) -> Offline | None:
    family = family_of(role)
    if family is not None and family not in standing.families:
        return None
    return _file(standing, role).signed


def _file(standing: Standing, role: str) -> "File[Root] | File[Targets]":
    if role == ROOT:
        return standing.root
    family = family_of(role)
    return standing.targets if family is None else standing.family(family)


def _keys_for(role: str, keys: Sequence[PublicKey]) -> list[Key]:
    for one in keys:
        if one.role != role:
            raise RepositoryError(
                f"{key_text(one.key)} was made for {role_text(one.role)}, not for {role_text(role)}"
            )
    return [one.key for one in keys]


def _refuse_online(role: str) -> None:
    if role in ONLINE:
        raise RepositoryError(f"{role} is renewed by `repository refresh`, on the server")
