"""The journal of updates: one small file that survives kills and power cuts, whole or not at all.

It holds the life of the latest order of each family, and the reports that the broker has not taken
yet. One that cannot be used is put aside, and what serves serves on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from edge.ota.life import Life
from edge.ota.sealed import read_sealed, seal
from wayside.disk import Disk, try_to_remove, write_whole

SCHEMA = 1

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What the cloud is to be told of an order.

    Attributes:
        deployment: of the order.
        transition: number of the state; with the deployment, it tells the report from any other.
        payload: an `UpdateReport`, hexadecimal.
    """

    deployment: str
    transition: int
    payload: str


@dataclass(frozen=True, slots=True)
class Entries:
    """What the journal holds.

    Attributes:
        lives: of the latest order of each family.
        reports: that the broker has not taken, the oldest first.
        latest: the newest report of each family, taken or not: it goes out with each connection.
        revision: of the newest DesiredState that was heeded.
        was_lost: a journal was put aside, and the cloud has not said since what it wants.
    """

    lives: Mapping[str, Life] = field(default_factory=dict)
    reports: tuple[Report, ...] = ()
    latest: Mapping[str, Report] = field(default_factory=dict)
    revision: int = 0
    was_lost: bool = False


_ENTRIES = TypeAdapter(Entries)


class Journal:
    """The file. One thread writes it.

    Args:
        path: the file; its folder is made with the first writing.
        disk: that it is on.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk

    def read(self) -> tuple[Entries, str]:
        """What it holds, and why it could not be used; empty where it could.

        One that cannot be used is put aside as `.unreadable`, for people.
        """
        try:
            entries = read_sealed(self._path, _ENTRIES, SCHEMA)
        except (ValueError, OSError) as error:
            return Entries(was_lost=True), self._put_aside(f"{self._path}: {error}")
        return entries or Entries(), ""

    def write(self, entries: Entries) -> None:
        """Have it hold these, durably, whole or not at all.

        Raises:
            OSError: it cannot be written; it holds what it held.
        """
        if not self._path.parent.is_dir():
            self._disk.make_folder(self._path.parent)
        write_whole(self._disk, self._path, seal(entries, SCHEMA))

    def _put_aside(self, problem: str) -> str:
        aside = self._path.with_suffix(".unreadable")
        try_to_remove(self._disk, aside)
        try:
            self._disk.replace(self._path, aside)
        except OSError as error:
            problem += f"; it cannot be put aside either: {error.strerror}"
        _log.error(
            "the journal of updates cannot be used", error=problem,
            remedy="what serves serves on; an order that was under way ends as failed",
        )  # fmt: skip
        return problem
