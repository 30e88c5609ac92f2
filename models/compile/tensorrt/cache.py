"""The engines of a folder, each under the key of all that it is of (decision 17).

    KEY.engine   the engine
    KEY.json     its record; written last: without it there is no engine
    .lock        held by whoever builds here, and by the process that it has build
    KEY.failed   why there is no engine (failures.py)
    .KEY.part, .KEY.json.part, .KEY.failed.part, .timing-*.part
                 half-written; whoever holds the lock knows that nobody writes it any more
    timing-*     what TensorRT measured, for the next build

Files of other names may lie there too, for a folder can be anybody's: they are not touched.

What was used last is told by a count that stands as the record's time of change: each use sets it
one second beyond every other. The wall clock would not do: without a battery it starts in 1970.

A lock of the kernel goes away with the last process that holds it. As the process that builds
holds it too, no build outlives its lock, however its parent ended (ADR 0048).
"""

import fcntl
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from models.compile.tensorrt.options import KEEP
from models.compile.tensorrt.record import KEY_DIGITS, EngineRecord, KeyParts, parse_record
from models.errors import EngineError
from models.private import private_file, private_folder, require_private

_LOCK_POLL_S = 0.1
_SECOND_NS = 1_000_000_000

_KEY = rf"[0-9a-f]{{{KEY_DIGITS}}}"
_RECORD = re.compile(rf"{_KEY}\.json")
_RECORD_OR_ENGINE = re.compile(rf"{_KEY}\.(engine|json)")
_PART = re.compile(rf"\.{_KEY}(\.json|\.failed)?\.part|\.timing-.+\.part")


@dataclass(frozen=True, slots=True)
class Entry:
    """An engine of the folder.

    Attributes:
        record: of it.
        path: the engine's.
        used: a count that rises; the engine of the highest was read or built last.
    """

    record: EngineRecord
    path: Path
    used: int


class EngineCache:
    """Engines in a folder, which several processes may share.

    Args:
        folder: made when it is first written to.
        keep: engines of one network; beyond them the one that was longest unused goes.
    """

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        self.folder = folder
        self._keep = keep

    def read(self, parts: KeyParts) -> tuple[bytes, EngineRecord] | None:
        """The engine of a key, every byte of it checked; None where there is none.

        TensorRT itself tells a whole engine from a truncated one by crashing.

        Raises:
            EngineError: there is one, and it is broken, another's, or others may have written it:
                it must be built again.
        """
        path, record_path = self.engine_path(parts), self._record_path(parts)
        try:
            for one in (self.folder, path, record_path):
                require_private(one)
        except FileNotFoundError:
            return None
        try:
            engine = path.read_bytes()
            record = parse_record(record_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise EngineError(f"{path}: it or its record cannot be read: {error}") from error
        except EngineError as error:
            raise EngineError(f"{record_path}: {error}") from error
        if record.parts != parts:
            raise EngineError(f"{path}: its record is that of another engine")
        if not record.is_of(engine):
            raise EngineError(f"{path}: its bytes are not those of its record")
        self._count_use(record_path)
        return engine, record

    def entries(self) -> list[Entry]:
        """Every engine with a record, the one that was used last first; contents are unchecked."""
        found = [entry for path in self._named(_RECORD) if (entry := _entry(path))]
        return sorted(found, key=lambda entry: entry.used, reverse=True)

    @contextmanager
    def building(self, stop: threading.Event, timeout_s: float) -> Iterator[int]:
        """Be the only one who builds here; one at a time, as a board has memory for one.

        Args:
            stop: ends the waiting.
            timeout_s: s to wait for another's build.

        Yields:
            The lock's file descriptor, for the process that builds.

        Raises:
            EngineError: the folder cannot be written to, or others may write there too; the other
                took too long, or `stop`.
        """
        private_folder(self.folder)
        try:
            lock = (self.folder / ".lock").open("ab")
        except OSError as error:
            raise EngineError(
                f"{self.folder}: engines cannot be kept there: {error.strerror}"
            ) from error
        with lock:
            self._wait_for(lock.fileno(), stop, timeout_s)
            self._remove_parts()
            yield lock.fileno()

    def part_path(self, parts: KeyParts) -> Path:
        """Where the engine is written before it is whole."""
        return self.folder / f".{parts.key}.part"

    def engine_path(self, parts: KeyParts) -> Path:
        """Where the engine is, or will be."""
        return self.folder / f"{parts.key}.engine"

    def timing_path(self, parts: KeyParts) -> Path:
        """Where TensorRT's own measurements are kept, which hold for one version on one GPU."""
        gpu = "".join(letter if letter.isalnum() else "-" for letter in parts.gpu or "none")
        return self.folder / f"timing-{parts.library}-{parts.library_version}-{gpu}"

    def commit(self, record: EngineRecord) -> None:
        """Make an engine out of its whole part; call it while `building`.

        Raises:
            EngineError: it cannot be written.
        """
        record_path = self._record_path(record.parts)
        record_part = record_path.with_name(f".{record_path.name}.part")
        try:
            private_file(record_part).write_text(record.text(), encoding="utf-8")
            self.part_path(record.parts).replace(self.engine_path(record.parts))
            record_part.replace(record_path)
            self._count_use(record_path)
        except OSError as error:
            record_part.unlink(missing_ok=True)
            raise EngineError(f"{record_path}: cannot be written: {error.strerror}") from error
        self._forget_old(record)

    def sweep(self, *, check_bytes: bool = False) -> list[Path]:
        """Remove what no build left on purpose; call it while `building`.

        Args:
            check_bytes: read every engine, and remove those that are not what their record says.

        Returns:
            Engines and records that went: those without the other, or with a torn record.
        """
        there = [entry for entry in self.entries() if entry.path.is_file()]
        whole = {
            entry.path.stem
            for entry in there
            if not check_bytes or entry.record.is_of(entry.path.read_bytes())
        }
        gone = sorted(path for path in self._named(_RECORD_OR_ENGINE) if path.stem not in whole)
        for path in gone:
            path.unlink(missing_ok=True)
        return gone

    def _record_path(self, parts: KeyParts) -> Path:
        return self.folder / f"{parts.key}.json"

    def _wait_for(self, lock: int, stop: threading.Event, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                return
            if time.monotonic() > deadline:
                raise EngineError(
                    f"{self.folder}: another build there has taken more than {timeout_s:g} s"
                )
            if stop.wait(_LOCK_POLL_S):
                raise EngineError("the build was called off")

    def _remove_parts(self) -> None:
        for part in self._named(_PART):
            part.unlink(missing_ok=True)

    def _named(self, pattern: re.Pattern[str]) -> list[Path]:
        """Files of the folder whose whole name is of a pattern; nothing else is ours."""
        return [path for path in self.folder.glob("*") if pattern.fullmatch(path.name)]

    def _count_use(self, record_path: Path) -> None:
        """What was used last is kept longest."""
        others = [entry.used for entry in self.entries() if entry.path.stem != record_path.stem]
        used_ns = (max(others, default=0) + 1) * _SECOND_NS
        with suppress(OSError):  # the folder may be one that is only read
            os.utime(record_path, ns=(used_ns, used_ns))

    def _forget_old(self, made: EngineRecord) -> None:
        others = [
            entry for entry in self.entries()
            if entry.record.model == made.model and entry.record.parts != made.parts
        ]  # fmt: skip
        for entry in others[self._keep - 1 :]:
            entry.path.with_suffix(".json").unlink(missing_ok=True)  # first: then it is none
            entry.path.unlink(missing_ok=True)


def _entry(record_path: Path) -> Entry | None:
    """The engine of a record; None where the record is torn, which `sweep` removes."""
    try:
        record = parse_record(record_path.read_text(encoding="utf-8"))
        used = record_path.stat().st_mtime_ns // _SECOND_NS
    except (OSError, UnicodeDecodeError, EngineError):
        return None
    return Entry(record, record_path.with_suffix(".engine"), used)
