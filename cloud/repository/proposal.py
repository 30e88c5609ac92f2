"""A change on its way: what is to be signed, by whom, and who has signed.

A proposal is a file. Whoever holds a key signs it on a machine of their own, which needs no
repository: what is in force travels with it, so that the machine can say what would change. What
is published is checked against the repository itself, so a proposal can mislead nobody but its
readers, and them only about what was in force.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from tuf.api.metadata import Metadata, Root, Targets, VerificationResult

from cloud.errors import RepositoryError
from cloud.repository.family import CUSTOM
from cloud.repository.roles import ROOT, TARGETS, family_of, family_role, role_text
from cloud.repository.signing import PrivateKey, key_text
from cloud.repository.standing import missing_text, parse, verdict
from cloud.repository.trust import SIGNED_AT, keys_of

MAX_BYTES = 32 * 1024 * 1024

Offline = Root | Targets
"""What people sign."""


@dataclass(frozen=True, slots=True)
class Part:
    """One role's next version.

    Attributes:
        role: its name.
        before: what was in force, with its signatures; None where there was nothing.
        metadata: the next version, with the signatures that it has.
    """

    role: str
    before: Metadata[Any] | None
    metadata: Metadata[Any]

    @property
    def was(self) -> Offline | None:
        """What was in force."""
        return self.before.signed if self.before else None

    @property
    def after(self) -> Offline:
        """The next version."""
        signed = self.metadata.signed
        assert isinstance(signed, Root | Targets), "both makers of parts see to it"
        return signed


@dataclass(frozen=True, slots=True)
class Proposal:
    """Next versions that come into force together.

    Attributes:
        purpose: what it is for, in words; nothing follows from them.
        made_by: who made it.
        made_at: when, as ISO 8601.
        parts: at most one of each role.
        roots: all, the one in force when it was made last; none for the first.
        targets: in force when it was made; None for the first.
    """

    purpose: str
    made_by: str
    made_at: str
    parts: tuple[Part, ...]
    roots: tuple[Metadata[Root], ...]
    targets: Metadata[Targets] | None

    @property
    def root(self) -> Metadata[Root] | None:
        """In force when it was made."""
        return self.roots[-1] if self.roots else None

    def part(self, role: str) -> Part | None:
        """The next version of a role."""
        return next((part for part in self.parts if part.role == role), None)

    def delegators(self, role: str) -> Iterator[tuple[Offline, str]]:
        """Who says whose signatures a role needs, and why; it needs those of each."""
        root_part, targets_part = self.part(ROOT), self.part(TARGETS)
        next_root = root_part.after if root_part else None
        if family_of(role) is not None:
            if targets_part:
                yield targets_part.after, "the proposed targets"
            elif self.targets:
                yield self.targets.signed, "the targets in force"
            return
        if self.root:
            yield self.root.signed, "the root in force"
        if next_root:
            yield next_root, "the proposed root"

    def verdicts(self) -> Iterator[tuple[Part, str, VerificationResult]]:
        """For each part and each who says so: whose signatures there are, and are missing."""
        for part in self.parts:
            for delegator, why in self.delegators(part.role):
                keys_of(delegator, part.role)  # says it where there is no such role
                yield part, why, verdict(delegator, part.role, part.metadata)

    def missing(self) -> list[str]:
        """What lacks before it can be published, one a line; empty where nothing does."""
        return [
            f"{role_text(part.role)} {part.after.version} (as {why} demands): "
            f"{missing_text(result)}"
            for part, why, result in self.verdicts()
            if not result
        ]

    def signed_with(self, key: PrivateKey) -> "Proposal":
        """With the signatures of a key on each part that it may sign.

        Raises:
            RepositoryError: it may sign none.
        """
        theirs = {
            part.role
            for part in self.parts
            for delegator, _ in self.delegators(part.role)
            if key.keyid in {one.keyid for one in keys_of(delegator, part.role)}
        }
        if not theirs:
            able = {
                key_text(one)
                for part in self.parts
                for delegator, _ in self.delegators(part.role)
                for one in keys_of(delegator, part.role)
            }
            raise RepositoryError(
                f"key {key.keyid[:8]} may sign nothing of this; who may: {', '.join(sorted(able))}"
            )
        parts = []
        for part in self.parts:
            metadata = _copy(part.metadata)
            if part.role in theirs:
                key.sign(metadata)
            parts.append(replace(part, metadata=metadata))
        return replace(self, parts=tuple(parts))


def proposed(
    purpose: str,
    made_by: str,
    made_at: datetime,
    changes: list[tuple[str, Metadata[Any] | None, Offline]],
    roots: tuple[Metadata[Root], ...],
    targets: Metadata[Targets] | None,
) -> Proposal:
    """A proposal that nobody has signed.

    Args:
        purpose: in words.
        made_by: for people.
        made_at: UTC.
        changes: role, what is in force, and what is to follow.
        roots: all.
        targets: in force.
    """
    parts = tuple(Part(role, before, Metadata(after)) for role, before, after in changes)
    return Proposal(purpose, made_by, f"{made_at:%Y-%m-%dT%H:%M:%SZ}", parts, roots, targets)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


Shown = Annotated[str, Field(max_length=500), AfterValidator(_printable)]
"""What a terminal is shown of a stranger's file."""


class _PartFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str = Field(max_length=80)
    before: dict[str, Any] | None
    proposed: dict[str, Any]


class _ProposalFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    wayside_proposal: Literal[1]
    purpose: Shown
    made_by: Shown
    made_at: Shown
    roots: list[dict[str, Any]] = Field(max_length=1000)
    targets: dict[str, Any] | None
    parts: list[_PartFile] = Field(min_length=1, max_length=100)


def to_bytes(proposal: Proposal) -> bytes:
    """The file of a proposal."""
    document = {
        "wayside_proposal": 1,
        "purpose": proposal.purpose,
        "made_by": proposal.made_by,
        "made_at": proposal.made_at,
        "roots": [root.to_dict() for root in proposal.roots],
        "targets": proposal.targets.to_dict() if proposal.targets else None,
        "parts": [
            {
                "role": part.role,
                "before": part.before.to_dict() if part.before else None,
                "proposed": part.metadata.to_dict(),
            }
            for part in proposal.parts
        ],
    }
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def from_bytes(content: bytes, what: str) -> Proposal:
    """The proposal in a file.

    Args:
        content: of the file.
        what: its name, for messages.

    Raises:
        RepositoryError: it holds none.
    """
    if len(content) > MAX_BYTES:
        raise RepositoryError(f"{what}: is larger than a proposal, {MAX_BYTES:,} bytes")
    try:
        read = _ProposalFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RepositoryError(f"{what}: is no proposal: {where}: {first['msg']}") from error
    if len({part.role for part in read.parts}) < len(read.parts):
        raise RepositoryError(f"{what}: is no proposal: a role stands twice")
    parts = tuple(
        Part(
            part.role,
            None if part.before is None else _metadata(part.before, part.role, what),
            _metadata(part.proposed, part.role, what),
        )
        for part in read.parts
    )
    roots = tuple(_metadata(root, ROOT, what) for root in read.roots)
    targets = None if read.targets is None else _metadata(read.targets, TARGETS, what)
    return Proposal(read.purpose, read.made_by, read.made_at, parts, roots, targets)


def _metadata(document: dict[str, Any], role: str, what: str) -> Metadata[Any]:
    content = json.dumps(document).encode()
    if not _is_offline(role):
        # repr: it is a stranger's word, and may hold what a terminal obeys
        raise RepositoryError(f"{what}: is no proposal: {role!r} is no role that people sign for")
    if role == ROOT:
        return parse(content, Root, f"{what}: {role}").metadata
    return parse(content, Targets, f"{what}: {role}").metadata


def _is_offline(role: str) -> bool:
    family = family_of(role)
    if family is None:
        return role in (ROOT, TARGETS)
    try:
        return role == family_role(family)
    except RepositoryError:
        return False


def _copy(metadata: Metadata[Any]) -> Metadata[Any]:
    """The same signed part with signatures of its own."""
    return Metadata(metadata.signed, dict(metadata.signatures))


def is_same_but_for_its_dates(one: Offline, other: Offline) -> bool:
    """True where two versions say the same, but for when they begin and end."""
    return _undated(one) == _undated(other)


def _undated(signed: Offline) -> dict[str, Any]:
    document = signed.to_dict()
    del document["expires"]
    custom = document.get(CUSTOM)
    if isinstance(custom, dict):
        document[CUSTOM] = {key: custom[key] for key in custom if key != SIGNED_AT}
    return document
