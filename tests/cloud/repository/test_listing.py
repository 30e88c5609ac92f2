"""What of the signed repository can be ordered: nothing below the floor, whatever was signed."""

from pathlib import Path

from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.repository.listing import SignedListing
from cloud.repository.storage import Storage
from tests.support.signed_repository import SignedRepository


def test_what_is_below_the_floor_is_not_to_be_ordered(records: dict[str, Path]) -> None:
    blobs = ObstoreBlobs(MemoryStore(), "memory")
    repository = SignedRepository(Path("nowhere"), blobs=blobs)
    repository.release(records["1.0.0"])
    repository.release(records["1.1.0"])
    listing = SignedListing(Storage(blobs).standing)
    [family] = repository.standing.families
    repository.add_family("yard")
    assert listing.look("yard", "1.0.0").released == ()
    assert listing.look("yard", "1.0.0").models == ("yard", family)

    repository.family = family
    repository.floor(2)
    found = listing.look(family, "1.0.0")
    assert found.listed is not None
    assert found.listed.problem == "is release 1, below the floor of 2"
    assert found.released == ("1.1.0",)
