"""Questions to five million events in DuckDB, against the same count straight from the events.

The events are made by SQL, nearly six days of them: 20 devices, 4 cameras each, 5 classes. All
are rolled up but for the last two minutes and one of each day, as while events come, some late.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.report import Row, interleaved, markdown
from cloud.store.duckdb.schema import open_file
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import CountQuery, CountRow, EventQuery
from cloud.store.settings import DuckDbSettings
from protos.v1.event_batch_pb2 import EventBatch
from wayside.process import frozen_heap

EVENTS = 5_000_000
CALLS = 50
P95_MS = 200.0
LIMIT_MB = DuckDbSettings().memory_limit_mb
"""As `serve` has it."""

FIRST_NS = 1_750_032_000_000_000_000
"""A midnight."""

MINUTE_NS, HOUR_NS = 60_000_000_000, 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
STEP_NS = 100_000_000
"""Between two events, so that all of them take 5.8 days."""

_MADE = f"""
INSERT INTO stored_events SELECT
    'box-' || i % 20, 7, 2, i // 20 + 1, i + 1, {FIRST_NS} + i * {STEP_NS},
    ['object-started', 'object-ended', 'line-crossed', 'zone-entered'][1 + (hash(i) % 4)::INTEGER],
    'cam-' || hash(i + 1) % 4, i, 'fastestdet', '1',
    ['person', 'car', 'bus', 'bicycle', 'dog'][1 + (hash(i + 2) % 5)::INTEGER], i, 0.75,
    0.25, 0.5, 0.125, 0.0625,
    CASE WHEN hash(i) % 4 = 2 THEN 'door-line' ELSE '' END, '', '', NULL, NULL, $1
FROM range({EVENTS}) made(i);
"""
_LAST_NS = FIRST_NS + EVENTS * STEP_NS // MINUTE_NS * MINUTE_NS
_DIRTY_NS = [
    *(FIRST_NS + day * DAY_NS + 7 * HOUR_NS for day in range(5)), _LAST_NS - MINUTE_NS, _LAST_NS,
]  # fmt: skip
_WHOLE = CountQuery(FIRST_NS, FIRST_NS + EVENTS * STEP_NS, 60, ("class",))
_DAY = CountQuery(FIRST_NS + DAY_NS, FIRST_NS + 2 * DAY_NS, 60, ("class",))
_HOURS = CountQuery(FIRST_NS, FIRST_NS + EVENTS * STEP_NS, 3600, ("class",))
_PAGE = EventQuery(
    device="box-3", kind="line-crossed", class_name="person", order="captured", limit=100,
    since_ns=FIRST_NS + 2 * DAY_NS,
)  # fmt: skip


@contextmanager
def five_million() -> Iterator[tuple[DuckDbStore, duckdb.DuckDBPyConnection]]:
    """The store, rolled up, and a connection to the same file for the reference."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.duckdb"
        DuckDbStore(path).close()
        payload = EventBatch.Event(seq=1, camera="cam-1").SerializeToString()
        with duckdb.connect(path) as rows:
            rows.execute(_MADE, [payload])
            rows.execute(
                f"INSERT INTO dirty_minutes SELECT DISTINCT captured_ns // {MINUTE_NS} "
                f"* {MINUTE_NS} FROM stored_events"
            )
        with (
            closing(DuckDbStore(path, memory_limit_mb=LIMIT_MB)) as store,
            open_file(path, LIMIT_MB) as rows,
        ):
            for _ in store.roll_up():
                pass
            rows.execute("INSERT INTO dirty_minutes SELECT unnest($1)", [_DIRTY_NS])
            yield store, rows


def _straight(rows: duckdb.DuckDBPyConnection, query: CountQuery) -> list[CountRow]:
    interval_ns = query.interval_s * 1_000_000_000
    found = rows.execute(
        f"SELECT captured_ns // {interval_ns} * {interval_ns}, class_name, count(*) "
        "FROM stored_events WHERE captured_ns >= $1 AND captured_ns < $2 "
        "GROUP BY ALL ORDER BY ALL",
        [query.since_ns, query.until_ns],
    ).fetchall()
    return [CountRow(start, (name,), number) for start, name, number in found]


def _counts(
    name: str, store: DuckDbStore, rows: duckdb.DuckDBPyConnection, query: CountQuery
) -> Row:
    """The row of one question.

    Raises:
        RuntimeError: the answers differ, so that times say nothing.
    """
    if list(store.counts(query)) != _straight(rows, query):
        raise RuntimeError(f"{name}: not what the events say")
    work: tuple[Callable[[], Any], Callable[[], Any]] = (
        lambda: store.counts(query),
        lambda: _straight(rows, query),
    )
    return interleaved(name, *work)


def p95_ms(work: Callable[[], object]) -> float:
    """The 95th percentile of CALLS calls, in ms."""
    times_ms = []
    for _ in range(CALLS):
        start_ns = time.perf_counter_ns()
        work()
        times_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
    return float(np.percentile(times_ms, 95))


def _slowest(name: str, work: Callable[[], object]) -> Row:
    """A row whose reference is not another way to do it but the time that an operator waits."""
    ours_ms = p95_ms(work)
    ratio = ours_ms / P95_MS
    return Row(name, ours_ms, P95_MS, ratio, (ratio, ratio), bound=1.0)


def measure() -> list[Row]:
    """Counts against the same straight from the events, and the p95 of each question.

    In a process that is settled, as `serve`.
    """
    with five_million() as (store, rows), frozen_heap():
        asked = (
            ("counts by minute and class, a day", _DAY),
            ("counts by minute and class, 5 million events", _WHOLE),
            ("counts by hour and class, 5 million events", _HOURS),
        )
        found = [_counts(f"{name} (from the events)", store, rows, query) for name, query in asked]
        found += [
            _slowest(f"{name}: p95 of {CALLS} (200 ms)", lambda q=query: store.counts(q))  # type: ignore[misc]
            for name, query in asked
        ]
        page = _slowest(f"a page of filtered events: p95 of {CALLS} (200 ms)",
                        lambda: store.events(_PAGE))  # fmt: skip
        return [*found, page]


if __name__ == "__main__":
    print(markdown(measure()))
