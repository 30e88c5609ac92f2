"""What people ask for, as proposals. Nothing is read or written here.

A change that stands already is None: whoever asked twice, or was interrupted, has what they want.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tuf.api.metadata import Key, Metadata

from cloud.errors import RepositoryError
from cloud.repository import trust
from cloud.repository.family import Family, check_next, read_family
from cloud.repository.proposal import Offline, Proposal, proposed
from cloud.repository.roles import ONLINE, ROOT, TARGETS, TOP, family_of, family_role, role_text
from cloud.repository.settings import ExpirySettings
from cloud.repository.signing import PublicKey, key_text
from cloud.repository.standing import Standing, is_signed
from models.errors import RecordError
from models.record.digest import digest_of
from models.record.reading import MAX_BYTES, parse_record
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

    def life(self, role: str) -> trust.Life:
        """From now to its end."""
        return trust.Life(self.at, self.end(role))


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
    root = trust.first_root(by_role, threshold, asked.life(ROOT))
    trust.check_root(root)
    targets = trust.first_targets(asked.life(TARGETS))
    changes: list[tuple[str, Metadata[Any] | None, Offline]] = [
        (ROOT, None, root), (TARGETS, None, targets),
    ]  # fmt: skip
    return proposed("init", asked.by, asked.at, changes, (), None)


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
    targets = trust.with_family(standing.targets.signed, name, theirs, asked.life(TARGETS))
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
        min_agent: the oldest agent that can run it; None: any, or as it stands.
        asked: who asks.

    Raises:
        RepositoryError: the record is of another model, the version was revoked, or is released
            with another record.
    """
    check_record(record, name, version)
    family, digest = standing.releases(name), digest_of(record)
    there = family.find(version)
    if there is not None and there.sha256 == digest and min_agent in (None, there.min_agent):
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
    purpose = f"renew {role_text(role)}"
    return _proposal(purpose, standing, asked, {role: _renewed(standing, role, asked)})


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
    root = trust.root_with_keys(before, role, add, gone, asked.life(ROOT))
    trust.check_root(root)
    changes: dict[str, Offline] = {ROOT: root}
    if not is_signed(root, TARGETS, standing.targets):
        # Devices that have the new root would refuse targets that only the old keys signed.
        changes[TARGETS] = trust.renewed(standing.targets.signed, asked.life(TARGETS))
    return changes


def _rotated_family(
    standing: Standing, family: str, add: Sequence[Key], remove: Sequence[str], asked: Asked
) -> dict[str, Offline]:
    before, role = standing.targets.signed, family_role(family)
    gone = [trust.pick_key(before, role, text) for text in remove]
    targets = trust.with_family_keys(before, family, add, gone, asked.life(TARGETS))
    trust.check_targets(targets)
    changes: dict[str, Offline] = {TARGETS: targets}
    if not is_signed(targets, role, standing.family(family)):
        changes[role] = _renewed(standing, role, asked)
    return changes


def _renewed(standing: Standing, role: str, asked: Asked) -> Offline:
    name = family_of(role)
    if role == ROOT:
        return trust.renewed(standing.root.signed, asked.life(ROOT))
    if name is None:
        return trust.renewed(standing.targets.signed, asked.life(TARGETS))
    version = standing.family(name).version + 1
    return standing.releases(name).to_signed(version, asked.end(role))


def check_record(record: bytes, name: str, version: str) -> Record:
    """The record, where it is of this name and version.

    Raises:
        RepositoryError: it is damaged, or of another one.
    """
    what = f"{name} {version}: its record"
    if len(record) > MAX_BYTES:
        raise RepositoryError(f"{what} is of {len(record):,} bytes, at most {MAX_BYTES:,}")
    try:
        read = parse_record(record, what).record
    except RecordError as error:
        raise RepositoryError(str(error)) from error
    if (read.manifest.name, read.manifest.version) != (name, version):
        raise RepositoryError(
            f"{name} {version}: its record is of {read.manifest.name} {read.manifest.version}"
        )
    return read


def check_digest(record: bytes, what: str, digest: str | None) -> None:
    """Return where a record is the one that somebody means.

    Whoever can write the registry's database could show another of the same name.

    Args:
        record: its bytes.
        what: it is of, for the message.
        digest: sha256 that it must have; None: whatever there is.

    Raises:
        RepositoryError: it is another one.
    """
    actual = digest_of(record)
    if digest is not None and digest.lower() != actual:
        raise RepositoryError(
            f"{what}: its record is sha256 {actual}, not {digest[:100]}: somebody has put another "
            "one into the registry, or you mean another version"
        )


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
        purpose,
        asked.by,
        asked.at,
        changes,
        tuple(root.metadata for root in standing.roots),
        standing.targets.metadata,
    )


def _before(standing: Standing, role: str) -> Metadata[Any] | None:
    family = family_of(role)
    if role == ROOT:
        return standing.root.metadata
    if family is None:
        return standing.targets.metadata
    return standing.families[family].metadata if family in standing.families else None


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
