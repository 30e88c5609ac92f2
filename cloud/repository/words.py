"""What a proposal changes, in words, for whoever is to sign it."""

from collections.abc import Iterable, Iterator

from tuf.api.metadata import Key, Root, Targets

from cloud.repository.family import Family, read_family
from cloud.repository.proposal import Offline, Part, Proposal
from cloud.repository.roles import TOP, family_of, family_role, role_text
from cloud.repository.signing import key_text
from cloud.repository.standing import Standing, missing_text
from cloud.repository.trust import families_of, keys_of
from cloud.repository.watch import rows

_SHOWN = 20


def describe(proposal: Proposal) -> list[str]:
    """Lines: what was asked for, what would change, who has signed.

    Raises:
        RepositoryError: a part is none.
    """
    lines = [f"{proposal.purpose} (proposed by {proposal.made_by}, {proposal.made_at})"]
    for part in proposal.parts:
        was = f"version {part.before.version} is in force" if part.before else "new"
        lines.append(f"{role_text(part.role)}, version {part.after.version} ({was}):")
        lines += [f"  {line}" for line in _changes(part)]
    lines += [
        f"{role_text(part.role)}, as {why} demands: "
        + (f"signed, by {_names(result.signed.values())}" if result else missing_text(result))
        for part, why, result in proposal.verdicts()
    ]
    return lines


def status_lines(standing: Standing) -> list[str]:
    """Every role: version, end, whose signatures count; and the releases of each family."""
    lines = []
    for row in rows(standing):
        what = role_text(row.role)
        delegator = standing.root.signed if row.role in TOP else standing.targets.signed
        threshold = delegator.get_delegated_role(row.role).threshold
        keys = keys_of(delegator, row.role)
        lines.append(
            f"{what:<24} {row.version:>5}  until {row.expires:%F %R} UTC  {threshold} of "
            f"{len(keys)}: {_names(keys)}"
        )
    for name in standing.families:
        lines += _family_lines(standing.releases(name))
    return lines


def _family_lines(family: Family) -> Iterator[str]:
    floor = f"floor {family.floor}" if family.floor else "no floor"
    yield f"{family.name}: {floor}, {len(family.releases)} releases"
    for one in family.releases[-_SHOWN:]:
        below = "  below the floor" if one.number < family.floor else ""
        yield f"  {one.number:>5}  {one.version:<20} {one.sha256[:12]}{below}"
    for version, number in family.withdrawn.items():
        yield f"  {number:>5}  {version:<20} revoked"


def _changes(part: Part) -> Iterator[str]:
    before, after = part.before, part.after
    if before is None:
        yield f"ends {after.expires:%F %R} UTC"
    else:
        yield f"ends {after.expires:%F %R} UTC instead of {before.expires:%F %R}"
    family = family_of(part.role)
    if isinstance(after, Root):
        for role in TOP:
            yield from _key_changes(role, before, after)
    elif family is None:
        for name in families_of(after):
            yield from _key_changes(family_role(name), before, after)
    else:
        old = read_family(family, before) if isinstance(before, Targets) else Family(family)
        yield from _family_changes(old, read_family(family, after), is_new=before is None)


def _key_changes(role: str, before: Offline | None, after: Offline) -> Iterator[str]:
    known = before is not None and _knows(before, role)
    old = keys_of(before, role) if known and before is not None else []
    new, what = keys_of(after, role), role_text(role)
    threshold = after.get_delegated_role(role).threshold
    if not known:
        yield f"{what} is signed by {threshold} of: {_names(new)}"
        return
    assert before is not None, "it knows the role"
    was = before.get_delegated_role(role).threshold
    if was != threshold:
        yield f"{what} NEEDS {threshold} SIGNATURES INSTEAD OF {was}"
    for key in old:
        if key not in new:
            yield f"{what}: the key of {key_text(key)} GOES"
    for key in new:
        if key not in old:
            yield f"{what}: the key of {key_text(key)} COMES"


def _knows(delegator: Offline, role: str) -> bool:
    family = family_of(role)
    if isinstance(delegator, Root):
        return role in TOP
    return family is not None and family in families_of(delegator)


def _family_changes(before: Family, after: Family, *, is_new: bool) -> Iterator[str]:
    for one in after.releases:
        if one not in before.releases:
            agent = f", for agents from {one.min_agent} on" if one.min_agent else ""
            yield f"RELEASES {after.name} {one.version} as {one.number}{agent}"
            yield f"  its record is sha256 {one.sha256}"
    for version, number in after.withdrawn.items():
        if version not in before.withdrawn:
            yield f"REVOKES {after.name} {version}, release {number}, for ever"
    if after.floor != before.floor:
        yield f"RAISES THE FLOOR from {before.floor} to {after.floor}, for ever"
        yield f"  no device takes {_below(after)} any more"
    if after.revoked and all(one.number < after.floor for one in after.releases):
        yield "leaves NOTHING that a device may take"
    if before == after and not is_new:
        yield "says the same as before"


def _below(family: Family) -> str:
    gone = [one.version for one in family.releases if one.number < family.floor]
    return ", ".join(gone[-10:]) or "anything older"


def _names(keys: Iterable[Key]) -> str:
    return ", ".join(map(key_text, keys))
