"""A registry of models over folders of real records, which remembers what it was told."""

from collections.abc import Sequence
from pathlib import Path

from cloud.errors import RepositoryError
from cloud.fleet.audit import Actor
from models.record.reading import RECORD, read_record


class RecordRegistry:
    """Records wherever they lie.

    Attributes:
        states: by name and version; what was added is validated.
        told: calls of `released` and `revoked`, in their order.
    """

    def __init__(self) -> None:
        self._folders: dict[tuple[str, str], Path] = {}
        self.states: dict[tuple[str, str], str] = {}
        self.told: list[tuple[object, ...]] = []

    def add(self, folder: Path) -> tuple[str, str]:
        """Take a record's folder in; its name and version."""
        manifest = read_record(folder).record.manifest
        of = (manifest.name, manifest.version)
        self._folders[of] = folder
        self.states.setdefault(of, "validated")
        return of

    def record(self, name: str, version: str) -> bytes:
        return (self._folder(name, version) / RECORD).read_bytes()

    def artefacts(self, name: str, version: str) -> Sequence[tuple[str, int]]:
        record = read_record(self._folder(name, version)).record
        return [(one.sha256, one.size) for one in record.artefacts]

    def open(self, sha256: str) -> bytes:
        for folder in self._folders.values():
            for one in read_record(folder).record.artefacts:
                if one.sha256 == sha256:
                    return (folder / one.path).read_bytes()
        raise RepositoryError(f"no artefact {sha256}")

    def state(self, name: str, version: str) -> str:
        self._folder(name, version)
        return self.states[name, version]

    def released(self, name: str, version: str, release: int, by: Actor) -> None:
        self.states[name, version] = "released"
        self.told.append(("released", name, version, release, by.name))

    def revoked(self, name: str, version: str, by: Actor) -> None:
        self.states[name, version] = "revoked"
        self.told.append(("revoked", name, version, by.name))

    def _folder(self, name: str, version: str) -> Path:
        try:
            return self._folders[name, version]
        except KeyError:
            raise RepositoryError(f"there is no model {name} {version}") from None
