"""What lies there read as what stands, also while others write."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import BlobEntry
from cloud.errors import RepositoryError
from cloud.repository import changes
from cloud.repository.roles import METADATA, TARGETS, TIMESTAMP_KEY
from cloud.repository.signing import PrivateKey, PublicKey
from cloud.repository.storage import Storage
from tests.support.signed_repository import SignedRepository
from tests.support.tuf_client import TufClient


class Watched(ObstoreBlobs):
    """Blobs in memory, beside whose reader something happens.

    Attributes:
        after_listing: called once, when all was listed.
        after_timestamp: called once, when the timestamp was read.
        overlooked: keys that the next listing does not show yet.
    """

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory")
        self.after_listing: Callable[[], object] | None = None
        self.after_timestamp: Callable[[], object] | None = None
        self.overlooked: set[str] = set()

    def list(self, folder: str, after: str = "") -> Iterator[BlobEntry]:
        found = [one for one in super().list(folder, after) if one.key not in self.overlooked]
        self.overlooked = set()
        act, self.after_listing = self.after_listing, None
        if act is not None:
            act()
        return iter(found)

    def get(self, key: str) -> bytes:
        content = super().get(key)
        if key == TIMESTAMP_KEY:
            act, self.after_timestamp = self.after_timestamp, None
            if act is not None:
                act()
        return content


@pytest.fixture
def blobs() -> Watched:
    return Watched()


@pytest.fixture
def repository(blobs: Watched, records: dict[str, Path]) -> SignedRepository:
    made = SignedRepository(Path("nowhere"), blobs=blobs)
    made.release(records["1.0.0"])
    made.release(records["1.1.0"])
    return made


@pytest.mark.parametrize("moment", ["after_listing", "after_timestamp"])
def test_who_reads_while_somebody_publishes_sees_a_whole_view(
    repository: SignedRepository, blobs: Watched, moment: str
) -> None:
    setattr(blobs, moment, lambda: repository.floor(2))
    seen = Storage(blobs).standing()
    assert seen is not None
    assert seen.releases("gate").floor in (0, 2)
    assert repository.standing.releases("gate").floor == 2


def test_a_listing_that_took_its_time_is_made_again(
    repository: SignedRepository, blobs: Watched
) -> None:
    repository.floor(2)
    newest = f"metadata/{repository.standing.family('gate').version}.family-gate.json"
    blobs.overlooked = {newest}
    seen = Storage(blobs).standing()
    assert seen is not None
    assert seen.releases("gate").floor == 2


def test_what_is_gone_for_good_is_named(repository: SignedRepository, blobs: Watched) -> None:
    version = repository.standing.family("gate").version
    blobs.delete([f"metadata/{version}.family-gate.json"])
    with pytest.raises(RepositoryError, match=f"version {version} of family:gate is in force and"):
        Storage(blobs).standing()


def rotated(repository: SignedRepository, role: str) -> None:
    """All keys of a role but one are replaced, as often as nobody of the first is left."""
    for number in range(len(repository.keys[role])):
        new, [old, *rest] = PrivateKey.generate(), repository.keys[role]
        repository.keys[role] = [old, *rest, new]
        public = PublicKey(role, new.public(f"new-{number}"))
        repository.publish(
            changes.rotate(repository.standing, role, [public], [old.keyid], repository.asked)
        )
        repository.keys[role] = [*rest, new]


def test_a_timestamp_that_was_lost_is_made_anew_and_believed(
    repository: SignedRepository, blobs: Watched, tmp_path: Path
) -> None:
    rotated(repository, TARGETS)
    rotated(repository, "family-gate")
    repository.floor(2)
    device = TufClient(tmp_path, repository.root_bytes, blobs=blobs)
    device.refresh()
    before = repository.standing
    assert before.timestamp is not None
    blobs.delete([TIMESTAMP_KEY])

    found = repository.standing
    assert (found.targets, found.families, found.timestamp) == (
        before.targets, before.families, None,
    )  # fmt: skip
    assert repository.refresh().timestamp > before.timestamp.version
    device.refresh()
    assert device.target("gate", "1.1.0") is not None


@pytest.mark.parametrize("content", [b"", b"\0" * 400, b"{}"])
def test_a_timestamp_that_is_none_says_how_it_is_mended(
    repository: SignedRepository, blobs: Watched, content: bytes
) -> None:
    before = repository.standing
    blobs.swap(TIMESTAMP_KEY, content, "application/json", blobs.get(TIMESTAMP_KEY))
    with pytest.raises(RepositoryError, match=r"timestamp\.json: is no metadata .*: delete it"):
        repository.refresh()
    blobs.delete([TIMESTAMP_KEY])
    repository.refresh()
    assert repository.standing.is_shown
    assert repository.standing.families == before.families


def test_without_its_first_root_it_is_damaged_and_not_begun_anew(
    repository: SignedRepository, blobs: Watched
) -> None:
    blobs.delete(["metadata/1.root.json"])
    with pytest.raises(RepositoryError, match="version 1 of root is in force and is not there"):
        Storage(blobs).standing()


def test_old_versions_that_somebody_tidied_away_are_not_missed(
    repository: SignedRepository, blobs: Watched
) -> None:
    before = repository.standing
    named = {f"metadata/{before.family('gate').version}.family-gate.json",
             f"metadata/{before.targets.version}.targets.json"}  # fmt: skip
    old = [one.key for one in blobs.list(METADATA)
           if one.key not in named and one.key.endswith(("targets.json", "gate.json"))]  # fmt: skip
    assert "metadata/1.targets.json" in old
    blobs.delete(old)
    assert repository.standing == before
