"""The marks on the disk: whole, or known not to be."""

import errno
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.ota.durable import disk_errors, write_durably
from edge.ota.high_water import NAMES, SCHEMA, HighWater
from edge.ota.marks import Marks
from edge.ota.port import Target
from edge.ota.sealed import seal
from tests.support.trusting_device import refused

MARKS = Marks(
    root=3, timestamp_keys=frozenset({"a"}), snapshot_keys=frozenset({"b", "c"}), timestamp=9,
    snapshot=8, listed={"targets": 2}, taken={"targets": 1}, floors={"gate": 5},
    revoked={"gate": frozenset({3, 4})},
    vouched={"gate": (Target("gate", "1.0", 5, "f" * 64, 10, None),)}, time_s=1_800_000_000,
)  # fmt: skip


def test_marks_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "ota"
    HighWater(folder).keep(MARKS)
    assert HighWater(folder).read() == MARKS
    assert stat.S_IMODE((folder / NAMES[0]).stat().st_mode) == 0o600


def test_nothing_is_marked_at_first(tmp_path: Path) -> None:
    assert HighWater(tmp_path / "ota").read() == Marks()


def test_marks_that_have_not_risen_are_not_written(tmp_path: Path) -> None:
    file = HighWater(tmp_path)
    file.keep(MARKS)
    before = [(tmp_path / name).stat().st_mtime_ns for name in NAMES]
    file.keep(MARKS)
    again = HighWater(tmp_path)
    again.keep(again.read())
    assert [(tmp_path / name).stat().st_mtime_ns for name in NAMES] == before


def test_a_damaged_copy_is_written_again(tmp_path: Path) -> None:
    HighWater(tmp_path).keep(MARKS)
    (tmp_path / NAMES[1]).unlink()
    file = HighWater(tmp_path)
    file.keep(file.read())
    assert (tmp_path / NAMES[1]).read_bytes() == (tmp_path / NAMES[0]).read_bytes()


def test_an_older_copy_lowers_nothing(tmp_path: Path) -> None:
    HighWater(tmp_path).keep(replace(MARKS, timestamp=2, floors={"gate": 4}, time_s=5))
    old = (tmp_path / NAMES[0]).read_bytes()
    HighWater(tmp_path).keep(MARKS.with_rules("gate", 11, []))
    (tmp_path / NAMES[0]).write_bytes(old)
    found = HighWater(tmp_path).read()
    assert found == MARKS.with_rules("gate", 11, [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_no_changed_byte_is_read_as_other_marks(tmp_path: Path, at: int, byte: int) -> None:
    HighWater(tmp_path).keep(MARKS)
    (tmp_path / NAMES[1]).unlink()
    path = tmp_path / NAMES[0]
    data = bytearray(path.read_bytes())
    data[at % len(data)] = byte
    path.write_bytes(data)
    assert HighWater(tmp_path).read() in (MARKS, Marks())


def content(data: bytes) -> dict[str, Any]:
    """What a sealed file says."""
    return dict(json.loads(json.loads(data)["content"]))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: data[:-20],
        lambda data: seal({"root": 3}, SCHEMA),
        lambda data: seal({**content(data), "root": -1}, SCHEMA),
        lambda data: seal({**content(data), "floors": {"gate": "5"}}, SCHEMA),
        lambda data: seal(content(data), SCHEMA + 1),
        lambda data: b"[" * 100_000,
        lambda data: b"5",
    ],
)
def test_what_is_not_whole_is_none(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    HighWater(tmp_path).keep(MARKS)
    data = (tmp_path / NAMES[0]).read_bytes()
    for name in NAMES:
        (tmp_path / name).write_bytes(damage(data))
    assert HighWater(tmp_path).read() == Marks()


def test_a_sealed_document_is_plain_json() -> None:
    assert content(seal({"a": 1}, SCHEMA)) == {"a": 1}


def test_a_disk_that_cannot_be_written_is_said_and_the_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    with refused("read-only", str(path), "No such file or directory"):
        write_durably(path, b"new")
    path.parent.mkdir()
    write_durably(path, b"old")
    blocker = path.with_name(".file.part")
    blocker.mkdir()
    with refused("read-only", "Is a directory"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_told_from_one_that_cannot_be_written(tmp_path: Path) -> None:
    told = (str(tmp_path), "No space left on device", "make room")
    with refused("no-space", *told), disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
