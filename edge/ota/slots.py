"""Two slots a family: one that is committed and serves, one to try the next release in.

    ROOT/FAMILY/active.json     which slot is committed, what lies in each, which is on trial
    ROOT/FAMILY/1/  /2/         a record's folder each, and its network once more as model.onnx
    ROOT/FAMILY/.staging/       what is being put together

`active.json` alone says what serves, and is replaced at once: whatever happens, there is exactly
one committed slot, or none, and then the settings' own model serves. What it does not name is
swept at the next start. What is committed is looked at byte by byte before it serves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from edge.errors import OtaError
from edge.ota.durable import disk_error
from edge.ota.port import Target
from edge.ota.sealed import read_sealed, seal
from edge.ota.states import Code
from edge.ota.whole import whole_record
from models.errors import RecordError
from models.record.files import artefact_problem
from models.record.reading import CHECKSUM, RECORD, read_record
from wayside.disk import PUBLIC, Disk, try_to_remove, write_whole

SCHEMA = 1
ACTIVE, STAGING = "active.json", ".staging"
NAMES = ("1", "2")
"""Of the slots' folders."""

_log = structlog.get_logger(__name__)

Vouch = Callable[[bytes], Target]
"""What is trusted to say of a record's bytes; raises OtaError."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What lies in a slot.

    Attributes:
        version: of the model.
        release: of it.
        sha256: of its record.
        deployment: id of the order that brought it.
    """

    version: str
    release: int
    sha256: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Active:
    """What `active.json` says.

    Attributes:
        slots: what lies in each slot that holds something, by its name.
        committed: name of the slot that serves; None: the settings' own model does.
        trial: name of the slot that was filled last and is not committed yet; None: there is none.
    """

    slots: Mapping[str, Slot] = field(default_factory=dict)
    committed: str | None = None
    trial: str | None = None

    @property
    def spare(self) -> str:
        """Name of the slot that does not serve."""
        return NAMES[1] if self.committed == NAMES[0] else NAMES[0]

    def without(self, name: str) -> "Active":
        """The same without what lies in a slot."""
        return Active(
            {key: slot for key, slot in self.slots.items() if key != name},
            None if self.committed == name else self.committed,
            None if self.trial == name else self.trial,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What is to serve.

    Attributes:
        folder: of a slot; None: the settings' own model.
        slot: what lies there.
        problems: why something else than before serves, or what could not be checked; a code
            and a text each.
        has_fallen: something else serves than before.
    """

    folder: Path | None = None
    slot: Slot | None = None
    problems: tuple[tuple[str, str], ...] = ()
    has_fallen: bool = False


_ACTIVE = TypeAdapter(Active)


class Slots:
    """The slots of one family. One thread at a time uses them.

    Args:
        folder: of the family; made with the first staging.
        disk: that it is on.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self.folder = folder
        self._disk = disk

    @property
    def active(self) -> Active:
        """What `active.json` says; nothing where it is not there, or damaged.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            return read_sealed(self.folder / ACTIVE, _ACTIVE, SCHEMA) or Active()
        except ValueError:
            return Active()

    @property
    def trial(self) -> tuple[Path, Slot] | None:
        """Folder and content of the slot on trial."""
        active = self.active
        slot = active.slots.get(active.trial or "")
        return None if slot is None else (self.folder / str(active.trial), slot)

    def recover(self, vouch: Vouch) -> Found:
        """What is to serve at a start of the agent, looked at; what is half-done is removed.

        A committed slot that is damaged or may not serve any more gives way to the other one,
        where that is whole, else to the settings' own model.

        Args:
            vouch: says offline of a record's bytes what the repository did.
        """
        try:
            active = read_sealed(self.folder / ACTIVE, _ACTIVE, SCHEMA) or Active()
        except (ValueError, OSError) as error:
            # What lies in the slots stays there for people, until the next update needs the room.
            told = f"{self.folder / ACTIVE}: {error}; the settings' own model serves"
            _log.error("nobody knows which slot is committed", error=told)
            return Found(problems=((str(Code.NOT_READABLE), told),), has_fallen=True)
        found = self._first_whole(active, vouch)
        if found.has_fallen:
            name = found.folder.name if found.folder else None
            kept = {key: slot for key, slot in active.slots.items() if key in (name, active.trial)}
            return self._settle(Active(kept, name, active.trial), found)
        self._sweep(active)
        return found

    def fall_back(self, vouch: Vouch, code: str, detail: str) -> Found:
        """What is to serve in the place of the committed slot, which may not; it is emptied."""
        active = self.active
        bad = active.committed
        if bad is None:
            return Found()
        rest = active.without(bad)
        found = self._first_whole(replace(rest, committed=self._other(rest, bad)), vouch)
        name = found.folder.name if found.folder else None
        problems = ((code, detail), *found.problems)
        return self._settle(
            replace(rest, committed=name), replace(found, problems=problems, has_fallen=True)
        )

    def stage(self, record: Path, artefact: Callable[[str], Path]) -> Path:
        """A record's folder put together from files, durable; under the name of no slot yet.

        Args:
            record: the file of record.json.
            artefact: where the bytes of an sha256 lie.

        Returns:
            the folder; `place` gives it a slot once it was tested.

        Raises:
            OtaError: the record is none, or the disk refuses.
        """
        staging = self.folder / STAGING
        try:
            self._disk.remove(staging)
            self._disk.make_folder(staging)
            self._disk.link(record, staging / RECORD)
            read = read_record(staging)
            checksum = f"{read.digest}  {RECORD}\n".encode()
            self._disk.write(staging / CHECKSUM, checksum, PUBLIC)
            for one in read.record.artefacts:
                path = staging / one.path
                if not path.parent.is_dir():
                    self._disk.make_folder(path.parent)
                self._disk.link(artefact(one.sha256), path)
            for path in [*sorted(staging.rglob("*")), staging]:
                self._disk.sync(path)
        except RecordError as error:
            raise OtaError(Code.TAMPERED, str(error)) from error
        except OSError as error:
            raise disk_error(error, "the update waits until it can be staged") from error
        return staging

    def place(self, slot: Slot) -> Path:
        """Give the staged folder the slot that does not serve, on trial; that one's are gone.

        Raises:
            OtaError: the disk refuses; the committed slot is untouched.
        """
        active = self.active
        name = active.spare
        folder, staging = self.folder / name, self.folder / STAGING
        try:
            network = read_record(staging).record.network
            model = staging / f"model{Path(network).suffix}"
            self._disk.link(staging / network, model)
            self._disk.sync(staging)
            active = active.without(name)
            self._write(active)
            self._disk.remove(folder)
            self._disk.replace(staging, folder)
            self._disk.sync(self.folder)
            self._write(replace(active, slots={**active.slots, name: slot}, trial=name))
        except RecordError as error:
            raise OtaError(Code.TAMPERED, str(error)) from error
        except OSError as error:
            raise disk_error(error, "the update waits until it has its slot") from error
        return folder

    def commit(self, sha256: str) -> None:
        """The slot on trial is the committed one from now on, at once; fine where it is already.

        Args:
            sha256: of its record.

        Raises:
            OtaError: it is not there, or the disk refuses; what was committed is.
        """
        active = self.active
        if active.trial is None and self._holds(active, active.committed, sha256):
            return
        if not self._holds(active, active.trial, sha256):
            told = f"{self.folder / ACTIVE}: no slot is on trial with record {sha256[:12]}..."
            raise OtaError(Code.NOT_READABLE, told)
        try:
            self._write(replace(active, committed=active.trial, trial=None))
        except OSError as error:
            raise disk_error(error, "the model serves on trial until it can be kept") from error

    def adopt(self, sha256: str, deployment: str) -> bool:
        """Have what is committed be of another order, which is for the same record.

        Args:
            sha256: of the record.
            deployment: id of the order.

        Returns:
            False where another record is committed, or none; nothing was changed.

        Raises:
            OtaError: the disk refuses.
        """
        active = self.active
        name = active.committed or ""
        if not self._holds(active, name, sha256):
            return False
        slot = replace(active.slots[name], deployment=deployment)
        try:
            if slot != active.slots[name]:
                self._write(replace(active, slots={**active.slots, name: slot}))
        except OSError as error:
            raise disk_error(error, "the update waits until it can be written down") from error
        return True

    def discard(self, deployment: str | None = None) -> None:
        """Empty the slot on trial and what is staged; fine where there is none.

        Args:
            deployment: id of an order whose commit was taken back before it was told: the slot
                that it had brought gives way to the other one; None: none was. An order may be for
                the record that is committed already, which tells nothing, then.

        Raises:
            OtaError: the disk refuses; the committed slot serves.
        """
        active = self.active
        name = active.trial
        committed = active.slots.get(active.committed or "")
        if name is None and committed is not None and committed.deployment == deployment:
            name = active.committed
            assert name is not None
            active = replace(active, committed=self._other(active, name))
        try:
            if name is not None:
                self._write(active.without(name))
                self._disk.remove(self.folder / name)
            self._disk.remove(self.folder / STAGING)
        except OSError as error:
            raise disk_error(error, "the committed slot serves meanwhile") from error

    def artefacts(self) -> Mapping[str, Path]:
        """Files that lie in slots already, by the sha256 that their records name."""
        found: dict[str, Path] = {}
        for name in self.active.slots:
            try:
                record = read_record(self.folder / name).record
            except RecordError:
                continue
            found.update({one.sha256: self.folder / name / one.path for one in record.artefacts})
        return found

    def _write(self, active: Active) -> None:
        write_whole(self._disk, self.folder / ACTIVE, seal(active, SCHEMA), PUBLIC)

    def _first_whole(self, active: Active, vouch: Vouch) -> Found:
        """The committed slot, else the other one, else nothing; with what was wrong."""
        problems: list[tuple[str, str]] = []
        if active.committed is None:
            return Found()
        for name in (active.committed, self._other(active, active.committed)):
            if name is None or name not in active.slots:
                continue
            error = self._checked(name, active.slots[name], vouch)
            if error is not None:
                problems.append((error.code, error.detail))
            if error is None or error.code == Code.NOT_READABLE:
                has_fallen = name != active.committed
                folder, slot = self.folder / name, active.slots[name]
                return Found(folder, slot, tuple(problems), has_fallen)
        if not problems:
            told = f"{self.folder / ACTIVE}: names slot {active.committed}, which holds nothing"
            problems.append((str(Code.NOT_READABLE), told))
        return Found(None, None, tuple(problems), has_fallen=True)

    def _checked(self, name: str, slot: Slot, vouch: Vouch) -> OtaError | None:
        """Why a slot may not serve; code `not-readable`: it may, and nobody can vouch for it."""
        try:
            record = whole_record(self.folder / name, slot.sha256)
            network = self.folder / name / f"model{Path(record.network).suffix}"
            if not network.samefile(self.folder / name / record.network):
                one = next(one for one in record.artefacts if one.role == "network")
                if problem := artefact_problem(
                    self.folder / name, one.model_copy(update={"path": network.name})
                ):
                    return OtaError(Code.TAMPERED, problem)
            vouch((self.folder / name / RECORD).read_bytes())
        except OtaError as error:
            return error
        except OSError as error:
            told = f"{error.filename or self.folder / name}: cannot be read: {error.strerror}"
            return OtaError(Code.TAMPERED, told)
        return None

    def _other(self, active: Active, name: str) -> str | None:
        """The slot beside one, where it holds what was committed before."""
        other = NAMES[1] if name == NAMES[0] else NAMES[0]
        return other if other in active.slots and other != active.trial else None

    def _holds(self, active: Active, name: str | None, sha256: str) -> bool:
        slot = active.slots.get(name or "")
        return slot is not None and slot.sha256 == sha256

    def _settle(self, active: Active, found: Found) -> Found:
        """Write down what serves now; where the disk refuses, it is found anew at each start."""
        for code, detail in found.problems:
            _log.error("a slot may not serve", code=code, error=detail,
                       serves=str(found.folder or "the settings' own model"))  # fmt: skip
        try:
            if self.folder.is_dir():
                self._write(active)
        except OSError as error:
            _log.error("slots cannot be written", folder=str(self.folder), error=error.strerror)
            return found
        self._sweep(active)
        return found

    def _sweep(self, active: Active) -> None:
        """Remove what nobody names: what was half-staged, what gave way."""
        if not self.folder.is_dir():
            return
        for path in sorted(self.folder.iterdir()):
            if path.name != ACTIVE and path.name not in active.slots:
                try_to_remove(self._disk, path)
