"""Counts that stand beside the events: across kills, retention, erasure and older files."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cloud.store.duckdb import rollups, schema
from cloud.store.duckdb.retention import DuckDbRetention
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import CountQuery, CountRow, GroupBy
from cloud.store.records import MAX_CAPTURED_NS
from tests.support.processes import wait_until
from tests.support.stored import START_NS, crossing, person, stored

S = 1_000_000_000
MINUTE_NS, HOUR_NS, DAY_NS = rollups.MINUTE_NS, rollups.HOUR_NS, 24 * rollups.HOUR_NS
BASE_NS = START_NS // DAY_NS * DAY_NS
NOW_NS = BASE_NS + 6 * DAY_NS

_WRITER = """
import sys
from pathlib import Path
from cloud.store.duckdb.store import DuckDbStore
from tests.support.stored import START_NS, person, stored
store = DuckDbStore(Path(sys.argv[1]))
for seq in range(1, 2000):
    store.write(stored(person(seq, START_NS + seq % 7 * 60_000_000_000)))
    list(store.roll_up(lambda: 0))
    print(seq, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[DuckDbStore]:
    with contextlib.closing(DuckDbStore(path)) as made:
        yield made


def rolled_up(store: DuckDbStore) -> None:
    for _ in store.roll_up(lambda: NOW_NS):
        pass


def per(interval_s: int, *group_by: GroupBy, since_ns: int = BASE_NS) -> CountQuery:
    return CountQuery(since_ns, NOW_NS, interval_s, group_by)


def fill(store: DuckDbStore) -> None:
    """Two devices with 3 events each in 2 minutes of the first hour, and one a day before now."""
    for device in ("a-box", "b-box"):
        store.write(
            stored(
                person(1, BASE_NS + 5 * S),
                crossing(2, BASE_NS + 6 * S),
                person(3, BASE_NS + MINUTE_NS + 7 * S),
                person(4, NOW_NS - DAY_NS),
                device=device,
            )
        )


def test_a_writer_killed_at_any_time_leaves_right_counts(path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(15):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)

    with contextlib.closing(DuckDbStore(path)) as store:
        [stored_row] = store.sequences()
        query = CountQuery(0, START_NS + DAY_NS, 3600 * 24 * 366)
        assert [row.count for row in store.counts(query)] == [stored_row.count]
        rolled_up(store)
        assert [row.count for row in store.counts(query)] == [stored_row.count]
    with duckdb.connect(path) as rows:
        assert rows.execute("SELECT sum(n) FROM hour_counts").fetchall() == [(stored_row.count,)]


def test_an_open_store_rolls_up_what_it_finds(path: Path) -> None:
    with contextlib.closing(DuckDbStore(path)) as store:
        fill(store)
    with contextlib.closing(DuckDbStore(path)), duckdb.connect(path) as rows:
        wait_until(
            lambda: rows.execute("SELECT count(*) FROM dirty_minutes").fetchall() == [(0,)],
            "nothing is dirty",
        )
        [(summed, events)] = rows.execute(
            "SELECT (SELECT sum(n) FROM minute_counts), (SELECT count(*) FROM stored_events)"
        ).fetchall()
    assert summed == events > 0


def test_the_minute_that_runs_is_left_and_the_future_is_not(store: DuckDbStore, path: Path) -> None:
    store.write(stored(person(1, NOW_NS), person(2, NOW_NS + HOUR_NS), person(3, BASE_NS)))
    rolled_up(store)

    with duckdb.connect(path) as rows:
        assert rows.execute("FROM dirty_minutes").fetchall() == [(NOW_NS,)]


def test_the_last_time_that_a_store_can_name_is_rolled_up(store: DuckDbStore, path: Path) -> None:
    store.write(stored(person(1, MAX_CAPTURED_NS)))
    rolled_up(store)

    last = CountQuery(MAX_CAPTURED_NS - DAY_NS, MAX_CAPTURED_NS, 60)
    assert store.counts(last) == []
    with duckdb.connect(path) as rows:
        assert rows.execute("SELECT sum(n) FROM hour_counts").fetchall() == [(1,)]


def test_counts_stay_when_their_events_go(store: DuckDbStore) -> None:
    fill(store)
    rolled_up(store)
    asked = [per(60, "device"), per(3600, "kind"), per(60, "rule"), per(86_400)]
    before = [store.counts(query) for query in asked]

    assert sum(DuckDbRetention(store, 5, 30, clock_ns=lambda: NOW_NS).carry_out()) == 6

    assert [store.counts(query) for query in asked] == before
    assert sum(row.count for row in store.sequences()) == 2


def test_what_was_dirty_is_counted_before_its_events_go(store: DuckDbStore) -> None:
    fill(store)
    before = store.counts(per(60, "device"))

    list(DuckDbRetention(store, 5, 30, clock_ns=lambda: NOW_NS).carry_out())

    assert store.counts(per(60, "device")) == before


def test_what_comes_after_its_minute_was_closed_is_not_counted_twice(store: DuckDbStore) -> None:
    fill(store)
    kept = DuckDbRetention(store, 5, 30, clock_ns=lambda: NOW_NS)
    list(kept.carry_out())
    before = store.counts(per(60, "device"))

    fill(store)
    assert store.counts(per(60, "device")) == before
    rolled_up(store)
    list(kept.carry_out())
    assert store.counts(per(60, "device")) == before


def test_closed_minutes_count_whole_by_their_begin(store: DuckDbStore) -> None:
    fill(store)
    list(DuckDbRetention(store, 5, 30, clock_ns=lambda: NOW_NS).carry_out())

    cut = CountQuery(BASE_NS + 1, BASE_NS + MINUTE_NS + 1, 60)
    assert store.counts(cut) == [CountRow(BASE_NS + MINUTE_NS, (), 2)]
    finer = CountQuery(BASE_NS, BASE_NS + HOUR_NS, 7)
    start_ns = BASE_NS // (7 * S) * 7 * S
    second_ns = (BASE_NS + MINUTE_NS) // (7 * S) * 7 * S
    assert store.counts(finer) == [CountRow(start_ns, (), 4), CountRow(second_ns, (), 2)]


def test_kept_counts_go_at_last(store: DuckDbStore) -> None:
    fill(store)
    list(DuckDbRetention(store, 5, 7, clock_ns=lambda: NOW_NS + 2 * DAY_NS).carry_out())
    assert [row.count for row in store.counts(per(3600))] == [2]


def test_without_days_of_their_own_counts_go_with_their_events(store: DuckDbStore) -> None:
    fill(store)
    rolled_up(store)
    list(DuckDbRetention(store, 5, clock_ns=lambda: NOW_NS).carry_out())

    assert [row.count for row in store.counts(per(3600))] == [2]
    rolled_up(store)
    assert [row.count for row in store.counts(per(3600))] == [2]


def test_erased_closed_minutes_of_a_device_count_no_more(store: DuckDbStore, path: Path) -> None:
    fill(store)
    rolled_up(store)
    list(DuckDbRetention(store, 5, 30, clock_ns=lambda: NOW_NS).carry_out())

    with duckdb.connect(path) as rows:
        rollups.erase_closed(rows, "a-box", BASE_NS + 10 * S, BASE_NS + 20 * S)
    assert [row.count for row in store.counts(per(60))][:2] == [2, 2]
    assert store.counts(per(3600, "device"))[:2] == [
        CountRow(BASE_NS, ("a-box",), 1),
        CountRow(BASE_NS, ("b-box",), 3),
    ]


def test_a_file_without_rollups_gets_them(path: Path) -> None:
    with contextlib.closing(DuckDbStore(path)) as store:
        fill(store)
        before = store.counts(per(60, "device", "class"))
    with duckdb.connect(path) as rows:
        for table in (
            "minute_counts", "fleet_minute_counts", "hour_counts", "dirty_minutes", "rollup_state",
            "erasure_state",
        ):  # fmt: skip
            rows.execute(f"DROP TABLE {table}")
        rows.execute("UPDATE wayside_schema SET version = 1")

    with contextlib.closing(DuckDbStore(path)) as store:
        assert store.counts(per(60, "device", "class")) == before
        rolled_up(store)
        assert store.counts(per(60, "device", "class")) == before
    with duckdb.connect(path) as rows:
        assert rows.execute("FROM wayside_schema").fetchall() == [(schema.VERSION,)]
