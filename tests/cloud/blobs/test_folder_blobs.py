"""A folder of this machine: whole files only, nothing left behind, errors that say where."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud.blobs.folder import FolderBlobs
from cloud.errors import BlobsAwayError, StartError


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_blob_is_a_plain_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "deep" / "blobs")
    blobs.put("a/b/one.jpg", b"first", "image/jpeg")
    blobs.put("a/b/one.jpg", b"second", "image/jpeg")

    assert files(tmp_path / "deep" / "blobs") == ["a/b/one.jpg"]
    blobs.delete(["a/b/one.jpg"])
    assert not (tmp_path / "deep" / "blobs" / "a").exists(), "empty folders go too"


def test_of_many_writers_of_one_key_one_wins_and_readers_see_it_whole(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    start = threading.Barrier(8)

    def put(number: int) -> bool:
        start.wait()
        return blobs.put("a/one", bytes([number]) * 100_000, "image/jpeg")

    with ThreadPoolExecutor(8) as writers:
        won = list(writers.map(put, range(8)))

    assert sum(won) == 1
    assert blobs.get("a/one") == bytes([won.index(True)]) * 100_000


def test_what_a_killed_writer_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    FolderBlobs(tmp_path)
    old, young = tmp_path / ".incoming" / "blob#1", tmp_path / ".incoming" / "blob#2"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1_000_000, 1_000_000))
    FolderBlobs(tmp_path)

    assert files(tmp_path) == [".incoming/blob#2"]


def test_a_folder_that_cannot_be_one_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StartError, match=r"cannot be used: .*set blobs\.url to another folder"):
        FolderBlobs(tmp_path / "file" / "blobs")


def test_a_folder_that_refuses_is_away_and_told_with_the_key(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    (tmp_path / "a").write_text("in the way")

    with pytest.raises(BlobsAwayError, match="put a/one: "):
        blobs.put("a/one", b"x", "image/jpeg")
    with pytest.raises(BlobsAwayError, match="get a/one: "):
        blobs.get("a/one")
    assert files(tmp_path) == ["a"]
