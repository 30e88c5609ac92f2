"""Real networks and videos, where a folder or the user's cache has them; never downloaded."""

from pathlib import Path

import pytest

from models import zoo
from models.assets import VARIABLE, Places, find
from models.manifest import Manifest


def real_asset(name: str) -> Path:
    """The file of a network or video of the zoo; the test is skipped where it is absent."""
    path = find(zoo.asset(name), Places.of_user())
    if path is None:
        pytest.skip(f"{name} is not here; {VARIABLE} names a folder that has it")
    return path


def real_network(name: str) -> tuple[Manifest, Path]:
    """A network of the zoo; the test is skipped where its file is absent."""
    real_asset(name)
    return zoo.network(name)
