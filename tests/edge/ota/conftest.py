"""Registered versions of one small model; a repository of two families, and a device of it."""

import shutil
from pathlib import Path

import pytest

from models.record.register import register
from models.record.store import Store
from tests.support.records import WHO, submission, write_model
from tests.support.small_repository import SmallRepository
from tests.support.trusting_device import Device

VERSIONS = ("1", "2", "3")


@pytest.fixture(scope="session")
def registered_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `store/gate/1` to `3`."""
    folder = tmp_path_factory.mktemp("versions")
    for version in VERSIONS:
        model = write_model(folder / f"model-{version}", version=version)
        register(submission(folder / f"model-{version}", model), Store(folder / "store"), WHO)
    return folder


@pytest.fixture
def folder(registered_versions: Path, tmp_path: Path) -> Path:
    """The same, of this test alone."""
    shutil.copytree(registered_versions / "store", tmp_path / "store")
    return tmp_path


@pytest.fixture
def repository() -> SmallRepository:
    made = SmallRepository("gate", "lane")
    made.release("gate", "1.0.0", 1)
    made.release("gate", "1.1.0", 2)
    made.release("lane", "3.0", 1)
    made.publish("gate", "lane")
    return made


@pytest.fixture
def device(tmp_path: Path, repository: SmallRepository) -> Device:
    return Device(tmp_path / "device", repository)
