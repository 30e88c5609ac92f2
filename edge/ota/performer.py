"""Does what the machine decided: asks who is trusted, fetches, stages, tests, exchanges models.

Each effect may be done again after a kill and finds what it did before. What cannot be done is
told as `Refused`, with its code; nothing is raised.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.errors import OtaError
from edge.ota.durable import disk_error
from edge.ota.life import (
    Activated,
    Committed,
    Downloaded,
    Effect,
    Happening,
    Life,
    LookedUp,
    Planned,
    Progressed,
    Refused,
    RolledBack,
    Verified,
)
from edge.ota.port import Fetcher, Target, Trust
from edge.ota.serving import Serving
from edge.ota.slots import Slot, Slots
from edge.ota.states import Code
from edge.ota.takeable import require_ordered, require_takeable
from edge.ota.whole import whole_record
from models.checksum import sha256_of
from models.errors import RecordError
from models.record.reading import RECORD, read_record_file
from models.record.record import Record
from wayside.disk import Disk, try_to_remove

PROGRESS_BYTES = 1024 * 1024
"""Between two words of progress."""

COPY = ".copy"
"""Suffix of what is being copied from a slot."""

_log = structlog.get_logger(__name__)

Tell = Callable[[Happening], None]


class _CalledOffError(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where updates are kept.

    Attributes:
        models: folder of all families' slots.
        downloads: folder of what was fetched and is not staged for good.
    """

    models: Path
    downloads: Path

    @classmethod
    def under(cls, data_dir: Path) -> "Places":
        """Those of an agent's data folder."""
        return cls(data_dir / "models", data_dir / "ota" / "downloads")


class Performer:
    """Does effects, one at a time.

    Args:
        places: where things are kept.
        disk: that they are on.
        trust: says what may run here.
        fetcher: brings it.
        serving: the networks that look at frames.
        agent_version: of this agent, `1.4.0`.
        spare_bytes: that stay free on the disk for everything else.
    """

    def __init__(
        self,
        places: Places,
        disk: Disk,
        trust: Trust,
        fetcher: Fetcher,
        serving: Serving,
        agent_version: str,
        spare_bytes: int,
    ) -> None:
        self._places = places
        self._disk = disk
        self._trust = trust
        self._fetcher = fetcher
        self._serving = serving
        self._agent_version = agent_version
        self._spare_bytes = spare_bytes
        self._does: Mapping[Effect, Callable[[Life, threading.Event, Tell], Happening | None]] = {
            Effect.LOOK: self._look, Effect.PLAN: self._plan, Effect.DOWNLOAD: self._download,
            Effect.VERIFY: self._verify, Effect.ACTIVATE: self._activate,
            Effect.COMMIT: self._commit, Effect.ROLL_BACK: self._roll_back,
            Effect.DISCARD: self._discard,
        }  # fmt: skip

    def slots(self, family: str) -> Slots:
        """Of a family."""
        return Slots(self._places.models / family, self._disk)

    def perform(self, life: Life, effect: Effect, stop: threading.Event, tell: Tell) -> bool:
        """Do an effect, and tell what came of it; nothing where it was called off, and False.

        Args:
            life: as it was when the effect was decided, on disk.
            effect: any but STOP.
            stop: calls it off.
            tell: told in between and at the end; by this thread.
        """
        try:
            happening = self._does[effect](life, stop, tell)
        except _CalledOffError:
            return False
        except OtaError as error:
            happening = Refused(error.code, error.detail, error.is_passing)
        except OSError as error:
            refused = disk_error(error, "the update waits until it can be done")
            happening = Refused(refused.code, refused.detail, refused.is_passing)
        except Exception as error:  # noqa: BLE001 - an update that breaks must not break the agent
            _log.exception("an update broke", family=life.order.family, doing=effect.value)
            told = f"while it was at {effect.value}: {type(error).__name__}: {error}"
            broken = OtaError(Code.SELF_TEST, told)
            happening = Refused(broken.code, broken.detail)
        if stop.is_set():
            return False
        if happening is not None:
            tell(happening)
        return True

    # What each effect is.

    def _look(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        order = life.order
        if not self._serving.version(order.family):
            raise OtaError(
                Code.INCOMPATIBLE,
                f"no camera uses a model called {order.family!r}; there are "
                f"{', '.join(self._serving.families)}",
            )
        self._trust.refresh()
        target = self._trust.target(order.family, order.version)
        if order.sha256:
            require_ordered(target, order.sha256)
        self._require_takeable(target)
        return LookedUp(target, self._serves(life, target))

    def _serves(self, life: Life, target: Target) -> bool:
        """True where the order is for what is committed and looks at frames; it is its from now."""
        family = life.order.family
        return self._serving.version(family) == target.version and self.slots(family).adopt(
            target.sha256, life.order.deployment
        )

    def _require_takeable(self, target: Target) -> None:
        floor, revoked = self._trust.floor(target.family), self._trust.revoked(target.family)
        require_takeable(target, floor, revoked, self._agent_version)

    def _plan(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        target, downloads = _target(life), self._downloads(life)
        record = self._record(life, stop, tell)
        if record.manifest.name != target.family or record.manifest.version != target.version:
            raise OtaError(
                Code.INCOMPATIBLE,
                f"the record is of {record.manifest.name} {record.manifest.version}, signed as "
                f"{target.family} {target.version}",
            )
        sizes = {one.sha256: one.size for one in record.artefacts}
        missing = sum(size for sha256, size in sizes.items() if not (downloads / sha256).is_file())
        free = self._disk.free_bytes(downloads) - self._spare_bytes
        if missing > free:
            raise OtaError(
                Code.NO_SPACE,
                f"{downloads}: needs {missing:,} bytes more and {max(0, free):,} are "
                f"to spare beside {self._spare_bytes:,} that stay free",
                is_passing=True,
            )
        return Planned(target.length + sum(sizes.values()))

    def _download(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        downloads = self._downloads(life)
        record = self._record(life, stop, tell)
        here = _target(life).length
        there = self.slots(life.order.family).artefacts()
        for sha256, size in {one.sha256: one.size for one in record.artefacts}.items():
            path = downloads / sha256
            if not _is_whole(path) and not self._is_copied(there.get(sha256), path):
                self._fetcher.blob(sha256, size, path, _reporting(stop, tell, here))
            here += size
            _reporting(stop, tell, here)(0)
        return Downloaded()

    def _verify(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        target, slots = _target(life), self.slots(life.order.family)
        try:
            staged = self._staged(life)
        except OtaError:
            if self._is_all_here(life):
                raise  # the disk refuses, or the record is wrong itself
            self._download(life, stop, tell)  # a power cut, or a bad sector
            staged = self._staged(life)
        self._serving.prepare(life.order.family, staged, stop)
        if stop.is_set():
            raise _CalledOffError
        version, sha256 = life.order.version, target.sha256
        slots.place(Slot(version, target.release, sha256, life.order.deployment))
        return Verified()

    def _activate(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        family = life.order.family
        folder, vouched = self._trial(life)
        self._require_takeable(vouched)
        return Activated(self._serving.activate(family, folder, stop))

    def _commit(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        family, slots = life.order.family, self.slots(life.order.family)
        sha256 = _target(life).sha256
        if self._serving.trial(family) is None and slots.trial is not None:
            # The agent began anew, with the incumbent.
            self._serving.activate(family, self._trial(life)[0], stop)
        slots.commit(sha256)
        self._serving.commit(family)
        return Committed()

    def _roll_back(self, life: Life, stop: threading.Event, tell: Tell) -> Happening:
        family, slots = life.order.family, self.slots(life.order.family)
        self._serving.roll_back(family)  # first: the disk may refuse all else
        before = slots.active.committed
        slots.discard(life.order.deployment)
        after = slots.active.committed
        if after != before:  # the commit was on disk already, and the agent began with it
            self._serving.exchange(family, slots.folder / after if after else None)
        return RolledBack()

    def _discard(self, life: Life, stop: threading.Event, tell: Tell) -> None:
        self.slots(life.order.family).discard()
        try_to_remove(self._disk, self._downloads(life))

    # What they share.

    def _downloads(self, life: Life) -> Path:
        return self._places.downloads / life.order.family

    def _staged(self, life: Life) -> Path:
        """What was downloaded as a folder, looked at byte by byte."""
        sha256, downloads = _target(life).sha256, self._downloads(life)
        staged = self.slots(life.order.family).stage(downloads / sha256, downloads.joinpath)
        whole_record(staged, sha256)
        return staged

    def _trial(self, life: Life) -> tuple[Path, Target]:
        """The slot on trial, looked at byte by byte, and what is known of it without network.

        Raises:
            OtaError: it is another, or damaged; or nobody vouches for it any more.
        """
        trial = self.slots(life.order.family).trial
        sha256 = _target(life).sha256
        if trial is None or trial[1].sha256 != sha256:
            raise OtaError(Code.NOT_READABLE, f"no slot holds record {sha256[:12]}... any more")
        folder, _ = trial
        whole_record(folder, sha256)
        family = life.order.family
        return folder, self._trust.check_offline(family, (folder / RECORD).read_bytes())

    def _record(self, life: Life, stop: threading.Event, tell: Tell) -> Record:
        """The record, fetched where it is not here; its file has another name than in a folder."""
        target, downloads = _target(life), self._downloads(life)
        self._disk.make_folder(downloads)
        path = downloads / target.sha256
        if not _is_whole(path):
            self._fetcher.record(target, path, _reporting(stop, tell, 0))
        try:
            return read_record_file(path).record
        except RecordError as error:
            try_to_remove(self._disk, path)
            raise OtaError(Code.TAMPERED, str(error)) from error

    def _is_copied(self, there: Path | None, path: Path) -> bool:
        """True where an artefact lies in a slot as it should, and was copied from there.

        It is no link: what befalls a file must not befall both slots.
        """
        if there is None or not _is_whole(there, path.name):
            return False
        part = path.with_suffix(COPY)
        self._disk.copy(there, part)
        self._disk.sync(part)
        self._disk.replace(part, path)
        self._disk.sync(path.parent)
        return True

    def _is_all_here(self, life: Life) -> bool:
        """True where each file of the record was downloaded, and is what its name says."""
        sha256, downloads = _target(life).sha256, self._downloads(life)
        try:
            record = read_record_file(downloads / sha256).record
        except RecordError:
            return False
        names = {sha256, *(one.sha256 for one in record.artefacts)}
        return all(_is_whole(downloads / name) for name in names)


def _is_whole(path: Path, sha256: str = "") -> bool:
    """True where there is a file of this sha256, or of the one that it is named by."""
    try:
        return sha256_of(path) == (sha256 or path.name)
    except OSError:
        return False


def _target(life: Life) -> Target:
    if life.target is None:
        raise OtaError(Code.NOT_READABLE, "the journal does not say what was vouched for")
    return life.target


def _reporting(stop: threading.Event, tell: Tell, before: int) -> Callable[[int], None]:
    """Tells bytes now and then, the first at once, and ends a fetching that was called off."""
    told = -PROGRESS_BYTES

    def progress(received: int) -> None:
        nonlocal told
        if stop.is_set():
            raise _CalledOffError
        if received - told >= PROGRESS_BYTES:
            told = received
            tell(Progressed(before + received))

    return progress
