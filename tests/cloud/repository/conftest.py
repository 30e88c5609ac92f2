"""Records to release, and repositories that hold some."""

from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud.blobs.obstore import ObstoreBlobs
from tests.support.records import registered, write_model
from tests.support.signed_repository import SignedRepository

VERSIONS = ("1.0.0", "1.1.0", "1.2.0+b7")


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of real records of the model `gate`, by version."""
    folder = tmp_path_factory.mktemp("records")
    found = {}
    for version in VERSIONS:
        model = write_model(folder / version / "model", version=version)
        registered(folder / version, model=model)
        found[version] = folder / version / "store" / "gate" / version
    return found


@pytest.fixture
def in_memory(tmp_path: Path) -> Callable[[], SignedRepository]:
    """Makes repositories in memory."""
    return lambda: SignedRepository(
        tmp_path / "unused", blobs=ObstoreBlobs(MemoryStore(), "memory")
    )
