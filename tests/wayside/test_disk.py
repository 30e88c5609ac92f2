"""Files that are whole and on the disk, or not there."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.support.ota_disk import CountedDisk, RefusingDisk
from wayside.disk import PRIVATE, PUBLIC, REAL, is_full, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_bytes_come_before_the_name_and_the_name_before_its_folder(tmp_path: Path) -> None:
    disk = CountedDisk()
    write_whole(disk, tmp_path / "file", b"new")
    assert disk.changes == ["write", "sync", "replace", "sync"]
    assert (tmp_path / "file").read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("mode", [PRIVATE, PUBLIC])
def test_a_file_is_of_its_mode_whatever_lay_there_and_whatever_the_umask(
    tmp_path: Path, mode: int
) -> None:
    (tmp_path / "elsewhere").write_bytes(b"another's")
    (tmp_path / ".file.part").symlink_to(tmp_path / "elsewhere")
    before = os.umask(0o077)
    try:
        write_whole(REAL, tmp_path / "file", b"new", mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").lstat().st_mode) == mode
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "elsewhere").read_bytes() == b"another's"


@pytest.mark.parametrize("point", [1, 2, 3])
def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, point: int) -> None:
    write_whole(REAL, tmp_path / "file", b"old")
    with pytest.raises(OSError, match="No space left") as refused:
        write_whole(RefusingDisk(point, errno.ENOSPC), tmp_path / "file", b"new")
    assert is_full(refused.value)
    assert (tmp_path / "file").read_bytes() == b"old"


def test_nothing_half_done_stays_where_the_disk_is_full(tmp_path: Path) -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("no /dev/full")
    write_whole(REAL, tmp_path / "file", b"old")

    class Full(CountedDisk):
        def write(self, path: Path, content: bytes, mode: int = PRIVATE) -> None:
            super().write(path, content[:1], mode)
            Path("/dev/full").write_bytes(content)

    with pytest.raises(OSError, match="No space left"):
        write_whole(Full(), tmp_path / "file", b"new")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
