"""Thousands of devices on one machine: nothing piles up, and no process grows.

`make soak` runs it as long as `SOAK_S` says, for `SOAK_DEVICES` that make `SOAK_BATCHES` of ten
events a second all together, and prints what each process used. `SOAK_FLAT=0` leaves out the
bound on memory, for runs too short to have one.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloud.archive.archive import Archive
from cloud.blobs.folder import FolderBlobs
from tests.support.chaos import Line, SimulatedFleet, expected
from tests.support.processes import wait_until
from tests.support.usage import MB, Sampler, Usage, table

SECONDS = float(os.environ.get("SOAK_S", "600"))
DEVICES = int(os.environ.get("SOAK_DEVICES", "2000"))
BATCHES_A_SECOND = float(os.environ.get("SOAK_BATCHES", "50"))
IS_LONG = os.environ.get("SOAK_FLAT", "1") != "0"
EVENTS_A_BATCH = 10
HEARTBEAT_S = 30
DRAIN_S = 15.0
"""For the last receipts: what takes longer is a backlog."""

MAX_P95_S = 3.0
"""Of the round trip, from a batch's first sending to its receipt."""

WARM_S = max(SECONDS / 3, min(90.0, SECONDS / 2))
"""By then every device has connected, and the archive has had its first rounds."""

MEMORY_LIMIT_MB = 64
"""Of DuckDB, which keeps what it wrote until its limit is reached: some 3 MB a minute at 500
events/s. With the default's 256 that takes an hour; what comes then is to be seen now."""

MAX_SLOPE_MB_A_MINUTE = 3.0
"""Of a resident set, after the first third."""

MAX_BACKLOG_GROWTH = 1.2
_EVERY_S = 2.0


class PubsubFile:
    """The size of the embedded server's database: its largest backlog so far, as SQLite keeps it.

    Nobody else may look into the file while the server has it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "pubsub" / "pubsub" / "pubsub.sqlite3"
        self._sizes: list[tuple[float, int]] = []

    def sample(self, at_s: float) -> None:
        """Note its size."""
        self._sizes.append((at_s, self._path.stat().st_size))

    def largest_bytes(self, until_s: float = float("inf")) -> int:
        """The largest size until a time."""
        return max(size for at_s, size in self._sizes if at_s <= until_s)

    def left(self) -> dict[str, int]:
        """Messages that are not settled, by subscription, once the server has ended."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as database:
            return {
                name.rpartition("/")[2]: number
                for name, number in database.execute(
                    "SELECT name, (SELECT count(*) FROM message WHERE key >> 40 = id)"
                    " FROM subscription"
                )
            }


def archived_events(folder: Path) -> int:
    """Events in the archive's files, by their names."""
    archive = Archive(FolderBlobs(folder / "data" / "blobs"))
    with closing(archive):
        return sum(file.events for file, _ in archive.files())


def soaked(folder: Path) -> tuple[dict[str, Any], Sequence[Usage], PubsubFile]:
    """The fleet's report and what every process used, after everything has come to its end."""
    options = [
        "--devices", DEVICES, "--rate", BATCHES_A_SECOND, "--events-per-batch", EVENTS_A_BATCH,
        "--heartbeat", HEARTBEAT_S, "--duration", SECONDS, "--drain", DRAIN_S,
    ]  # fmt: skip
    queues = PubsubFile(folder)
    limit = {"memory_limit_mb": MEMORY_LIMIT_MB}
    with Line(folder, None, bridges=("bridge",), duckdb=limit) as line:
        fleet = SimulatedFleet(folder, line.broker.port, options)
        with fleet.running():
            pids = {**line.pids, "simulate": fleet.program.pid}
            sampler = Sampler(pids, _EVERY_S, queues.sample)
            try:
                with sampler:
                    report = fleet.report(timeout_s=SECONDS + DRAIN_S + 120)
            finally:  # a run that failed says most by what it used
                print(f"{DEVICES} devices, {BATCHES_A_SECOND:g} batches/s for {SECONDS:.0f} s")
                print(table(sampler.usages(), WARM_S))
        made = report["made"] * EVENTS_A_BATCH
        wait_until(lambda: archived_events(folder) >= made, "all events to be archived", 90)
        line.stop()
        for program in line.programs.values():
            assert "message refused" not in program.output
        assert line.stored() == expected(report)
    return report, sampler.usages(), queues


@pytest.mark.soak
def test_thousands_of_devices_pile_nothing_up(tmp_path: Path) -> None:
    report, usages, queues = soaked(tmp_path)
    largest, warm = queues.largest_bytes() / MB, queues.largest_bytes(WARM_S) / MB
    print(f"Pub/Sub's file: {warm:.1f} MB after {WARM_S:.0f} s, {largest:.1f} MB at the end")

    assert report["made"] == pytest.approx(BATCHES_A_SECOND * SECONDS, rel=0.05)
    assert report["receipted"] == report["made"]
    assert report["rows_left"] == 0
    assert report["round_trip_p95_s"] < MAX_P95_S
    assert set(queues.left().values()) == {0}
    if IS_LONG:
        assert largest < warm * MAX_BACKLOG_GROWTH + 1
        slopes = {usage.name: usage.after(WARM_S).slope_bytes_a_minute() / MB for usage in usages}
        assert all(slope < MAX_SLOPE_MB_A_MINUTE for slope in slopes.values()), slopes
