"""What stands: the files that count, each proven by the one that names its keys.

A file that is signed and may follow on what is in force counts from the moment it is written, also
where its writer was interrupted before a snapshot named it: whoever comes next takes it in. So a
release that two people have signed is not lost, and the same command finishes what it began.
Reference: the client workflow of the TUF specification 1.0.31, section 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import (
    Key,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    T,
    Targets,
    Timestamp,
    VerificationResult,
)
from tuf.api.serialization import DeserializationError

from cloud.errors import RepositoryError
from cloud.repository.family import Family, check_family, read_family
from cloud.repository.family import check_next as check_next_family
from cloud.repository.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, family_role, role_text
from cloud.repository.signing import key_text
from cloud.repository.trust import check_next_targets, check_root, check_targets


@dataclass(frozen=True, slots=True)
class File(Generic[T]):
    """A role's file.

    Attributes:
        content: its bytes, as they lie there.
        metadata: what they say.
    """

    content: bytes
    metadata: Metadata[T]

    @property
    def signed(self) -> T:
        """What is signed for."""
        return self.metadata.signed

    @property
    def version(self) -> int:
        """Its number."""
        return int(self.metadata.signed.version)

    @property
    def expires(self) -> datetime:
        """Its end, UTC."""
        return self.metadata.signed.expires

    def as_meta(self) -> MetaFile:
        """As a snapshot or a timestamp names it."""
        return MetaFile.from_data(self.version, self.content, ["sha256"])


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands.

    Attributes:
        roots: all of them, the newest last.
        targets: who signs for which family.
        families: the file of each family.
        snapshot: the one that devices get; None before the first.
        timestamp: as above.
        snapshot_number: the highest that was ever given to a snapshot; 0 where none was.
    """

    roots: tuple[File[Root], ...]
    targets: File[Targets]
    families: Mapping[str, File[Targets]]
    snapshot: File[Snapshot] | None
    timestamp: File[Timestamp] | None
    snapshot_number: int

    @property
    def root(self) -> File[Root]:
        """The newest."""
        return self.roots[-1]

    def family(self, name: str) -> File[Targets]:
        """The file of a family.

        Raises:
            RepositoryError: there is no such family.
        """
        try:
            return self.families[name]
        except KeyError:
            known = ", ".join(self.families) or "none"
            raise RepositoryError(
                f"there is no family {name}, there is: {known}; `repository family add`"
            ) from None

    def releases(self, name: str) -> Family:
        """What is signed of a family.

        Raises:
            RepositoryError: as above.
        """
        return read_family(name, self.family(name).signed)

    def number_of(self, name: str, version: str) -> int | None:
        """The release that devices may take a version as; None where they may not.

        Raises:
            RepositoryError: the family's role is not as it must be.
        """
        found = self.releases(name).find(version) if name in self.families else None
        return found.number if found else None

    def wanted(self) -> dict[str, MetaFile]:
        """What a snapshot has to name."""
        named = {f"{TARGETS}.json": self.targets.as_meta()}
        for name, file in self.families.items():
            named[f"{family_role(name)}.json"] = file.as_meta()
        return named

    @property
    def is_shown(self) -> bool:
        """True where devices get just this."""
        return (
            self.snapshot is not None
            and self.timestamp is not None
            and self.snapshot.signed.meta == self.wanted()
        )


def parse(content: bytes, kind: type[T], what: str) -> File[T]:
    """A role's file from its bytes; its signatures are not looked at.

    Raises:
        RepositoryError: it is none.
    """
    try:
        metadata: Metadata[T] = Metadata.from_bytes(content)
    except (DeserializationError, ValueError) as error:
        raise RepositoryError(f"{what}: is no metadata of {kind.type}") from error
    if not isinstance(metadata.signed, kind) or metadata.unrecognized_fields:
        raise RepositoryError(f"{what}: is no metadata of {kind.type}")
    return File(content, metadata)


def verdict(delegator: Root | Targets, role: str, metadata: "Metadata[Any]") -> VerificationResult:
    """Who of those that may sign for a role has signed."""
    return delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)


def is_signed(delegator: Root | Targets, role: str, file: "File[Any]") -> bool:
    """True where enough of them have."""
    return bool(verdict(delegator, role, file.metadata))


def missing_text(result: VerificationResult) -> str:
    """What lacks, for people."""
    able = ", ".join(key_text(key) for key in _ordered(result.unsigned))
    by = ", ".join(key_text(key) for key in _ordered(result.signed)) or "nobody"
    return (
        f"signed by {by}, {result.missing} of {result.threshold} "
        f"signature{'s' if result.threshold > 1 else ''} missing; who can sign: {able or 'nobody'}"
    )


def _ordered(keys: Mapping[str, Key]) -> list[Key]:
    return [keys[keyid] for keyid in sorted(keys)]


def root_chain(contents: Sequence[bytes]) -> tuple[File[Root], ...]:
    """All roots, each proven by the one before and by itself.

    Args:
        contents: from the first on.

    Raises:
        RepositoryError: one is not; the message says which.
    """
    chain: list[File[Root]] = []
    for number, content in enumerate(contents, 1):
        file = parse(content, Root, f"{number}.{ROOT}.json")
        before = chain[-1].signed if chain else None
        try:
            check_root(file.signed)
        except RepositoryError as error:
            raise RepositoryError(f"{number}.{ROOT}.json: {error}") from error
        if file.version != number:
            raise RepositoryError(f"{number}.{ROOT}.json: says that it is version {file.version}")
        for delegator in filter(None, (before, file.signed)):
            result = verdict(delegator, ROOT, file.metadata)
            if not result:
                raise RepositoryError(f"{number}.{ROOT}.json: {missing_text(result)}")
        chain.append(file)
    return tuple(chain)


def served_timestamp(roots: Sequence[File[Root]], content: bytes) -> File[Timestamp]:
    """The timestamp that devices get.

    It may be signed under an older root, where somebody was interrupted between a new root and
    its first timestamp.

    Raises:
        RepositoryError: no root of ours vouches for it.
    """
    anew = "delete it, and `wayside-cloud repository refresh` makes it anew"
    try:
        file = parse(content, Timestamp, f"{TIMESTAMP}.json")
    except RepositoryError as error:
        raise RepositoryError(f"{error}: {anew}") from error
    if not any(is_signed(root.signed, TIMESTAMP, file) for root in reversed(roots)):
        raise RepositoryError(f"{TIMESTAMP}.json: is signed by no key of any root: {anew}")
    return file


def served_snapshot(
    roots: Sequence[File[Root]], timestamp: File[Timestamp], content: bytes
) -> File[Snapshot]:
    """The snapshot that a timestamp names.

    Raises:
        RepositoryError: these bytes are not it.
    """
    named = timestamp.signed.snapshot_meta
    what = f"{named.version}.{SNAPSHOT}.json"
    file = parse(content, Snapshot, what)
    try:
        named.verify_length_and_hashes(content)
    except LengthOrHashMismatchError as error:
        raise RepositoryError(f"{what}: is not the one that the timestamp names") from error
    if not any(is_signed(root.signed, SNAPSHOT, file) for root in reversed(roots)):
        raise RepositoryError(f"{what}: is signed by no key of any root")
    return file


def follow_targets(
    root: Root, contents: Sequence[bytes], first: int, *, is_in_force: bool
) -> list[File[Targets]]:
    """The versions of the role targets that count, the newest last.

    Args:
        root: the newest.
        contents: as they lie there, from version `first` on, without a gap.
        first: version of the one in force, or of the oldest.
        is_in_force: False where nobody says which one is. Then what only keys of before have signed
            is passed over.
    """
    counting: list[File[Targets]] = []
    before: File[Targets] | None = None
    for number, content in enumerate(contents, first):
        try:
            file = parse(content, Targets, f"{number}.{TARGETS}.json")
            if before is None:
                check_targets(file.signed)
            else:
                check_next_targets(before.signed, file.signed)
        except RepositoryError:
            break
        # The one in force may be of keys that have been replaced: it is what was before.
        is_counted = file.version == number and is_signed(root, TARGETS, file)
        if is_counted:
            counting.append(file)
        elif counting or (is_in_force and number > first):
            break
        before = file
    return counting


def follow_family(
    targets: Targets, name: str, contents: Sequence[bytes], first: int, *, is_in_force: bool
) -> File[Targets] | None:
    """The newest file of a family that counts; None where none does.

    Args:
        targets: which says whose signature counts.
        name: of the family.
        contents: as they lie there, from version `first` on, without a gap.
        first: version of the one in force, or of the oldest.
        is_in_force: as above.
    """
    newest: File[Targets] | None = None
    before: Family | None = None
    role = family_role(name)
    for number, content in enumerate(contents, first):
        try:
            file = parse(content, Targets, f"{number}.{role}.json")
            family = read_family(name, file.signed)
            if before is None:
                check_family(family)
            else:
                check_next_family(before, family)
        except RepositoryError:
            break
        if file.version == number and is_signed(targets, role, file):
            newest = file
        elif newest is not None or (is_in_force and number > first):
            break
        before = family
    return newest


def missing_file(role: str, version: int) -> RepositoryError:
    """Says that a file is not what it should be."""
    return RepositoryError(
        f"version {version} of {role_text(role)} is in force and is not there, or not signed as "
        "it must be: restore the repository's files from a backup"
    )
