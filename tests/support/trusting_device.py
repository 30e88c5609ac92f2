"""A device's side of a signed repository, opened on a folder as often as a test wants."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import OtaError
from edge.ota.client import Client, Time
from edge.ota.durable import Write, write_durably
from edge.ota.high_water import HighWater
from edge.ota.repository import Repository
from edge.ota.trusted_store import TrustedStore
from edge.ota.verify import DEFAULT_LIMITS, Limits
from tests.support.small_repository import Clock, MemorySource, SmallRepository


class Device:
    """Everything of a device that trust needs; what it remembers lies in its folder.

    Args:
        folder: of the device.
        repository: that it asks.
        agent: version of its agent.
        limits: of what the repository may ask of it.
    """

    def __init__(
        self, folder: Path, repository: SmallRepository, *, agent: str = "0.1.0",
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.anchor = repository.first_root
        self.source = MemorySource(repository.files)
        self.clock = Clock()
        self.write: Write = write_durably
        self._agent = agent
        self._limits = limits

    @property
    def trusted(self) -> Path:
        """The folder of trusted metadata."""
        return self.folder / "trusted"

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """As after a start of the agent."""
        time = Time(lambda: self.clock.now_s, lambda: self.clock.is_kept)
        marks = HighWater(self.folder, self.write)
        with TrustedStore(self.trusted, self.write) as store:
            yield Client(self.anchor, store, marks, self.source, time, self._limits)

    @contextlib.contextmanager
    def trust(self) -> Iterator[Repository]:
        """As after a start of the agent."""
        with self.client() as client:
            yield Repository(client, self._agent)

    def refresh(self) -> None:
        """Start, take the newest metadata, stop."""
        with self.trust() as trust:
            trust.refresh()


@contextlib.contextmanager
def refused(code: str, *words: str) -> Iterator[None]:
    """The block is refused by this code, in a sentence that holds these words."""
    with pytest.raises(OtaError) as caught:
        yield
    assert caught.value.code == code, str(caught.value)
    for word in words:
        assert word in caught.value.detail, caught.value.detail
