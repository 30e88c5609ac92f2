"""The repository's files in a blob store: read as what stands, written in the order that holds.

Every file but timestamp.json is written once. Two writers of the same number meet there: one is
first, the other hears of it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from cloud.blobs.port import Blobs
from cloud.errors import BlobNotFoundError, RepositoryError
from cloud.repository.roles import (
    METADATA,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP_KEY,
    family_role,
    metadata_key,
    parse_key,
)
from cloud.repository.standing import (
    File,
    Standing,
    follow_family,
    follow_targets,
    missing_file,
    root_chain,
    served_snapshot,
    served_timestamp,
)
from cloud.repository.trust import families_of

JSON = "application/json"
_LOOKS = 5
"""At what changes while it is looked at."""


class _Look(NamedTuple):
    """What lies there.

    Attributes:
        timestamp: its bytes, None where there is none.
        numbers: which versions of each role there are.
    """

    timestamp: bytes | None
    numbers: Mapping[str, Sequence[int]]


class Storage:
    """The files.

    Args:
        blobs: where they lie; nothing else lies there.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def standing(self) -> Standing | None:
        """What stands; None where there is no repository yet.

        Raises:
            RepositoryError: what lies there proves nothing; the message says which file.
            BlobsAwayError: try again.
        """
        for _ in range(_LOOKS):
            look = self._look()
            try:
                return self._proven(look)
            except RepositoryError:
                # A listing takes its time, and somebody may have published meanwhile.
                if self._look() == look:
                    raise
        raise RepositoryError("others publish without a pause: try again")

    def _look(self) -> _Look:
        """What there is. The timestamp comes first: what it names was there before the listing."""
        timestamp = self.timestamp_bytes()
        return _Look(timestamp, self._numbers())

    def _proven(self, look: _Look) -> Standing | None:
        numbers = look.numbers
        roots = root_chain(self._from(numbers, ROOT, 1))
        is_begun = look.timestamp is not None or max(numbers.get(ROOT, ()), default=0) > 1
        if not roots and is_begun:
            raise missing_file(ROOT, 1)
        if not roots or not (is_begun or 1 in numbers.get(TARGETS, ())):
            return None
        content = look.timestamp
        timestamp = None if content is None else served_timestamp(roots, content)
        snapshot = self._snapshot(roots, timestamp) if timestamp else None
        targets, families = self._signed_for(numbers, roots[-1].signed, snapshot)
        given = max(numbers.get(SNAPSHOT, [0]))
        return Standing(roots, targets, families, snapshot, timestamp, given)

    def read(self, role: str, version: int) -> bytes | None:
        """A file's bytes, None where there is none."""
        try:
            return self._blobs.get(metadata_key(role, version))
        except BlobNotFoundError:
            return None

    def write(self, role: str, version: int, content: bytes) -> bool:
        """Write a file that nobody has written; False where somebody has."""
        return self._blobs.put(metadata_key(role, version), content, JSON)

    def swap_timestamp(self, content: bytes, before: bytes | None) -> bool:
        """Show devices something newer; False where somebody else has meanwhile."""
        return self._blobs.swap(TIMESTAMP_KEY, content, JSON, before)

    def timestamp_bytes(self) -> bytes | None:
        """The timestamp as it lies there."""
        try:
            return self._blobs.get(TIMESTAMP_KEY)
        except BlobNotFoundError:
            return None

    def has(self, key: str, size: int) -> bool:
        """True where a file of a key is there.

        Raises:
            RepositoryError: there is one of another size.
        """
        found = self._blobs.size(key)
        if found is not None and found != size:
            raise RepositoryError(
                f"{key}: is of {found:,} bytes and should be of {size:,}: somebody else writes "
                "here; delete it"
            )
        return found is not None

    def keep(self, key: str, content: bytes, content_type: str) -> None:
        """Write a file that is named by its hash; one that is there already is the same."""
        self._blobs.put(key, content, content_type)

    def _numbers(self) -> dict[str, list[int]]:
        """Which versions of each role there are."""
        found: dict[str, list[int]] = {}
        for entry in self._blobs.list(METADATA):
            parsed = parse_key(entry.key)
            if parsed is not None:
                found.setdefault(parsed[0], []).append(parsed[1])
        return {role: sorted(theirs) for role, theirs in found.items()}

    def _from(self, numbers: Mapping[str, Sequence[int]], role: str, first: int) -> list[bytes]:
        """The files of a role from a version on, up to the first gap."""
        there = set(numbers.get(role, ()))
        contents = []
        while first in there:
            contents.append(self._blobs.get(metadata_key(role, first)))
            first += 1
        return contents

    def _snapshot(self, roots: Sequence[File[Root]], timestamp: File[Timestamp]) -> File[Snapshot]:
        version = timestamp.signed.snapshot_meta.version
        content = self.read(SNAPSHOT, version)
        if content is None:
            raise missing_file(SNAPSHOT, version)
        return served_snapshot(roots, timestamp, content)

    def _signed_for(
        self, numbers: Mapping[str, Sequence[int]], root: Root, snapshot: File[Snapshot] | None
    ) -> tuple[File[Targets], dict[str, File[Targets]]]:
        """The newest targets whose families are all there, and those."""
        first, is_in_force = _first(numbers, snapshot, TARGETS)
        contents = self._from(numbers, TARGETS, first)
        chain = follow_targets(root, contents, first, is_in_force=is_in_force)
        lacking = (TARGETS, first)
        for targets in reversed(chain):
            families = {}
            for name in families_of(targets.signed):
                role = family_role(name)
                first, is_in_force = _first(numbers, snapshot, role)
                contents = self._from(numbers, role, first)
                file = follow_family(targets.signed, name, contents, first, is_in_force=is_in_force)
                if file is None:
                    lacking = (role, first)
                    break
                families[name] = file
            else:
                return targets, families
        raise missing_file(*lacking)


def _first(
    numbers: Mapping[str, Sequence[int]], snapshot: File[Snapshot] | None, role: str
) -> tuple[int, bool]:
    """The version to begin with, and whether it is the one that devices get; else the oldest."""
    meta = snapshot.signed.meta.get(f"{role}.json") if snapshot else None
    return (meta.version, True) if meta else (min(numbers.get(role, ()), default=1), False)
