"""Who may sign what: the roles root and targets, made anew and checked against the one before.

The root names the keys of the four roles at the top, `targets` names those of each family. Both
are signed by people, by at least two, and have a key to spare, for one may be lost.
"""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple, TypeVar

from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Role,
    Root,
    Targets,
)

from cloud.errors import RepositoryError
from cloud.repository.family import CUSTOM
from cloud.repository.roles import (
    ONLINE,
    ROOT,
    TOP,
    family_of,
    family_role,
    role_text,
    target_pattern,
)
from cloud.repository.signing import holder_of, is_sound, key_text

MIN_THRESHOLD = 2
"""Of root and targets: nobody alone may put a model on a camera."""

SIGNED_AT = "signed_at"
"""Part of the field `x-wayside` of root and targets: devices believe that it is so late at least,
for it is signed by people and not by a server that may be stolen."""

MAX_KEYS = 64
"""Of a role. Devices refuse more, as they do more families and larger files."""

MAX_FAMILIES = 4095
MAX_ROOT_BYTES = 512 * 1024
MAX_TARGETS_BYTES = 4 * 1024 * 1024
"""Of targets, and of a family's file."""

_FORM = "%Y-%m-%dT%H:%M:%SZ"
_AHEAD = timedelta(hours=1)
"""So far ahead may the clock of another machine be."""

S = TypeVar("S", Root, Targets)


class Life(NamedTuple):
    """When a version is made, and when it ends; UTC."""

    begin: datetime
    end: datetime


def renewed(signed: S, life: Life) -> S:
    """The same once more, with the next number and a later end."""
    after = copy.deepcopy(signed)
    after.version += 1
    after.expires = life.end
    after.unrecognized_fields = _dated(life)
    return after


def signed_at(signed: Root | Targets) -> datetime:
    """When a version of root or targets was made, as its signers say.

    Raises:
        RepositoryError: they do not say it.
    """
    try:
        text = signed.unrecognized_fields[CUSTOM][SIGNED_AT]
        at = datetime.strptime(text, _FORM).replace(tzinfo=timezone.utc)
    except (KeyError, TypeError, ValueError) as error:
        raise RepositoryError(f"{signed.type}: does not say when it was signed") from error
    if signed.unrecognized_fields != _dated(Life(at, signed.expires)):
        raise RepositoryError(f"{signed.type}: says more than a role of its kind says")
    return at


def check_date(signed: Root | Targets, now: datetime) -> None:
    """Return where root or targets come from the past.

    Devices believe for ever that it is as late as they say, and then that much has ended.

    Args:
        signed: a version.
        now: UTC.

    Raises:
        RepositoryError: they do not.
    """
    at = signed_at(signed)
    if at > now + _AHEAD:
        raise RepositoryError(
            f"{signed.type} {signed.version} was made at {at:%F %R} UTC, which is yet to come: set "
            "the clock of the machine that proposed it, and propose it anew"
        )


def check_size(role: str, content: bytes) -> None:
    """Return where devices take a file of this size.

    Raises:
        RepositoryError: it is too large.
    """
    most = MAX_ROOT_BYTES if role == ROOT else MAX_TARGETS_BYTES
    if len(content) > most:
        raise RepositoryError(
            f"{role_text(role)} would be of {len(content):,} bytes, and no device takes more than "
            f"{most:,}"
        )


def _dated(life: Life) -> dict[str, dict[str, str]]:
    return {CUSTOM: {SIGNED_AT: life.begin.strftime(_FORM)}}


def first_root(keys: Mapping[str, Sequence[Key]], threshold: int, life: Life) -> Root:
    """The root that devices are given with their software.

    Args:
        keys: by each of the four roles.
        threshold: of root and targets.
        life: of it.
    """
    roles = {
        role: Role([key.keyid for key in keys[role]], 1 if role in ONLINE else threshold)
        for role in TOP
    }
    by_id = {key.keyid: key for role in TOP for key in keys[role]}
    return Root(
        version=1, expires=life.end, keys=by_id, roles=roles, consistent_snapshot=True,
        unrecognized_fields=_dated(life),
    )  # fmt: skip


def first_targets(life: Life) -> Targets:
    """Nobody may sign anything yet."""
    return Targets(
        version=1, expires=life.end, delegations=Delegations({}, roles={}),
        unrecognized_fields=_dated(life),
    )  # fmt: skip


def root_with_keys(
    root: Root, role: str, add: Sequence[Key], remove: Sequence[Key], life: Life
) -> Root:
    """The next root, in which other keys sign for one of the four roles."""
    after = renewed(root, life)
    for key in remove:
        after.revoke_key(key.keyid, role)
    for key in add:
        after.add_key(key, role)
    return after


def with_family(targets: Targets, family: str, keys: Sequence[Key], life: Life) -> Targets:
    """The next targets, in which each of these keys signs for a new family.

    Raises:
        RepositoryError: the family is there.
    """
    if family in families_of(targets):
        raise RepositoryError(f"family {family} is there already; `repository rotate` changes keys")
    after = renewed(targets, life)
    roles = _delegations(after).roles
    assert roles is not None, "families_of has looked at them"
    role = family_role(family)
    roles[role] = DelegatedRole(role, [], 1, True, [target_pattern(family)])
    for key in keys:
        after.add_key(key, role)
    return after


def with_family_keys(
    targets: Targets, family: str, add: Sequence[Key], remove: Sequence[Key], life: Life
) -> Targets:
    """The next targets, in which other keys sign for a family."""
    after = renewed(targets, life)
    for key in remove:
        after.revoke_key(key.keyid, family_role(family))
    for key in add:
        after.add_key(key, family_role(family))
    return after


def families_of(targets: Targets) -> tuple[str, ...]:
    """The families that somebody may sign for, in their order."""
    roles = _delegations(targets).roles or {}
    return tuple(family for role in roles if (family := family_of(role)) is not None)


def keys_of(delegator: Root | Targets, role: str) -> list[Key]:
    """The keys that may sign for a role.

    Raises:
        RepositoryError: there is no such role.
    """
    try:
        found = delegator.get_delegated_role(role)
        return [delegator.get_key(keyid) for keyid in found.keyids]
    except ValueError as error:
        raise RepositoryError(
            f"there is no {role_text(role)}; `repository status` shows what there is"
        ) from error


def find_keys(keys: Sequence[Key], texts: Sequence[str]) -> list[Key]:
    """The keys that are meant by the beginning of their ids, or by their holders."""
    return [
        key for key in keys
        if any(holder_of(key) == text or (len(text) >= 4 and key.keyid.startswith(text))
               for text in texts)
    ]  # fmt: skip


def pick_key(delegator: Root | Targets, role: str, text: str) -> Key:
    """The key of a role that somebody means by the beginning of its id, or by its holder.

    Raises:
        RepositoryError: none, or more than one.
    """
    keys = keys_of(delegator, role)
    found = find_keys(keys, [text])
    if len(found) != 1:
        what = "no key" if not found else f"{len(found)} keys"
        known = ", ".join(map(key_text, keys))
        raise RepositoryError(f"{role_text(role)} has {what} {text!r}; its keys: {known}")
    return found[0]


def check_root(root: Root) -> None:
    """Return where a root makes sense by itself.

    Raises:
        RepositoryError: it does not.
    """
    signed_at(root)
    if not root.consistent_snapshot or set(root.roles) != set(TOP):
        raise RepositoryError("a root has four roles, consistent snapshots, and nothing more")
    seen: set[str] = set()
    for name, role in root.roles.items():
        _check_keys(name, role, root)
        if seen.intersection(role.keyids):
            raise RepositoryError(f"a key of {name} signs for another role as well")
        seen.update(role.keyids)
        if name not in ONLINE:
            _check_people(name, role)
    if seen != set(root.keys):
        raise RepositoryError("the root names a key that signs for nothing")


def check_targets(targets: Targets) -> None:
    """Return where the role targets makes sense by itself.

    Raises:
        RepositoryError: it does not.
    """
    delegations = _delegations(targets)
    signed_at(targets)
    if targets.targets or delegations.unrecognized_fields:
        raise RepositoryError("the role targets names who signs for families, and nothing more")
    if len(delegations.roles or {}) > MAX_FAMILIES:
        raise RepositoryError(f"no device takes more than {MAX_FAMILIES:,} families")
    for name, role in (delegations.roles or {}).items():
        family = family_of(name)
        if family is None or name != family_role(family):
            raise RepositoryError(f"targets: {name!r} is no family's role")
        if role != DelegatedRole(name, role.keyids, role.threshold, True, [target_pattern(family)]):
            raise RepositoryError(f"targets: {name} may sign for {family} and nothing else")
        _check_keys(name, role, targets)
    used = {keyid for role in (delegations.roles or {}).values() for keyid in role.keyids}
    if used != set(delegations.keys):
        raise RepositoryError("targets: a key is named that signs for nothing")


def check_next_targets(before: Targets, after: Targets) -> None:
    """Return where the role targets makes sense, and may follow on the one before.

    Raises:
        RepositoryError: it does not.
    """
    check_targets(after)
    lost = set(families_of(before)) - set(families_of(after))
    if lost:
        # No snapshot may forget a file that an earlier one named: devices would refuse it.
        raise RepositoryError(f"targets: family {min(lost)} would vanish; revoke its versions")


def _check_keys(name: str, role: Role, delegator: Root | Targets) -> None:
    keys = keys_of(delegator, name)
    if not all(map(is_sound, keys)):
        raise RepositoryError(f"a key of {role_text(name)} is no Ed25519 key with a holder")
    if len(keys) > MAX_KEYS:
        raise RepositoryError(f"{role_text(name)} would have {len(keys)} keys, {MAX_KEYS} at most")
    if len(keys) < role.threshold:
        raise RepositoryError(f"{role_text(name)} would have {len(keys)} keys, too few to sign")


def _check_people(name: str, role: Role) -> None:
    if role.threshold < MIN_THRESHOLD:
        raise RepositoryError(
            f"{name} needs the signatures of {MIN_THRESHOLD} people at least, not of "
            f"{role.threshold}"
        )
    if len(role.keyids) <= role.threshold:
        raise RepositoryError(
            f"{name} would have {len(role.keyids)} keys and need {role.threshold}: give it one to "
            "spare, for one may be lost"
        )


def _delegations(targets: Targets) -> Delegations:
    if targets.delegations is None or targets.delegations.roles is None:
        raise RepositoryError("the role targets says nothing of families")
    return targets.delegations
