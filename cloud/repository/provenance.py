"""What a proposal says was in force, proven from a root that its signer has.

A stolen server could show a signer a difference that hides what it wants signed, by lying about
what is in force. So that travels with its signatures, and with all roots from the first on: who
keeps a root since their key was made can prove all of it. Nothing is read or written here.
"""

import json
from datetime import datetime
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from cloud.errors import RepositoryError
from cloud.repository import trust
from cloud.repository.family import Family, check_family, check_next, read_family
from cloud.repository.proposal import Part, Proposal
from cloud.repository.roles import ROOT, TARGETS, family_of, role_text
from cloud.repository.standing import File, is_signed, parse, root_chain


def check_provenance(proposal: Proposal, own_root: bytes | None, now: datetime) -> None:
    """Return where each version was what a proposal says, and the next one may follow on it.

    Args:
        proposal: with what was in force.
        own_root: a root of the repository that the signer trusts; None: whoever made the proposal
            is believed to have named the right repository.
        now: by the signer's clock, UTC. What is dated ahead would end all else on every device, and
            the server that publishes it cannot be trusted to look.

    Raises:
        RepositoryError: something was not; the message says what.
    """
    roots = root_chain([_bytes(root) for root in proposal.roots])
    if own_root is not None:
        _check_ours(roots, parse(own_root, Root, "your root"))
    if not roots:
        _check_first(proposal, now)
        return
    if proposal.targets is None:
        raise RepositoryError("the proposal hides which targets were in force")
    targets = parse(_bytes(proposal.targets), Targets, TARGETS)
    trust.check_targets(targets.signed)
    if not is_signed(roots[-1].signed, TARGETS, targets):
        raise RepositoryError("the proposal names targets that nobody has signed")
    for part in proposal.parts:
        _check_before(part, roots[-1], targets)
        _check_follows(part, now)


def _check_ours(roots: tuple[File[Root], ...], own: File[Root]) -> None:
    if not any(root.signed == own.signed for root in roots):
        raise RepositoryError(
            f"the proposal is for another repository than that of your root {own.version}: sign "
            "nothing, and ask who sent it"
        )


def _check_first(proposal: Proposal, now: datetime) -> None:
    if proposal.targets is not None or any(part.before is not None for part in proposal.parts):
        raise RepositoryError("the proposal hides which root was in force")
    for part in proposal.parts:
        _check_follows(part, now)


def _check_before(part: Part, root: File[Root], targets: File[Targets]) -> None:
    family, was = family_of(part.role), part.was
    if part.role == ROOT:
        is_true = was == root.signed
    elif family is None:
        is_true = was == targets.signed
    elif was is None or part.before is None:
        is_true = family not in trust.families_of(targets.signed)
    else:
        before = parse(_bytes(part.before), Targets, part.role)
        is_true = is_signed(targets.signed, part.role, before)
    if not is_true:
        raise RepositoryError(
            f"{role_text(part.role)}: what the proposal says was in force was never signed"
        )


def _check_follows(part: Part, now: datetime) -> None:
    was, after, family = part.was, part.after, family_of(part.role)
    if after.version != (was.version if was else 0) + 1:
        raise RepositoryError(f"{role_text(part.role)}: version {after.version} cannot follow")
    if family is None:
        trust.check_date(after, now)
    if isinstance(after, Root):
        trust.check_root(after)
    elif family is None:
        trust.check_targets(after)
        if isinstance(was, Targets):
            trust.check_next_targets(was, after)
    else:
        read = read_family(family, after)
        check_family(read)
        check_next(read_family(family, was) if isinstance(was, Targets) else Family(family), read)


def _bytes(metadata: "Metadata[Any]") -> bytes:
    return json.dumps(metadata.to_dict()).encode()
