"""A folder of records, `STORE/NAME/VERSION`, where nothing is ever overwritten.

A record is made in `STORE/.staging`, made durable, and renamed to its place: it is there whole or
not at all. Who writes holds `STORE/.lock`, so what lies in `.staging` then is of somebody who was
killed, and is swept.
"""

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from models.errors import RecordError
from models.record.digest import canonical, digest_of
from models.record.reading import CHECKSUM, MAX_BYTES, RECORD, Read, is_record, read_record
from models.record.record import MAX_ARTEFACT_BYTES, Artefact, Record, Role
from wayside.disk import REAL

_CHUNK_BYTES = 1024 * 1024
_READ_ONLY = 0o444


class Staging:
    """A record that is being made, in a folder that nobody looks into.

    Args:
        folder: empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._artefacts: list[Artefact] = []

    @property
    def artefacts(self) -> tuple[Artefact, ...]:
        """What was added, ordered by path."""
        return tuple(sorted(self._artefacts, key=lambda one: one.path))

    def copy(self, role: Role, source: Path, path: str) -> None:
        """Add a copy of a file; its sha256 is of the bytes that were copied.

        Raises:
            RecordError: it cannot be read or written, is empty or too large.
        """
        digest, size = hashlib.sha256(), 0
        try:
            with source.open("rb") as read, self._new(path) as written:
                while chunk := read.read(_CHUNK_BYTES):
                    size += len(chunk)
                    if size > MAX_ARTEFACT_BYTES:
                        raise RecordError(f"{source}: is larger than {MAX_ARTEFACT_BYTES:,} bytes")
                    digest.update(chunk)
                    written.write(chunk)
        except OSError as error:
            raise RecordError(f"{source}: cannot be copied: {error.strerror}") from error
        if not size:
            raise RecordError(f"{source}: is empty")
        self._artefacts.append(Artefact(role=role, path=path, sha256=digest.hexdigest(), size=size))

    def add(self, role: Role, content: bytes, path: str) -> None:
        """Add a file of these bytes.

        Raises:
            RecordError: it cannot be written.
        """
        self._write(path, content)
        self._artefacts.append(
            Artefact(role=role, path=path, sha256=digest_of(content), size=len(content))
        )

    def finish(self, record: Record) -> str:
        """Write the record beside its artefacts, make all of it durable, and give its digest.

        Raises:
            RecordError: it cannot be written.
        """
        content = canonical(record.document())
        if len(content) > MAX_BYTES:
            raise RecordError(f"the record is of {len(content):,} bytes, at most {MAX_BYTES:,}")
        digest = digest_of(content)
        self._write(RECORD, content)
        self._write(CHECKSUM, f"{digest}  {RECORD}\n".encode())
        try:
            for path in [*self.folder.rglob("*"), self.folder]:
                if path.is_file():
                    path.chmod(_READ_ONLY)
                REAL.sync(path)
        except OSError as error:
            raise RecordError(f"{self.folder}: cannot be written: {error.strerror}") from error
        return digest

    def _new(self, path: str) -> IO[bytes]:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.open("xb")

    def _write(self, path: str, content: bytes) -> None:
        try:
            with self._new(path) as file:
                file.write(content)
        except OSError as error:
            raise RecordError(f"{self.folder / path}: cannot be written: {error.strerror}") from (
                error
            )


class Store:
    """A folder of records.

    Args:
        folder: made with the first record.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str, version: str) -> Path:
        """Where a record lies, or would."""
        return self.folder / name / version

    @contextmanager
    def staging(self) -> Iterator[Staging]:
        """A place to make a record in; other writers wait until it is left.

        Raises:
            RecordError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / ".lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                folder = self.folder / ".staging"
                _sweep(folder)
                folder.mkdir()
                try:
                    yield Staging(folder)
                finally:
                    _sweep(folder)
        except OSError as error:
            raise RecordError(f"{self.folder}: cannot be written: {error.strerror}") from error

    def publish(self, staging: Staging, record: Record) -> Read | None:
        """Bring a finished record to its place; None, or the record that says the same already.

        Raises:
            RecordError: another record has this name and version, or it cannot be written.
        """
        place = self.place(record.manifest.name, record.manifest.version)
        if is_record(place):
            there = read_record(place)
            if there.record.registers_the_same_as(record):
                return there
            raise RecordError(
                f"{place}: is registered already, with other content "
                f"({_difference(there.record, record)}), and is never overwritten; raise the "
                "manifest's `version`"
            )
        try:
            place.parent.mkdir(exist_ok=True)
            staging.folder.rename(place)  # fails where a folder with anything in it is there
            REAL.sync(place.parent)
            REAL.sync(self.folder)
        except OSError as error:
            raise RecordError(f"{place}: cannot be written: {error.strerror}") from error
        return None


def _difference(there: Record, new: Record) -> str:
    """The parts that are not the same, in words."""
    left, right = there.document(), new.document()
    if there.manifest == new.manifest:
        del left["manifest"]
    parts = [key for key in left if key != "registered" and left[key] != right.get(key)]
    return ", ".join(part.replace("_", " ") for part in parts) or "the manifest"


def _sweep(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
