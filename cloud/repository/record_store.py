"""A folder of records in place of a registry, as `wayside-models register` writes it."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cloud.errors import RepositoryError
from cloud.fleet.audit import Actor
from models.errors import RecordError
from models.record.reading import MAX_BYTES, RECORD, bounded_bytes, plain_file, read_record
from models.record.record import MAX_ARTEFACT_BYTES
from models.record.store import Store


class RecordStore:
    """Models in a folder, for who has no registry: all count as validated, nothing is noted.

    Args:
        folder: of records by name and version.
    """

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder)

    def record(self, name: str, version: str) -> bytes:
        """The bytes of a version's `record.json`."""
        try:
            place = self._store.place(name, version)
            read_record(place)
            return bounded_bytes(place / RECORD, MAX_BYTES)
        except RecordError as error:
            raise RepositoryError(str(error)) from error

    def artefacts(self, name: str, version: str) -> Sequence[tuple[str, int]]:
        """The sha256 and the size in bytes of all that belongs to a version."""
        try:
            record = read_record(self._store.place(name, version)).record
        except RecordError as error:
            raise RepositoryError(str(error)) from error
        return [(one.sha256, one.size) for one in record.artefacts]

    def open(self, sha256: str) -> bytes:
        """An artefact's bytes."""
        for path in sorted(self._store.folder.glob(f"*/*/{RECORD}")):
            with suppress(RecordError):  # of another model; one that has it may come yet
                for one in read_record(path.parent).record.artefacts:
                    if one.sha256 == sha256:
                        found = plain_file(path.parent / one.path)
                        return bounded_bytes(found, MAX_ARTEFACT_BYTES)
        raise RepositoryError(
            f"{self._store.folder}: no record that can be read has an artefact {sha256}"
        )

    def state(self, name: str, version: str) -> str:
        """VALIDATED: whoever put it there has seen to it."""
        self.record(name, version)
        return "VALIDATED"

    def released(self, name: str, version: str, release: int, by: Actor) -> None:
        """Nothing: the repository itself is the only note."""

    def revoked(self, name: str, version: str, by: Actor) -> None:
        """Nothing, as above."""
