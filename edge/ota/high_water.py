"""The marks, kept in two copies: what damages one file damages the other hardly at the same moment.

The copies are written one after the other and read together; the higher marks hold.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from edge.ota.durable import Write, make_folder, read_bounded, write_durably
from edge.ota.marks import Marks
from edge.ota.port import Target
from edge.ota.sealed import seal, unseal

SCHEMA = 1
MAX_BYTES = 8 * 1024 * 1024
NAMES = ("high_water.json", "high_water.copy.json")

_log = structlog.get_logger(__name__)

_Number = Annotated[int, Field(ge=0, lt=2**53)]


class _Target(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    family: str
    version: str
    release: int
    sha256: str
    length: int
    min_agent: str | None


class _Marks(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    root: _Number
    timestamp_keys: list[str]
    snapshot_keys: list[str]
    timestamp: _Number
    snapshot: _Number
    listed: dict[str, _Number]
    taken: dict[str, _Number]
    floors: dict[str, _Number]
    revoked: dict[str, list[_Number]]
    vouched: dict[str, list[_Target]]
    time_s: _Number


_MARKS = TypeAdapter(_Marks)


class HighWater:
    """The file of the marks; one process writes.

    Args:
        folder: made where it is missing.
        write: puts a file in its place.
    """

    def __init__(self, folder: Path, write: Write = write_durably) -> None:
        self._paths = [folder / name for name in NAMES]
        self._write = write
        self._kept: Marks | None = None

    def read(self) -> Marks:
        """The marks; nothing is marked where no copy is whole."""
        copies = [_read(path) for path in self._paths]
        whole = [marks for marks in copies if marks is not None]
        found = Marks()
        for marks in whole:
            found = found.joined(marks)
        is_as_kept = len(whole) == len(copies) and all(marks == found for marks in whole)
        self._kept = found if is_as_kept else None
        return found

    def keep(self, marks: Marks) -> None:
        """Write the marks where they have risen; they are durable then.

        Raises:
            OtaError: `no-space` or `read-only`.
        """
        if marks == self._kept:
            return
        make_folder(self._paths[0].parent)
        data = seal(_written(marks), SCHEMA)
        self._kept = None
        for path in reversed(self._paths):
            self._write(path, data)
        self._kept = marks


def _read(path: Path) -> Marks | None:
    data = read_bounded(path, MAX_BYTES)
    if data is None:
        if path.exists():
            _log.error("high-water marks are damaged", path=str(path), error="empty or too long")
        return None
    try:
        return _understood(unseal(data, _MARKS, SCHEMA))
    except ValueError as error:
        _log.error("high-water marks are damaged", path=str(path), error=str(error)[:200])
        return None


def _written(marks: Marks) -> dict[str, object]:
    return _Marks(
        root=marks.root,
        timestamp_keys=sorted(marks.timestamp_keys),
        snapshot_keys=sorted(marks.snapshot_keys),
        timestamp=marks.timestamp,
        snapshot=marks.snapshot,
        listed=dict(marks.listed),
        taken=dict(marks.taken),
        floors=dict(marks.floors),
        revoked={family: sorted(releases) for family, releases in marks.revoked.items()},
        vouched={family: [_target(one) for one in those] for family, those in _items(marks)},
        time_s=marks.time_s,
    ).model_dump()


def _understood(written: _Marks) -> Marks:
    return Marks(
        root=written.root,
        timestamp_keys=frozenset(written.timestamp_keys),
        snapshot_keys=frozenset(written.snapshot_keys),
        timestamp=written.timestamp,
        snapshot=written.snapshot,
        listed=written.listed,
        taken=written.taken,
        floors=written.floors,
        revoked={family: frozenset(releases) for family, releases in written.revoked.items()},
        vouched={
            family: tuple(Target(**one.model_dump()) for one in those)
            for family, those in written.vouched.items()
        },
        time_s=written.time_s,
    )


def _items(marks: Marks) -> list[tuple[str, tuple[Target, ...]]]:
    vouched: Mapping[str, tuple[Target, ...]] = marks.vouched
    return list(vouched.items())


def _target(one: Target) -> _Target:
    return _Target(
        family=one.family, version=one.version, release=one.release, sha256=one.sha256,
        length=one.length, min_agent=one.min_agent,
    )  # fmt: skip
