"""What can be ordered: what the port promises, of a real registry and a real signed repository."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from cloud.desired.port import Found, Listed, Listing
from cloud.registry.listing import RegistryListing
from cloud.registry.registry import Registry
from cloud.registry.states import Cause
from cloud.repository.listing import SignedListing
from cloud.repository.storage import Storage
from models.record.reading import read_record
from tests.support.model_records import BY, TOLD_GOOD, model_registry
from tests.support.records import registered, write_model
from tests.support.signed_repository import SignedRepository


class Shelf(Protocol):
    """Where a test puts models."""

    @property
    def listing(self) -> Listing: ...

    def release(self, record: Path) -> None: ...

    def revoke(self, version: str) -> None: ...


class Registered:
    """The registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.listing = RegistryListing(registry.models, registry.aliases)
        self._last = 0

    def release(self, record: Path) -> None:
        model, _ = self.registry.add(record, BY)
        self.registry.validate(model.name, model.version, BY, TOLD_GOOD)
        self._last += 1
        self.registry.released(model.name, model.version, self._last, BY)

    def revoke(self, version: str) -> None:
        self.registry.models.revoke("gate", version, BY, Cause.SIGNATURE)


class Signed:
    """The signed repository, which is begun with the first release."""

    def __init__(self) -> None:
        blobs = ObstoreBlobs(MemoryStore(), "memory")
        self.repository = SignedRepository(Path("nowhere"), blobs=blobs, is_begun=False)
        self.listing = SignedListing(Storage(blobs).standing)

    def release(self, record: Path) -> None:
        if Storage(self.repository.blobs).standing() is None:
            self.repository.begin()
        self.repository.release(record)

    def revoke(self, version: str) -> None:
        self.repository.revoke(version)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Records of `gate`, by version."""
    folder = tmp_path_factory.mktemp("records")
    made = {}
    for version in ("2", "10"):
        place = folder / version
        model = write_model(place / "model", version=version)
        made[version] = registered(place, model=model).folder
    return made


@pytest.fixture(params=["registry", "repository"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    if request.param == "repository":
        yield Signed()
        return
    with model_registry(tmp_path) as registry:
        yield Registered(registry)


def digest(record: Path) -> bytes:
    return bytes.fromhex(read_record(record).digest)


def test_where_nothing_was_put_there_is_nothing(shelf: Shelf) -> None:
    assert shelf.listing.look("gate", "2") == Found()


def test_what_is_released_may_be_ordered_by_its_record(
    shelf: Shelf, records: dict[str, Path]
) -> None:
    shelf.release(records["2"])
    shelf.release(records["10"])
    found = shelf.listing.look("gate", "2")
    assert found.listed == Listed("2", digest(records["2"]))
    assert found.released == ("10", "2"), "the newest release first"
    assert found.models == ("gate",)


def test_another_version_or_model_is_not_there_and_what_is_is_named(
    shelf: Shelf, records: dict[str, Path]
) -> None:
    shelf.release(records["2"])
    found = shelf.listing.look("gate", "3")
    assert (found.listed, found.released, found.models) == (None, ("2",), ("gate",))
    found = shelf.listing.look("yard", "2")
    assert (found.listed, found.released, found.models) == (None, (), ("gate",))


def test_what_is_revoked_is_known_and_not_to_be_ordered(
    shelf: Shelf, records: dict[str, Path]
) -> None:
    shelf.release(records["2"])
    shelf.release(records["10"])
    shelf.revoke("10")
    found = shelf.listing.look("gate", "10")
    assert found.listed is not None
    assert (found.listed.version, found.listed.problem) == ("10", "is revoked for good")
    assert found.released == ("2",)
