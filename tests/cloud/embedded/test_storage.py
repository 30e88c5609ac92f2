"""The embedded Pub/Sub server's database, and the thread that commits."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud.embedded.pubsub.committer import Committer
from cloud.embedded.pubsub.errors import StatusError
from cloud.embedded.pubsub.messages import Message
from cloud.embedded.pubsub.storage import Delivery, Storage
from cloud.errors import StartError


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with closing(Storage(tmp_path)) as opened:
        opened.begin()
        yield opened


def messages(*numbers: int) -> list[Message]:
    return [Message(n, published_ns=n * 10, ordering_key="k", body=b"x" * n) for n in numbers]


def ids(found: tuple[list[Message], bool]) -> tuple[list[int], bool]:
    return [message.id for message in found[0]], found[1]


def test_a_backlog_is_read_in_order_and_in_parts(storage: Storage) -> None:
    storage.put(4, [Delivery(1, messages(1, 2, 3, 4)), Delivery(2, messages(2))])
    assert ids(storage.load(1, 0, 2, 1000)) == ([1, 2], False)
    assert ids(storage.load(1, 2, 10, 3)) == ([3], False)
    assert ids(storage.load(1, 2, 10, 1000)) == ([3, 4], True)
    (found,), _ = storage.load(2, 0, 10, 1000)
    assert (found.published_ns, found.ordering_key, found.body) == (20, "k", b"xx")


def test_a_settled_message_is_gone_for_its_subscription_alone(storage: Storage) -> None:
    storage.put(1, [Delivery(1, messages(1)), Delivery(2, messages(1))])
    storage.delete(1, [1, 99])
    assert ids(storage.load(1, 0, 10, 1000)) == ([], True)
    assert ids(storage.load(2, 0, 10, 1000)) == ([1], True)


def test_what_is_too_old_is_trimmed(storage: Storage) -> None:
    storage.put(2500, [Delivery(1, messages(*range(1, 2501))), Delivery(2, messages(1))])
    assert storage.trim(1, before_ns=20_010) == 2000
    assert ids(storage.load(1, 0, 1, 1000)) == ([2001], False)
    assert ids(storage.load(2, 0, 1, 1000)) == ([1], True)


def test_ids_are_not_given_twice_after_a_restart(tmp_path: Path) -> None:
    with closing(Storage(tmp_path)) as first:
        first.begin()
        number = first.add_subscription("s", b"config", used_ns=5)
        first.put(7, [Delivery(number, messages(7))])
        first.delete_subscription(number)
        first.put_topic("t", b"topic")
        first.commit()
    with closing(Storage(tmp_path)) as second:
        second.begin()
        assert second.last_message_id() == 7
        assert second.add_subscription("s", b"config", used_ns=6) > number
        (found,) = second.subscriptions()
        assert (found.config, found.used_ns, found.head) == (b"config", 6, 0)
        assert second.topics() == [b"topic"]


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    Storage(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "pubsub.sqlite3")) as db:
        db.execute("PRAGMA user_version = 99").close()
    with pytest.raises(StartError, match="version 99"):
        Storage(tmp_path)


def test_a_database_of_the_first_version_gets_a_place_for_schemas(tmp_path: Path) -> None:
    with closing(Storage(tmp_path)) as first:
        first.begin()
        first.put_topic("t", b"topic")
        first.commit()
    with closing(sqlite3.connect(tmp_path / "pubsub.sqlite3")) as db:
        db.executescript("DROP TABLE schema; PRAGMA user_version = 1").close()
    with closing(Storage(tmp_path)) as second:
        second.begin()
        second.put_schema("s", b"schema")
        assert (second.topics(), second.schemas()) == ([b"topic"], [b"schema"])


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pubsub.sqlite3").write_bytes(b"something else" * 100)
    with pytest.raises(StartError, match="cannot be used"):
        Storage(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be opened"):
        Storage(tmp_path / "file" / "folder")


class CountingStorage(Storage):
    """Counts its commits."""

    commits = 0

    def commit(self) -> None:
        self.commits += 1
        super().commit()


def test_what_waits_shares_a_commit(tmp_path: Path) -> None:
    storage = CountingStorage(tmp_path)

    async def scenario() -> list[int]:
        committer = Committer(storage, asyncio.get_running_loop())
        gate = threading.Event()
        first = committer.submit(lambda _: gate.wait(10))
        others = [committer.submit(lambda s: s.put(1, [])) for _ in range(50)]
        gate.set()
        await asyncio.gather(first, *others)
        committer.close()
        return [storage.commits]

    (commits,) = asyncio.run(scenario())
    assert commits <= 2


def test_a_disk_that_fails_undoes_the_commit_and_the_next_one_works(tmp_path: Path) -> None:
    def broken(storage: Storage) -> None:
        storage.put(5, [Delivery(1, messages(5))])
        raise sqlite3.OperationalError("database or disk is full")

    async def scenario() -> int:
        committer = Committer(Storage(tmp_path), asyncio.get_running_loop())
        with pytest.raises(StatusError, match="disk is full"):
            await committer.submit(broken)
        last_id = await committer.submit(lambda storage: storage.last_message_id())
        committer.close()
        return last_id

    assert asyncio.run(scenario()) == 0
