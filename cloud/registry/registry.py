"""The registry: models by name and version, what they are made of, and what became of them.

A model's record and files are in the blob store before its row is in the table, so whoever finds a
row finds everything. A process that is killed in between leaves files that nobody asks for;
`check` names them, and the same `add` once more finds them there.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cloud.blobs.port import Blobs
from cloud.errors import DamagedModelError, RegistryError
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.registry import catalogue, engines
from cloud.registry.aliases import Aliases
from cloud.registry.artefacts import Artefacts, read_file
from cloud.registry.catalogue import Catalogue
from cloud.registry.child import WORKER
from cloud.registry.engines import Engines
from cloud.registry.model import Board, Engine, Model, check_names
from cloud.registry.report import Examined, Report
from cloud.registry.settings import ModelSettings
from cloud.registry.states import Cause, ModelState
from cloud.registry.validation import examine_apart
from models.errors import RecordError
from models.record.digest import digest_of
from models.record.files import look_at_files
from models.record.reading import MAX_BYTES, RECORD, Read, bounded_bytes, parse_record
from models.record.record import Record

_OF_ARTEFACT = "models.max_artefact_bytes"


class Registry:
    """Models, their aliases and engines. Any thread may use it.

    Args:
        database: the fleet's.
        audit: of the same database.
        blobs: where the files are.
        settings: limits.
        clock_ns: Unix time.

    Attributes:
        models: the table of models.
        aliases: the table of aliases.
        engines: the table of engines.
        files: the bytes of all of them.
    """

    def __init__(
        self,
        database: FleetDatabase,
        audit: Audit,
        blobs: Blobs,
        settings: ModelSettings | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.models = Catalogue(database, audit, clock_ns)
        self.aliases = Aliases(database, audit, clock_ns)
        self.engines = Engines(database, audit, clock_ns)
        self.files = Artefacts(blobs)
        self._settings = settings or ModelSettings()
        self._clock_ns = clock_ns

    def add(self, folder: Path, by: Actor, digest: str | None = None) -> tuple[Model, bool]:
        """A record's folder into the registry, as a candidate; once more is as good as once.

        Nothing of it is run, and no file is read that its record does not name.

        Args:
            folder: as `wayside-models register` leaves it.
            by: who adds it.
            digest: that the record should have, from whoever can be trusted; None: the one beside
                it, which tells damage, not deceit.

        Returns:
            The model, and whether it is new.

        Raises:
            RegistryError: the folder is not what was recorded, is too large, or another record has
                this name and version; nothing was added.
            BlobsAwayError, StoreAwayError: begin again.
        """
        read, content = _read(folder)
        self._check_sizes(folder, read.record)
        problems = look_at_files(folder, read, digest).problems
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise RegistryError(
                f"{problems[0]}{more}; nothing was added: see `wayside-models verify {folder}`"
            )
        name, version = read.record.manifest.name, read.record.manifest.version
        there = self.models.find(name, version)
        if there is not None:
            catalogue.check_same(name, version, there.digest, read.digest)
        for artefact in read.record.artefacts:
            self._keep(folder / artefact.path, artefact.sha256)
        self.files.put(content)
        is_new = self.models.add(name, version, read.digest, by)
        return self.models.get(name, version), is_new

    def validate(
        self, name: str, version: str, by: Actor, command: Sequence[str] = WORKER
    ) -> Model:
        """The model after its network was looked at and run, in a process of its own.

        VALIDATED where nothing speaks against it, else a CANDIDATE; the report says what was found.

        Args:
            name: of the family.
            version: of the model.
            by: who has it validated.
            command: the process that looks.

        Raises:
            UnknownModelError: there is no such model.
            RegistryError: it is in a state in which it is not validated any more, or nobody could
                look at it; its report is the one of before.
            DamagedModelError: its files are gone or damaged.
            BlobsAwayError, StoreAwayError: begin again.
        """
        model = self.get(name, version)
        if model.state not in (ModelState.CANDIDATE, ModelState.VALIDATED):
            raise RegistryError(
                f"model {name} {version} is {model.state.value}: only candidates and validated "
                "ones are validated"
            )
        seen = self._examine(*self._kept(model), command)
        report = Report(
            at_ns=self._clock_ns(), by=by.name, findings=seen.findings, facts=seen.facts
        )
        return self.models.keep_report(name, version, report, by)

    def add_engine(
        self, name: str, version: str, board: Board, path: Path, by: Actor
    ) -> tuple[Engine, bool]:
        """A file that a board compiled, listed beside its model; nobody is made to trust it.

        Returns:
            The engine, and whether it is new.

        Raises:
            UnknownModelError: there is no such model.
            RegistryError: the file cannot be taken, or another one is listed for this board.
            BlobsAwayError, StoreAwayError: begin again.
        """
        board.check()
        if self.get(name, version).state is ModelState.REVOKED:
            raise RegistryError(f"model {name} {version} is revoked for good")
        content = read_file(path, self._settings.max_artefact_bytes, _OF_ARTEFACT)
        sha256 = digest_of(content)
        there = self.engines.find(name, version, board)
        if there is not None:
            engines.check_same(name, version, board, there.sha256, sha256)
        self.files.put(content)
        is_new = self.engines.add(name, version, board, sha256, len(content), by)
        found = self.engines.find(name, version, board)
        assert found is not None
        return found, is_new

    def get(self, name: str, version: str) -> Model:
        """A model, whatever its state.

        Raises:
            UnknownModelError: there is none of that name and version.
            RegistryError: none can be called so.
            StoreAwayError: the database does not answer.
        """
        check_names(name, version)
        return self.models.get(name, version)

    # What the signed repository asks for (`cloud/repository/port.py`).

    def record(self, name: str, version: str) -> bytes:
        """The bytes of a model's record, of which the sha256 is its digest.

        Raises:
            UnknownModelError: there is no such model.
            DamagedModelError: they are gone or damaged.
            BlobsAwayError, StoreAwayError: begin again.
        """
        return self.files.open(self.get(name, version).digest)

    def artefacts(self, name: str, version: str) -> list[tuple[str, int]]:
        """The sha256 and the size of each file of a model, in the order of its record.

        Raises:
            As `record`.
        """
        record, _ = self._kept(self.get(name, version))
        return [(one.sha256, one.size) for one in record.artefacts]

    def open(self, sha256: str) -> bytes:
        """The bytes of a file, which are what their sha256 says.

        Raises:
            DamagedModelError: they are gone or damaged.
            BlobsAwayError: begin again.
        """
        return self.files.open(sha256)

    def state(self, name: str, version: str) -> str:
        """`candidate`, `validated`, `released`, `deprecated` or `revoked`.

        Raises:
            UnknownModelError: there is no such model.
            StoreAwayError: begin again.
        """
        return self.get(name, version).state.value

    def released(self, name: str, version: str, release: int, by: Actor) -> None:
        """Record that the signed repository holds a model under this number; again is harmless.

        Raises:
            UnknownModelError: there is no such model.
            RegistryError: it is not validated, or another version has the number.
            StoreAwayError: begin again.
        """
        check_names(name, version)
        self.models.release(name, version, release, by)

    def revoked(self, name: str, version: str, by: Actor) -> None:
        """Record that the signed repository holds a model no longer; again is harmless.

        Raises:
            UnknownModelError: there is no such model.
            StoreAwayError: begin again.
        """
        check_names(name, version)
        self.models.revoke(name, version, by, Cause.SIGNATURE)

    def _check_sizes(self, folder: Path, record: Record) -> None:
        """Return when the record says nothing of files that are too large; none is looked at."""
        for artefact in record.artefacts:
            if artefact.size > self._settings.max_artefact_bytes:
                raise RegistryError(
                    f"{folder / artefact.path}: is of {artefact.size:,} bytes, at most "
                    f"{self._settings.max_artefact_bytes:,} are taken ({_OF_ARTEFACT})"
                )
        total = sum(artefact.size for artefact in record.artefacts)
        if total > self._settings.max_model_bytes:
            raise RegistryError(
                f"{folder}: is of {total:,} bytes, at most {self._settings.max_model_bytes:,} are "
                "taken (models.max_model_bytes)"
            )

    def _keep(self, path: Path, sha256: str) -> None:
        """Put a file into the blobs, which may have changed since it was looked at."""
        content = read_file(path, self._settings.max_artefact_bytes, _OF_ARTEFACT)
        if digest_of(content) != sha256:
            raise RegistryError(f"{path}: changed while it was read; nothing was added: try again")
        self.files.put(content)

    def _kept(self, model: Model) -> tuple[Record, bytes]:
        """A model's record, and its bytes."""
        content = self.files.open(model.digest)
        try:
            return parse_record(content, f"record of {model.name} {model.version}").record, content
        except RecordError as error:
            raise DamagedModelError(str(error)) from error

    def _examine(self, record: Record, content: bytes, command: Sequence[str]) -> Examined:
        """What is found out in a folder that is gone afterwards."""
        try:
            self._check_sizes(Path(), record)
        except RegistryError as error:
            return Examined(findings=(str(error),))
        try:
            with tempfile.TemporaryDirectory(prefix="wayside-validate-") as folder:
                self._lay_out(record, content, Path(folder))
                return examine_apart(Path(folder), self._settings.validation, command)
        except OSError as error:
            raise RegistryError(
                f"model {record.manifest.name} {record.manifest.version} cannot be laid out: "
                f"{error.strerror}; see to TMPDIR"
            ) from error

    def _lay_out(self, record: Record, content: bytes, folder: Path) -> None:
        """Write what is needed to run a model; its licence and charts stay where they are."""
        golden = [path for _, path in record.golden.paths()] if record.golden else []
        (folder / RECORD).write_bytes(content)
        for artefact in record.artefacts:
            if artefact.path == record.network or artefact.path in golden:
                target = folder / artefact.path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(self.files.open(artefact.sha256))


def _read(folder: Path) -> tuple[Read, bytes]:
    """The record of a folder, and the bytes that it was read from."""
    try:
        content = bounded_bytes(folder / RECORD, MAX_BYTES)
        return parse_record(content, str(folder / RECORD)), content
    except RecordError as error:
        raise RegistryError(f"{error}; nothing was added") from error
