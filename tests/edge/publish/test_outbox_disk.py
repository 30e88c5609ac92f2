"""The outbox on a disk that is full, or broken."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from edge.errors import OutboxError, OutboxFullError
from edge.publish import schema
from edge.publish.outbox import Outbox
from edge.publish.rows import SeqRange
from edge.publish.settings import OutboxSettings
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.drafts import drafts
from tests.support.processes import wait_until

SETTINGS = OutboxSettings(commit_linger_ms=0, retry_s=0.02, staging_max_bytes=64 * 1024)
LAST = 2**62


class Disk:
    """A disk whose room for the outbox can be changed while it runs."""

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.pages = 2**30

    def connect(self, path: Path) -> sqlite3.Connection:
        self.connection = schema.connect(path)
        self.connection.execute(f"PRAGMA max_page_count = {self.pages}")
        return self.connection

    def fill(self) -> None:
        self._limit(1)

    def free(self) -> None:
        self._limit(2**30)

    def _limit(self, pages: int) -> None:
        assert self.connection is not None
        self.connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


def frames(outbox: Outbox, lane: Lane) -> list[int]:
    found: list[int] = []
    for stream, last in outbox.streams():
        if stream.lane is lane:
            rows = outbox.read(stream, 1, last, 10**6)
            found += [EventBatch.Event.FromString(row.payload).frame for row in rows]
    return found


def losses(outbox: Outbox) -> list[EventBatch.LostRange]:
    found: list[EventBatch.LostRange] = []
    for stream, last in outbox.streams():
        for row in outbox.read(stream, 1, last, 10**6):
            found += EventBatch.Event.FromString(row.payload).events_lost.ranges
    return found


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as exits:
        yield exits


def test_a_full_disk_stops_nothing_and_is_said_once(tmp_path: Path, stack: ExitStack) -> None:
    disk = Disk()
    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1", connect_to=disk.connect)
    stack.callback(outbox.close)
    outbox.append(drafts(50))
    assert outbox.flush(10)
    with structlog.testing.capture_logs() as logs:
        disk.fill()
        outbox.append(drafts(200, detail="x" * 100))
        assert not outbox.flush(0.2)
        outbox.append(drafts(1000, Lane.STATS, detail="x" * 500))
        outbox.append(drafts(10, Lane.ALARM, first=1000))
        assert outbox.depth().lost > 0
        assert outbox.depth().staged > 0
        disk.free()
        assert outbox.flush(10)
        wait_until(lambda: losses(outbox), "the loss is said")
    assert frames(outbox, Lane.ALARM) == list(range(1000, 1010))
    (lost,) = losses(outbox)
    assert (lost.boot, lost.lane, lost.first_seq) == (outbox.boot, EventBatch.LANE_STATS, 0)
    assert lost.count == outbox.depth().lost
    assert len(frames(outbox, Lane.STATS)) == 1000 - lost.count
    assert [log["event"] for log in logs] == [
        "outbox cannot be written, events wait in memory", "outbox can be written again",
    ]  # fmt: skip
    assert logs[0]["log_level"] == "error"


def test_receipts_are_taken_while_the_disk_is_full(tmp_path: Path, stack: ExitStack) -> None:
    disk = Disk()
    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1", connect_to=disk.connect)
    stack.callback(outbox.close)
    outbox.append(drafts(50, detail="x" * 2000))
    assert outbox.flush(10)
    disk.fill()
    outbox.append(drafts(1, Lane.STATS, detail="x" * 20_000))
    assert not outbox.flush(0.1)
    outbox.delete([SeqRange(outbox.boot, Lane.STATE, 1, 50)])
    assert outbox.flush(10), "what receipts freed has room for what waits"
    assert len(frames(outbox, Lane.STATS)) == 1


class Full(sqlite3.Connection):
    """A connection that refuses every transaction while its disk is full."""

    is_full = False

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.is_full and sql.startswith("BEGIN"):
            raise sqlite3.OperationalError("database or disk is full")
        return super().execute(sql, parameters)


def test_an_agent_that_starts_on_a_full_disk_gets_its_boot_when_there_is_room(
    tmp_path: Path, stack: ExitStack
) -> None:
    connections: list[Full] = []

    def connect_to_full(path: Path) -> sqlite3.Connection:
        connection = schema.connect(path, Full)
        assert isinstance(connection, Full)
        connection.is_full = True
        connections.append(connection)
        return connection

    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1", connect_to=connect_to_full)
    stack.callback(outbox.close)
    outbox.append(drafts(10))
    assert not outbox.flush(0.1)
    assert outbox.high_water() == []
    connections[-1].is_full = False
    assert outbox.flush(10)
    assert outbox.high_water() == [(outbox.boot, Lane.STATE, 10)]


def test_a_file_that_cannot_be_used_at_the_start_is_an_error(tmp_path: Path) -> None:
    class Locked(sqlite3.Connection):
        begun = 0

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            self.begun += sql.startswith("BEGIN")
            if self.begun > 1:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, parameters)

    with pytest.raises(OutboxError, match="disk I/O error"):
        Outbox.open(
            tmp_path, SETTINGS, "gate-1", connect_to=lambda path: schema.connect(path, Locked)
        )


def test_no_room_even_for_an_empty_file_is_an_error(tmp_path: Path) -> None:
    def no_room(path: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(OutboxFullError, match="free some"):
        Outbox.open(tmp_path, SETTINGS, "gate-1", connect_to=no_room)


def test_events_that_no_disk_took_before_the_end_are_named(tmp_path: Path) -> None:
    disk = Disk()
    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1", connect_to=disk.connect)
    disk.fill()
    outbox.append(drafts(100, detail="x" * 200))
    with structlog.testing.capture_logs() as logs:
        outbox.close()
    assert logs[-1]["event"] == "outbox closed with events that no disk took"
    assert logs[-1]["events_lost"] == 100


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("mounting a small file system needs root")
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        pytest.skip(f"mount is not allowed here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_that_fills_up_and_is_freed(small_disk: Path) -> None:
    settings = SETTINGS.model_copy(update={"max_bytes": 64 * 1024 * 1024})
    outbox = Outbox.open(small_disk, settings, "gate-1")
    with structlog.testing.capture_logs() as logs:
        filler = small_disk / "logs-of-somebody-else"
        filler.write_bytes(bytes(700 * 1024))
        first = 0
        while outbox.depth().lost == 0:
            outbox.append(drafts(50, first=first, detail="x" * 300))
            outbox.flush(0.05)
            first += 50
        outbox.append(drafts(5, Lane.ALARM))
        filler.unlink()
        assert outbox.flush(10)
        wait_until(lambda: losses(outbox), "the loss is said")
    kept, lost = frames(outbox, Lane.STATE), outbox.depth().lost
    reports = sum(1 for frame in kept if frame == 0) - 1
    assert len(kept) - reports + lost == first
    assert sum(item.count for item in losses(outbox)) == lost
    assert frames(outbox, Lane.ALARM) == [0, 1, 2, 3, 4]
    errors = [log["event"] for log in logs if log["log_level"] == "error"]
    assert errors.count("outbox cannot be written, events wait in memory") <= 2
    outbox.close()


def overwrite(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


@pytest.fixture
def used(tmp_path: Path) -> Callable[[], Outbox]:
    """Makes a file with 500 events of an earlier start."""

    def make() -> Outbox:
        outbox = Outbox.open(tmp_path, SETTINGS, "gate-1")
        for first in range(0, 500, 100):
            outbox.append(drafts(100, first=first, detail="x" * 200))
            assert outbox.flush(10)
        outbox.close()
        return outbox

    return make


def test_a_file_that_is_no_database_is_moved_aside_and_said(
    tmp_path: Path, used: Callable[[], Outbox], stack: ExitStack
) -> None:
    used()
    overwrite(tmp_path / schema.FILE_NAME, 0, 4096)
    with structlog.testing.capture_logs() as logs:
        outbox = Outbox.open(tmp_path, SETTINGS, "gate-1")
        stack.callback(outbox.close)
        wait_until(lambda: losses(outbox), "the loss is said")
    assert (tmp_path / schema.BROKEN_NAME).exists()
    (lost,) = losses(outbox)
    assert (lost.boot, lost.lane, lost.count) == (0, EventBatch.LANE_UNSPECIFIED, 0)
    assert "number unknown" in lost.reason
    assert any(log["event"] == "outbox file broken, moved aside, begun anew" for log in logs)
    outbox.append(drafts(1))
    assert outbox.flush(10)


def damage_events(path: Path) -> None:
    """Break a page in the middle of the events, where no opening looks."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    overwrite(path, page * (pages - 12), page * 8)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_damage_that_is_met_while_running_ends_the_writer_and_the_next_start_mends_it(
    tmp_path: Path, used: Callable[[], Outbox], stack: ExitStack
) -> None:
    earlier = used()
    damage_events(tmp_path / schema.FILE_NAME)
    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1")
    with pytest.raises(OutboxError):
        frames(outbox, Lane.STATE)
    assert (tmp_path / schema.SUSPECT_NAME).exists()
    with pytest.raises(OutboxError):
        outbox.append(drafts(1))
    with pytest.raises(OutboxError):
        outbox.flush(10)
    outbox.close()
    again = Outbox.open(tmp_path, SETTINGS, "gate-1")
    stack.callback(again.close)
    wait_until(lambda: losses(again), "the loss is said")
    (lost,) = losses(again)
    assert (lost.boot, lost.lane, lost.first_seq, lost.last_seq, lost.count) == (
        earlier.boot, EventBatch.LANE_STATE, 1, 500, 500,
    )  # fmt: skip
    assert (earlier.boot, Lane.STATE, 500) in again.high_water()
    assert not (tmp_path / schema.SUSPECT_NAME).exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_damage_that_the_writer_meets_ends_it(tmp_path: Path, used: Callable[[], Outbox]) -> None:
    earlier = used()
    damage_events(tmp_path / schema.FILE_NAME)
    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1")
    outbox.delete([SeqRange(earlier.boot, Lane.STATE, 1, LAST)])
    with pytest.raises(OutboxError):
        outbox.wait_empty(10)
    outbox.close()


def test_a_suspicion_that_proves_wrong_costs_nothing(
    tmp_path: Path, used: Callable[[], Outbox], stack: ExitStack
) -> None:
    used()
    schema.suspect(tmp_path)
    outbox = Outbox.open(tmp_path, SETTINGS, "gate-1")
    stack.callback(outbox.close)
    assert frames(outbox, Lane.STATE) == list(range(500))
    assert not (tmp_path / schema.SUSPECT_NAME).exists()
