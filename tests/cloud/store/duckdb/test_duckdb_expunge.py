"""The file written anew while it is open: bytes that go, answers and writes that stay."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cloud.errors import StoreAwayError
from cloud.store.duckdb.readers import Readers
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import EventQuery
from cloud.store.records import MAX_CAPTURED_NS
from tests.support.processes import together, wait_until
from tests.support.stored import crossing, person, stored
from tests.support.ten_answers import everything

SECRET = "only-seen-by-cam-box"
END_NS = MAX_CAPTURED_NS + 1


def seqs(store: DuckDbStore) -> list[int]:
    return [event.id.seq for event in everything(store, EventQuery())]


def test_the_bytes_leave_the_open_file(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    with closing(DuckDbStore(path)) as store:
        store.write(stored(*[crossing(seq, target=SECRET) for seq in range(1, 50)]))
        store.write(stored(person(1), device="other-box"))
        store.compact()
        assert SECRET.encode() in path.read_bytes()
        store.delete("cam-box", 0, END_NS)
        store.expunge()

        assert [one.name for one in tmp_path.iterdir()] == ["events.duckdb"]
        assert SECRET.encode() not in path.read_bytes()
        store.write(stored(person(2), device="other-box"))
        assert seqs(store) == [1, 2]
    with closing(DuckDbStore(path)) as store:
        assert seqs(store) == [1, 2]


def test_without_a_deletion_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    with closing(DuckDbStore(path)) as store:
        store.write(stored(person(1)))
        before = path.stat().st_ino
        store.expunge()
        assert path.stat().st_ino == before


def test_who_asks_and_who_writes_meanwhile_miss_nothing(tmp_path: Path) -> None:
    done = threading.Event()
    with closing(DuckDbStore(tmp_path / "events.duckdb")) as store:
        store.write(stored(*[person(seq) for seq in range(1, 2001)], device="kept-box"))

        def ask() -> None:
            while not done.is_set():
                [row] = store.sequences("kept-box")
                assert row.count == 2000

        def write() -> None:
            for seq in range(1, 101):
                store.write(stored(person(seq), device="new-box"))

        def erase() -> None:
            try:
                for number in range(5):
                    store.write(stored(person(1), device=f"gone-{number}"))
                    store.delete(f"gone-{number}", 0, END_NS)
                    store.expunge()
            finally:
                done.set()

        together(ask, ask, write, erase)
        rows = {row.device: row.count for row in store.sequences()}
    assert rows == {"kept-box": 2000, "new-box": 100}
    with closing(DuckDbStore(tmp_path / "events.duckdb")) as store:
        assert {row.device: row.count for row in store.sequences()} == rows


def test_without_room_the_old_file_serves_on_and_another_try_does_it(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    with closing(DuckDbStore(path)) as store:
        store.write(stored(person(1), person(2)))
        store.delete("cam-box", 0, END_NS)
        blocked = path.with_name("events.duckdb.rewritten")
        blocked.mkdir()  # what is in the way, as a full disk would be
        with pytest.raises(StoreAwayError, match="erased events still stand in the file"):
            store.expunge()
        store.write(stored(person(3)))
        blocked.rmdir()
        store.expunge()
        assert seqs(store) == [3]


def test_one_is_alone_only_while_nobody_uses_it() -> None:
    readers, log = Readers(), list[str]()
    inside, leave = threading.Event(), threading.Event()

    def use() -> None:
        with readers.using():
            inside.set()
            leave.wait()
            log.append("used")

    def take() -> None:
        inside.wait()
        with readers.alone():
            log.append("alone")

    def use_later() -> None:
        inside.wait()
        wait_until(lambda: readers._is_taken, "the one that waits")
        leave.set()
        with readers.using():
            log.append("used later")

    together(use, take, use_later)
    assert log == ["used", "alone", "used later"]


def test_a_killed_copy_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    left: Any = duckdb.connect(str(path.with_name("events.duckdb.rewritten")))
    left.execute("CREATE TABLE half (x INTEGER)")
    left.close()
    with closing(DuckDbStore(path)) as store:
        store.write(stored(person(1)))
        store.delete("cam-box", 0, END_NS)
        store.expunge()
        assert seqs(store) == []


def test_without_room_for_a_second_file_nothing_is_written_and_the_disk_is_not_filled(
    tmp_path: Path,
) -> None:
    path = tmp_path / "events.duckdb"
    free_bytes = 1000
    with closing(DuckDbStore(path, free_bytes=lambda folder: free_bytes)) as store:
        store.write(stored(*[person(seq) for seq in range(1, 50)]))
        store.compact()
        store.delete("cam-box", 0, END_NS)
        with pytest.raises(StoreAwayError, match=r"0 MiB free .* needed.*needs room for a second"):
            store.expunge()
        assert [one.name for one in tmp_path.iterdir() if "rewritten" in one.name] == []
        assert seqs(store) == []
        free_bytes = 10**9
        store.expunge()
