"""May a proposal be published now, and what has to be written? Nothing is read or written here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tuf.api.metadata import Root, Targets

from cloud.errors import RepositoryError, StaleProposalError
from cloud.repository import trust
from cloud.repository.family import Family, Release, check_family, check_next, read_family
from cloud.repository.proposal import Part, Proposal
from cloud.repository.roles import ROOT, TARGETS, family_of, family_role, role_text
from cloud.repository.standing import File, Standing, is_signed, parse


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be written, in the order of the fields.

    Attributes:
        families: by name.
        targets: None where it stays.
        root: None where it stays.
    """

    families: Mapping[str, File[Targets]] = field(default_factory=dict)
    targets: File[Targets] | None = None
    root: File[Root] | None = None

    def files(self) -> "Iterator[tuple[str, File[Any]]]":
        """Role and file of all that has to be written, in that order."""
        for name, file in self.families.items():
            yield family_role(name), file
        if self.targets is not None:
            yield TARGETS, self.targets
        if self.root is not None:
            yield ROOT, self.root


@dataclass(frozen=True, slots=True)
class News:
    """What a proposal says of a family's versions.

    Attributes:
        family: its name.
        released: that come.
        revoked: versions that go.
    """

    family: str
    released: tuple[Release, ...]
    revoked: tuple[str, ...]


def plan(proposal: Proposal, standing: Standing | None, now: datetime) -> Plan:
    """What has to be written; a part that stands already needs nothing.

    Args:
        proposal: with its signatures.
        standing: what stands; None where there is no repository yet.
        now: UTC.

    Raises:
        StaleProposalError: it was made for what is in force no more.
        RepositoryError: it may not be published; the message says which rule it breaks.
    """
    if standing is None and (proposal.part(ROOT) is None or proposal.part(TARGETS) is None):
        raise RepositoryError("there is no repository here yet: `wayside-cloud repository init`")
    try:
        parts = tuple(part for part in proposal.parts if not _stands(part, standing))
    except StaleProposalError:
        if not proposal.roots:
            raise RepositoryError("there is a repository here already, with other keys") from None
        raise
    if not parts:
        return Plan()
    rest = replace(
        proposal,
        parts=parts,
        roots=tuple(root.metadata for root in standing.roots) if standing else (),
        targets=standing.targets.metadata if standing else None,
    )
    for part in parts:
        _check_rules(part, standing)
        if family_of(part.role) is None:
            trust.check_date(part.after, now)
        if part.after.is_expired(now):
            raise RepositoryError(
                f"{role_text(part.role)} {part.after.version} ended at {part.after.expires:%F %R} "
                "UTC, before it was published: propose it anew"
            )
    missing = rest.missing()
    if missing:
        raise RepositoryError("; ".join(missing))
    made = _made(rest)
    _check_whole(made, standing)
    return made


def news(proposal: Proposal) -> list[News]:
    """Which versions come and go by a proposal.

    Raises:
        RepositoryError: a part is none of a family's.
    """
    found = []
    for part in proposal.parts:
        name = family_of(part.role)
        if name is None:
            continue
        before, after = _families(name, part)
        found.append(
            News(
                name,
                tuple(one for one in after.releases if before.find(one.version) != one),
                tuple(one for one in after.withdrawn if one not in before.withdrawn),
            )
        )
    return found


def _families(name: str, part: Part) -> tuple[Family, Family]:
    assert isinstance(part.after, Targets), "only the part of the root is none"
    was = part.was
    before = read_family(name, was) if isinstance(was, Targets) else Family(name)
    return before, read_family(name, part.after)


def _in_force(role: str, standing: Standing | None) -> "File[Any] | None":
    if standing is None:
        return None
    if role == ROOT:
        return standing.root
    family = family_of(role)
    return standing.targets if family is None else standing.families.get(family)


def _stands(part: Part, standing: Standing | None) -> bool:
    """True where a part is in force already.

    Raises:
        StaleProposalError: another version is.
    """
    file = _in_force(part.role, standing)
    version = file.version if file else 0
    if file is not None and part.after.version == version and part.after == file.signed:
        return True
    if part.after.version != version + 1:
        raise StaleProposalError(
            f"{role_text(part.role)} {part.after.version} was proposed when "
            f"{part.after.version - 1} was in force; now it is {version}: propose it anew"
        )
    return False


def _check_rules(part: Part, standing: Standing | None) -> None:
    """Whether a part may follow on what is in force; by its own words nothing is believed."""
    file, after = _in_force(part.role, standing), part.after
    family = family_of(part.role)
    if isinstance(after, Root):
        trust.check_root(after)
    elif family is None:
        if file is None:
            trust.check_targets(after)
        else:
            trust.check_next_targets(file.signed, after)
    else:
        read = read_family(family, after)
        if file is None:
            check_family(read)
        else:
            check_next(read_family(family, file.signed), read)


def _made(proposal: Proposal) -> Plan:
    root: File[Root] | None = None
    targets: File[Targets] | None = None
    families: dict[str, File[Targets]] = {}
    for part in proposal.parts:
        content = part.metadata.to_bytes()
        trust.check_size(part.role, content)
        family = family_of(part.role)
        if part.role == ROOT:
            root = parse(content, Root, part.role)
        elif family is None:
            targets = parse(content, Targets, part.role)
        else:
            families[family] = parse(content, Targets, part.role)
    return Plan(families, targets, root)


def _check_whole(made: Plan, standing: Standing | None) -> None:
    """Whether all that devices would get then is signed by whom it has to be.

    Raises:
        RepositoryError: something is not, and would have to be signed anew together with this.
    """
    root = made.root or (standing.root if standing else None)
    targets = made.targets or (standing.targets if standing else None)
    assert root is not None, "plan has seen to it"
    assert targets is not None, "plan has seen to it"
    if not is_signed(root.signed, TARGETS, targets):
        raise RepositoryError(
            f"targets {targets.version} is not signed by those that the new root names; propose "
            "both together: `repository rotate targets`"
        )
    files = {**(standing.families if standing else {}), **made.families}
    for family in trust.families_of(targets.signed):
        file = files.get(family)
        if file is None or not is_signed(targets.signed, family_role(family), file):
            raise RepositoryError(
                f"{role_text(family_role(family))} is not signed by those that the new targets "
                "name; propose both together: `repository rotate`"
            )
