"""The DuckDB store's own: its file."""

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from cloud.app.store import open_store
from cloud.errors import StartError, StoreRefusedError
from cloud.settings import CloudSettings
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import EventQuery
from tests.support.stored import crossing, person, stored

_WRITER = """
import sys
from pathlib import Path
from cloud.store.duckdb.store import DuckDbStore
from tests.support.stored import person, stored
store = DuckDbStore(Path(sys.argv[1]))
for seq in range(1, 1000):
    store.write(stored(person(seq)))
    print(seq, flush=True)
"""

_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from cloud.errors import StoreAwayError
from cloud.store.duckdb.store import DuckDbStore
from tests.support.stored import person, stored
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
store = DuckDbStore(path)
store.write(stored(person(1)))
log_bytes = path.with_name(path.name + ".wal").stat().st_size
many = stored(*[person(seq) for seq in range(2, 202)])
room = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (log_bytes + 2000, room[1]))
for _ in range(2):
    try:
        store.write(many)
    except StoreAwayError as error:
        print("away:", error)
print(store.sequences()[0].count)
resource.setrlimit(resource.RLIMIT_FSIZE, room)
store.write(many)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "events.duckdb"


def start_writer(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_killed_writer_loses_nothing_and_its_file_says_who_holds_it(path: Path) -> None:
    with start_writer(path) as writer:
        assert writer.stdout is not None
        written = [int(writer.stdout.readline()) for _ in range(20)]
        with pytest.raises(StartError, match=rf"held by another process, .*{writer.pid}"):
            DuckDbStore(path)
        writer.send_signal(signal.SIGKILL)
        written += [int(line) for line in writer.stdout if line.strip()]

    with contextlib.closing(DuckDbStore(path)) as store:
        [row] = store.sequences()
        assert (row.first_seq, row.count) == (1, row.last_seq)
        assert row.last_seq >= written[-1]


def test_a_full_disk_means_away_until_there_is_room(path: Path) -> None:
    command = [sys.executable, "-c", _FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    *away, count = done.stdout.splitlines()
    assert len(away) == 2
    assert all("File too large" in line for line in away)
    assert count == "1"
    with contextlib.closing(DuckDbStore(path)) as store:
        assert store.sequences()[0].count == 201


def test_ingest_order_goes_on_after_a_restart(path: Path) -> None:
    with contextlib.closing(DuckDbStore(path)) as store:
        store.write(stored(person(1), person(2)))
        seen = store.events(EventQuery())
    with contextlib.closing(DuckDbStore(path)) as store:
        store.write(stored(person(2), person(3)))
        new = store.events(EventQuery(cursor=seen.cursor))

    assert [event.id.seq for event in new.events] == [3]


def test_people_ask_the_file_by_sql(path: Path) -> None:
    with contextlib.closing(DuckDbStore(path)) as store:
        store.write(stored(crossing(5), boot=2**64 - 1))

    with duckdb.connect(path, read_only=True) as database:
        rows = database.execute(
            "SELECT event_id, captured_at::VARCHAR, rule, box_width, device FROM events"
        ).fetchall()
    assert rows == [
        ("cam-box/ffffffffffffffff/state/5", "2025-06-15 15:06:40.005", "door-line", 0.125,
         "cam-box"),
    ]  # fmt: skip


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.duckdb"
    text.write_text("no database")
    with pytest.raises(StartError, match="cannot be opened"):
        DuckDbStore(text)

    other = tmp_path / "other.duckdb"
    with duckdb.connect(other) as database:
        database.execute("CREATE TABLE something (x INTEGER)")
    with pytest.raises(StartError, match="something else"):
        DuckDbStore(other)

    newer = tmp_path / "newer.duckdb"
    DuckDbStore(newer).close()
    with duckdb.connect(newer) as database:
        database.execute("UPDATE wayside_schema SET version = 99")
    with pytest.raises(StartError, match=r"version \[99\]"):
        DuckDbStore(newer)


def test_what_the_table_cannot_hold_is_refused_and_the_store_goes_on(path: Path) -> None:
    with contextlib.closing(DuckDbStore(path)) as store:
        [event] = stored(person(1))
        with pytest.raises(StoreRefusedError, match="cam-box/0000000000000007/state/1"):
            store.write([event._replace(captured_ns=2**63)])
        store.write([event])
        assert store.events(EventQuery()).events == (event,)


def test_the_memory_limit_is_in_force(tmp_path: Path) -> None:
    """A question that needs more than the limit uses the disk, or is refused: never memory."""
    many = stored(*[person(seq) for seq in range(1, 20_001)])
    with contextlib.closing(DuckDbStore(tmp_path / "e.duckdb", memory_limit_mb=64)) as store:
        store.write(many)
        with store._connection.cursor() as rows:
            limit, threads = rows.execute(
                "SELECT current_setting('memory_limit'), current_setting('threads')"
            ).fetchall()[0]
            with pytest.raises(duckdb.OutOfMemoryException, match=r"61\.0 MiB"):
                rows.execute("SELECT len(list(a.payload || b.payload)) FROM stored_events a, "
                             "stored_events b WHERE b.seq < 1000").fetchall()  # fmt: skip
        assert limit == "61.0 MiB"  # 64 MB
        assert len(store.events(EventQuery(limit=1000)).events) == 1000
    with contextlib.closing(DuckDbStore(tmp_path / "e.duckdb", threads=1)) as store:
        with store._connection.cursor() as rows:
            [(threads,)] = rows.execute("SELECT current_setting('threads')").fetchall()
        assert threads == 1


def test_the_settings_limits_reach_the_store(tmp_path: Path) -> None:
    chosen = CloudSettings.model_validate(
        {"data_dir": tmp_path, "store": {"kind": "duckdb", "memory_limit_mb": 100, "threads": 1}}
    )
    with contextlib.closing(open_store(chosen)) as store:
        assert isinstance(store, DuckDbStore)
        with store._connection.cursor() as rows:
            found = rows.execute(
                "SELECT current_setting('memory_limit'), current_setting('threads')"
            ).fetchall()
    assert found == [("95.3 MiB", 1)]


def test_what_was_delivered_before_is_left_out_of_a_lot_of_new_events(tmp_path: Path) -> None:
    with contextlib.closing(DuckDbStore(tmp_path / "e.duckdb")) as store:
        store.write(stored(*[person(seq) for seq in range(1, 6)]))
        store.write(stored(*[person(seq) for seq in range(4, 9)]))
        store.write(stored(person(9), person(9), person(10)))

        found = [event.id.seq for event in store.events(EventQuery()).events]
        [streams] = store.sequences()
    assert found == list(range(1, 11)), "in the order of arrival, each once"
    assert (streams.count, streams.distinct, streams.last_seq) == (10, 10, 10)
