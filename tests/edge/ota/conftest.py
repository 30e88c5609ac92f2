"""A repository of two families, and a device that has not asked it yet."""

from pathlib import Path

import pytest

from tests.support.small_repository import SmallRepository
from tests.support.trusting_device import Device


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
