"""Fakes of what the life of an update needs; `tests/contracts/test_ota.py` holds them to the ports.

A fake repository is a folder of records as `wayside-models register` writes it: what lies in it is
vouched for, with release numbers in the order in which it was released.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import OtaError
from edge.ota.port import Target
from edge.ota.probation import Baseline, Sample
from edge.ota.serving import Trial
from edge.ota.states import Code
from models.record.digest import digest_of
from models.record.reading import RECORD, read_record
from wayside.disk import Disk, RealDisk


@dataclass
class Release:
    """A record that was released."""

    target: Target
    folder: Path


@dataclass
class FakeTrust:
    """See `edge.ota.port.Trust`; whatever is in `releases` is vouched for."""

    releases: dict[tuple[str, str], Release] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, set[int]] = field(default_factory=dict)
    failure: OtaError | None = None
    is_damaged: bool = False
    refreshes: int = 0

    def release(self, family: str, folder: Path, min_agent: str | None = None) -> Target:
        """Vouch for a record, as the family's next release."""
        read = read_record(folder)
        number = 1 + sum(one[0] == family for one in self.releases)
        version = read.record.manifest.version
        target = Target(family, version, number, read.digest, read.size, min_agent)
        self.releases[family, version] = Release(target, folder)
        return target

    def refresh(self) -> None:
        self.refreshes += 1
        if self.failure is not None:
            raise self.failure

    def target(self, family: str, version: str) -> Target:
        found = self.releases.get((family, version))
        if found is None:
            raise OtaError(Code.UNKNOWN_TARGET, f"{family} {version} was never released")
        self._check(found.target)
        return found.target

    def floor(self, family: str) -> int:
        return self.floors.get(family, 0)

    def revoked(self, family: str) -> frozenset[int]:
        return frozenset(self.withdrawn.get(family, ()))

    def check_offline(self, family: str, record: bytes) -> Target:
        if self.is_damaged:
            raise OtaError(Code.NOT_READABLE, "the trusted metadata is damaged")
        for (name, _), one in self.releases.items():
            if name == family and one.target.sha256 == digest_of(record):
                self._check(one.target)
                return one.target
        raise OtaError(Code.UNKNOWN_TARGET, f"{family}: nobody vouched for this record")

    def _check(self, target: Target) -> None:
        if target.release in self.revoked(target.family):
            raise OtaError(Code.REVOKED, f"release {target.release} was revoked")


class FakeFetcher:
    """See `edge.ota.port.Fetcher`; copies from the folders of releases, a chunk at a time.

    Args:
        trust: whose releases it brings.
        disk: that it writes to.
        chunk_bytes: between two words of progress.
    """

    def __init__(
        self, trust: FakeTrust, disk: Disk | None = None, chunk_bytes: int = 64 * 1024
    ) -> None:
        self._trust = trust
        self._disk = disk or RealDisk()
        self._chunk_bytes = chunk_bytes
        self.fails_after_bytes: int | None = None
        self.fetched_bytes = 0

    def record(self, target: Target, into: Path, progress: Callable[[int], None]) -> None:
        folder = self._trust.releases[target.family, target.version].folder
        self._bring((folder / RECORD).read_bytes(), target.sha256, into, progress)

    def blob(self, sha256: str, size: int, into: Path, progress: Callable[[int], None]) -> None:
        for one in self._trust.releases.values():
            for artefact in read_record(one.folder).record.artefacts:
                if artefact.sha256 == sha256:
                    content = (one.folder / artefact.path).read_bytes()
                    self._bring(content, sha256, into, progress)
                    return
        raise OtaError(Code.UNREACHABLE, f"blobs/{sha256}: 404", is_passing=True)

    def _bring(
        self, content: bytes, sha256: str, into: Path, progress: Callable[[int], None]
    ) -> None:
        part = into.with_name(into.name + ".part")
        here = part.stat().st_size if part.is_file() else 0
        with part.open("ab") as file:
            while here < len(content):
                chunk = content[here : here + self._chunk_bytes]
                self._count(len(chunk))
                file.write(chunk)
                here += len(chunk)
                progress(here)
        if digest_of(part.read_bytes()) != sha256:
            part.unlink()
            raise OtaError(Code.TAMPERED, f"{into.name[:12]}... is another file")
        self._disk.sync(part)
        self._disk.replace(part, into)
        self._disk.sync(into.parent)

    def _count(self, size: int) -> None:
        if self.fails_after_bytes is not None and self.fetched_bytes >= self.fails_after_bytes:
            self.fails_after_bytes = None
            raise OtaError(Code.UNREACHABLE, "the line is cut", is_passing=True)
        self.fetched_bytes += size


def figures(frames: int = 3000, mean: float = 2.0, blocks: int = 30) -> Baseline:
    """What a network found that sees so many objects a frame."""
    sample = Sample(blocks, mean, 0.01 * mean)
    return Baseline(frames, sample, Sample(blocks, 20.0, 0.1), {"person": sample})


class FakeServing:
    """See `edge.ota.serving.Serving`; remembers which folder looks at frames.

    Args:
        families: that cameras use, each with the version of the settings' own model.
        folders: of slots that serve at the start.
    """

    def __init__(
        self, families: dict[str, str], folders: dict[str, Path | None] | None = None
    ) -> None:
        self._own = families
        self.folder: dict[str, Path | None] = {}
        self._version: dict[str, str] = {}
        for family in families:
            self._load(family, (folders or {}).get(family))
        self._before: dict[str, tuple[Path | None, str]] = {}
        self.found = figures()
        self.errors = 0
        self.failure: OtaError | None = None
        self.cannot_come_back: OtaError | None = None
        self.cannot_be_loaded: set[Path | None] = set()
        self.steps: list[str] = []

    @property
    def families(self) -> Sequence[str]:
        return list(self._own)

    def version(self, family: str) -> str:
        return self._version.get(family, "")

    def _load(self, family: str, folder: Path | None) -> None:
        """What is loaded is loaded: its folder may go."""
        read = None if folder is None else read_record(folder).record.manifest.version
        self.folder[family], self._version[family] = folder, read or self._own[family]

    def prepare(self, family: str, folder: Path, stop: threading.Event) -> None:
        self.steps.append("prepare")
        if self.failure is not None:
            raise self.failure

    def activate(self, family: str, folder: Path, stop: threading.Event) -> Baseline:
        self.steps.append("activate")
        self._before.setdefault(family, (self.folder[family], self._version[family]))
        self._load(family, folder)
        return figures()

    def trial(self, family: str) -> Trial | None:
        return Trial(self.found, self.errors) if family in self._before else None

    def commit(self, family: str) -> None:
        self.steps.append("commit")
        self._before.pop(family, None)

    def roll_back(self, family: str) -> None:
        self.steps.append("roll-back")
        if self.cannot_come_back is not None:
            raise self.cannot_come_back
        if family in self._before:
            self.folder[family], self._version[family] = self._before.pop(family)

    def exchange(self, family: str, folder: Path | None) -> None:
        if folder in self.cannot_be_loaded:
            raise OtaError(Code.ENGINE, f"{folder}: cannot be loaded")
        self._before.pop(family, None)
        self._load(family, folder)
