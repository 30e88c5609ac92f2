"""What every blob store does: a folder of this machine, and obstore's memory."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from cloud.blobs.folder import FolderBlobs
from cloud.blobs.obstore import ObstoreBlobs
from cloud.blobs.port import Blobs
from cloud.errors import BlobKeyError, BlobNotFoundError

TYPE = "image/jpeg"


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    if request.param == "folder":
        return FolderBlobs(tmp_path / "blobs")
    return ObstoreBlobs(MemoryStore(), "memory")


def test_what_was_put_comes_back(blobs: Blobs) -> None:
    every_byte = bytes(range(256)) * 1000
    assert blobs.put("evidence/v1/one.jpg", every_byte, TYPE)
    assert blobs.put("evidence/v1/empty.jpg", b"", TYPE)

    assert blobs.get("evidence/v1/one.jpg") == every_byte
    assert blobs.get("evidence/v1/empty.jpg") == b""
    assert blobs.size("evidence/v1/one.jpg") == 256_000
    assert blobs.size("evidence/v1/none.jpg") is None
    with pytest.raises(BlobNotFoundError, match=r"there is no evidence/v1/none\.jpg"):
        blobs.get("evidence/v1/none.jpg")


def test_the_first_under_a_key_stays(blobs: Blobs) -> None:
    assert blobs.put("a/one", b"first", TYPE)
    assert not blobs.put("a/one", b"second", TYPE)

    assert blobs.get("a/one") == b"first"


def test_a_swap_needs_what_was_read(blobs: Blobs) -> None:
    assert not blobs.swap("a/one", b"second", TYPE, b"first"), "there is none"
    assert blobs.swap("a/one", b"first", TYPE, None)
    assert not blobs.swap("a/one", b"second", TYPE, None), "there is one"
    assert not blobs.swap("a/one", b"second", TYPE, b"other")
    assert blobs.get("a/one") == b"first"
    assert blobs.swap("a/one", b"second", TYPE, b"first")
    assert not blobs.swap("a/one", b"third", TYPE, b"first"), "somebody was faster"
    assert blobs.get("a/one") == b"second"
    with pytest.raises(BlobKeyError):
        blobs.swap("../one", b"x", TYPE, None)


def test_of_many_swaps_of_the_same_one_is_done(blobs: Blobs) -> None:
    blobs.put("a/one", b"0", TYPE)
    start = threading.Barrier(8)

    def count(_: int) -> int:
        start.wait()
        done = 0
        for _ in range(10):
            there = blobs.get("a/one")
            done += blobs.swap("a/one", b"%d" % (int(there) + 1), TYPE, there)
        return done

    with ThreadPoolExecutor(8) as several:
        done = sum(several.map(count, range(8)))
    assert int(blobs.get("a/one")) == done
    assert done >= 10


def test_a_listing_tells_when_a_blob_was_put(blobs: Blobs) -> None:
    begun_ns = time.time_ns()
    blobs.put("a/one", b"first", TYPE)
    ended_ns = time.time_ns()
    blobs.put("a/one", b"second", TYPE)

    [entry] = blobs.list("a")
    # A file system's clock stands still for some milliseconds, and obstore tells microseconds.
    assert begun_ns - 20_000_000 <= entry.put_ns <= ended_ns


def test_a_folder_is_listed_in_the_order_of_keys(blobs: Blobs) -> None:
    keys = [f"day=1/device={name}/{number:05d}" for name in "ba" for number in range(30, 0, -1)]
    for key in keys:
        blobs.put(key, b"four", TYPE)
    blobs.put("day=10/other", b"", TYPE)

    assert [entry.key for entry in blobs.list("day=1")] == sorted(keys)
    first = next(iter(blobs.list("day=1/device=b")))
    assert (first.key, first.size_bytes) == ("day=1/device=b/00001", 4)
    behind = [entry.key for entry in blobs.list("day=1", after="day=1/device=b/00028")]
    assert behind == ["day=1/device=b/00029", "day=1/device=b/00030"]
    assert len(list(blobs.list("day=1", after="day=1/device=b"))) == 30
    assert list(blobs.list("day=2")) == []


def test_pages_are_followed_to_the_end() -> None:
    blobs = ObstoreBlobs(MemoryStore(), "memory")
    keys = [f"many/{number:05d}" for number in range(1500)]
    for key in keys:
        blobs.put(key, b"", TYPE)

    assert [entry.key for entry in blobs.list("many")] == keys


def test_deleted_is_gone_and_can_be_put_again(blobs: Blobs) -> None:
    for name in ("one", "two", "three"):
        blobs.put(f"a/{name}", b"x", TYPE)
    blobs.delete(["a/one", "a/never", "a/two"])
    blobs.delete(["a/one"])

    assert [entry.key for entry in blobs.list("a")] == ["a/three"]
    assert blobs.put("a/one", b"again", TYPE)
    assert blobs.get("a/one") == b"again"


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "..", "a/../../b", "a/./b", "a//b", "a/", ".incoming/blob", "a\\b",
     "a b", "a%2e", "a\n", "grün", "a\0", "a/" + "b" * 201, "/".join(["a"] * 500), "~root", "a#1"],
)  # fmt: skip
def test_keys_that_could_mean_another_place_are_refused(blobs: Blobs, key: str) -> None:
    blobs.put("a/one", b"x", TYPE)
    with pytest.raises(BlobKeyError, match="not allowed"):
        blobs.put(key, b"x", TYPE)
    with pytest.raises(BlobKeyError):
        blobs.get(key)
    with pytest.raises(BlobKeyError):
        blobs.size(key)
    with pytest.raises(BlobKeyError):
        list(blobs.list(key))
    with pytest.raises(BlobKeyError):
        blobs.delete(["a/one", key])
    assert blobs.size("a/one") == 1


@given(key=st.text(alphabet="a.=/-_\\#%~\0 ", max_size=20))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_escapes_the_folder(tmp_path: Path, key: str) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    try:
        blobs.put(key, b"x", TYPE)
    except BlobKeyError:
        return
    assert blobs.get(key) == b"x"
    assert [entry.key for entry in blobs.list(key.split("/")[0])] in ([key], [])
    assert {path.name for path in tmp_path.iterdir()} == {"blobs"}
    blobs.delete([key])
