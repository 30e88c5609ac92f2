"""Old events leave the file, in steps, while others come and are asked for."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.errors import StoreAwayError
from cloud.store.duckdb.retention import DuckDbRetention, retention_thread
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import EventQuery
from tests.support.processes import wait_until
from tests.support.stored import START_NS, person, stored

DAY_NS = 86_400 * 1_000_000_000
NOW_NS = START_NS + 10 * DAY_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDbStore]:
    with contextlib.closing(DuckDbStore(tmp_path / "events.duckdb")) as made:
        yield made


def seqs(store: DuckDbStore) -> set[int]:
    return {event.id.seq for event in store.events(EventQuery(limit=1000)).events}


def retention(store: DuckDbStore, days: int | None) -> DuckDbRetention:
    return DuckDbRetention(store, days, clock_ns=lambda: NOW_NS, step=7)


def test_what_is_too_old_is_told_and_then_deleted_in_steps(store: DuckDbStore) -> None:
    store.write(stored(*[person(seq, START_NS + seq) for seq in range(1, 21)]))
    store.write(stored(*[person(seq, NOW_NS - DAY_NS + seq) for seq in range(21, 31)]))
    kept = retention(store, 9)

    plan = kept.plan()
    assert plan.changes == ("delete 20 events older than 9 days",)
    assert plan.steps == 20
    reader = store.events(EventQuery(limit=25))
    assert list(kept.carry_out()) == [7, 7, 6]

    assert seqs(store) == set(range(21, 31))
    rest = store.events(EventQuery(limit=25, cursor=reader.cursor))
    assert [event.id.seq for event in rest.events] == [26, 27, 28, 29, 30]
    assert kept.plan().changes == ()
    assert list(kept.carry_out()) == []
    store.write(stored(person(31)))
    assert 31 in seqs(store)


def test_without_days_nothing_is_deleted(store: DuckDbStore) -> None:
    store.write(stored(person(1, 1)))
    kept = retention(store, None)

    assert kept.plan().changes == ()
    assert "not set" in kept.plan().notes[0]
    assert list(kept.carry_out()) == []
    assert seqs(store) == {1}


def test_deleted_events_stay_deleted_and_their_space_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    sizes = []
    for day in range(10):
        with contextlib.closing(DuckDbStore(path)) as store:
            first_ns = START_NS + day * DAY_NS
            store.write(stored(*[person(day * 2000 + n, first_ns + n) for n in range(1, 2001)]))
            old = DuckDbRetention(store, 1, clock_ns=lambda now=first_ns + DAY_NS: now)  # type: ignore[misc]
            list(old.carry_out())
            assert store.sequences()[0].count == 2000
        sizes.append(path.stat().st_size)

    # Were no space used again, ten days would take two thirds more than six.
    assert max(sizes[6:]) < 1.3 * max(sizes[:6]), sizes


def test_an_open_store_deletes_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "events.duckdb"
    with contextlib.closing(DuckDbStore(path)) as store:
        store.write(stored(person(1, 1), person(2, time.time_ns())))

    with contextlib.closing(DuckDbStore(path, retention_days=30)) as store:
        wait_until(lambda: 1 not in seqs(store), "the old event is deleted")
        assert seqs(store) == {2}


class Failing:
    """A file that fails once."""

    path = Path("events.duckdb")

    def __init__(self) -> None:
        self.asked = 0

    def count_before(self, captured_ns: int) -> int:
        return 0

    def delete_before(self, captured_ns: int, limit: int) -> int:
        self.asked += 1
        if self.asked == 1:
            raise StoreAwayError("disk full")
        return limit

    def close_before(self, captured_ns: int) -> None:
        """Nothing to keep."""

    def forget_before(self, captured_ns: int) -> None:
        """Nothing was kept."""

    def compact(self) -> None:
        """Nothing to do."""


def test_a_failure_is_told_and_tried_again_and_stopping_does_not_wait_for_the_rest() -> None:
    failing = Failing()
    thread = retention_thread(DuckDbRetention(failing, 1), every_s=0.01)
    with capture_logs() as logs:
        thread.start()
        wait_until(lambda: failing.asked > 10, "tried again")
        thread.stop()

    assert [log["event"] for log in logs] == ["old events not deleted, tried again later"]
