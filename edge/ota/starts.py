"""Counts the starts that ended before the agent had worked for a while.

A committed model has proven itself, and may end the agent later all the same: another driver, less
memory, a library that was exchanged. It does so before anybody in the process can do anything, at
each start anew. So each start is written down before what is committed is loaded, and after
`MAX_TRIES` that came to nothing the settings' own models serve instead. Nothing is thrown away:
where that start does well, the next one tries what is committed once more.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from edge.ota.sealed import read_sealed, seal
from wayside.disk import Disk, write_whole

STARTS = "starts.json"
SCHEMA = 1

MAX_TRIES = 8
"""More than a model on trial gets, which ends the agent in the same way and gives way earlier."""

WORKED_S = 60.0
"""So long an agent lives that has loaded its models and looked at frames: longer than a network may
be stuck before the watchdog ends it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tried:
    """What is written down.

    Attributes:
        committed: sha256 of the record in each family's committed slot.
        starts: with these, one after the other, that came to nothing.
    """

    committed: Mapping[str, str]
    starts: int


_TRIED = TypeAdapter(Tried)


class Starts:
    """The starts of one device.

    Args:
        folder: of updates.
        disk: that it is on. Where it refuses, nobody counts.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._path = folder / STARTS
        self._disk = disk
        self._now: Tried | None = None

    def begin(self, committed: Mapping[str, str]) -> bool:
        """Note a start; False where what is committed is not to be loaded this time.

        Args:
            committed: sha256 of the record in each family's committed slot; may be empty.
        """
        if not committed:
            return True
        before = self._read()
        is_same = before is not None and dict(before.committed) == dict(committed)
        starts = before.starts + 1 if before is not None and is_same else 1
        self._now = Tried(committed, starts)
        self._write(self._now)
        return starts <= MAX_TRIES

    @contextmanager
    def counted(self, worked_s: float = WORKED_S) -> Iterator[None]:
        """The agent at work: it succeeds by living on, and by ending without an error."""
        timer = threading.Timer(worked_s, self._succeed)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
        self._succeed()

    def _succeed(self) -> None:
        if self._now is None:
            return
        was_spared = self._now.starts > MAX_TRIES
        self._write(replace(self._now, starts=MAX_TRIES - 1 if was_spared else 0))
        self._now = None

    def _read(self) -> Tried | None:
        try:
            return read_sealed(self._path, _TRIED, SCHEMA)
        except (OSError, ValueError):
            return None

    def _write(self, tried: Tried) -> None:
        try:
            self._disk.make_folder(self._path.parent)
            write_whole(self._disk, self._path, seal(tried, SCHEMA))
        except OSError as error:
            _log.warning("starts are not counted", file=str(self._path), error=error.strerror)
