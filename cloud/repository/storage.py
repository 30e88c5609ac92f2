"""The repository's files in a blob store: read as what stands, written in the order that holds.

Every file but timestamp.json is written once. Two writers of the same number meet there: one is
first, the other hears of it.
"""

from collections.abc import Sequence

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
        numbers = self._numbers()
        roots = root_chain(self._from(numbers, ROOT, 1))
        first_targets = self._from(numbers, TARGETS, 1)[:1]
        if not roots or not first_targets:
            return None
        timestamp = self._timestamp(roots)
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
        return found

    def _from(self, numbers: dict[str, list[int]], role: str, first: int) -> list[bytes]:
        """The files of a role from a version on, up to the first gap."""
        there = set(numbers.get(role, ()))
        contents = []
        while first in there:
            contents.append(self._blobs.get(metadata_key(role, first)))
            first += 1
        return contents

    def _timestamp(self, roots: Sequence[File[Root]]) -> File[Timestamp] | None:
        content = self.timestamp_bytes()
        return None if content is None else served_timestamp(roots, content)

    def _snapshot(self, roots: Sequence[File[Root]], timestamp: File[Timestamp]) -> File[Snapshot]:
        version = timestamp.signed.snapshot_meta.version
        content = self.read(SNAPSHOT, version)
        if content is None:
            raise missing_file(SNAPSHOT, version)
        return served_snapshot(roots, timestamp, content)

    def _signed_for(
        self, numbers: dict[str, list[int]], root: Root, snapshot: File[Snapshot] | None
    ) -> tuple[File[Targets], dict[str, File[Targets]]]:
        """The newest targets whose families are all there, and those."""
        first = _shown(snapshot, TARGETS)
        chain = follow_targets(root, self._from(numbers, TARGETS, first), first)
        lacking = (TARGETS, first)
        for targets in reversed(chain):
            families = {}
            for name in families_of(targets.signed):
                role = family_role(name)
                shown = _shown(snapshot, role)
                contents = self._from(numbers, role, shown)
                file = follow_family(targets.signed, name, contents, shown)
                if file is None:
                    lacking = (role, shown)
                    break
                families[name] = file
            else:
                return targets, families
        raise missing_file(*lacking)


def _shown(snapshot: File[Snapshot] | None, role: str) -> int:
    """The version that devices get; 1 where they get none yet."""
    meta = snapshot.signed.meta.get(f"{role}.json") if snapshot else None
    return meta.version if meta else 1
