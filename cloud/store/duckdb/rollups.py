"""Numbers of events by minute and by hour, kept beside the events and right as those change.

A write marks the minutes of its events as dirty, in its own transaction. Later the dirty minutes
are counted again from the events, and the hours from the minutes, in one transaction that also
takes the marks away. Marks are only ever added by writers, so a mark that comes while its minute
is counted is another row, which that transaction does not see and hence does not take away.

What holds at every moment, so that a kill does no harm:

- a minute without a mark has in `minute_counts` what a count of its events would say;
- so has `fleet_minute_counts`, of all devices, cameras and rules together;
- an hour without a marked minute has in `hour_counts` the sums of its minutes.

Minutes before `closed_before_ns` are closed: their events may be gone, so nothing counts them
again, and marks of what comes so late are dropped.
"""

from collections.abc import Iterable

import duckdb
import numpy as np
from numpy.typing import NDArray

from cloud.store.questions import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
HOUR_NS = 3600 * NS_PER_S

STEP_MINUTES = 1440
"""Minutes that one step counts again: a day's."""

_GROUPS = "device, camera, kind, class_name, rule"
_MINUTE_OF_EVENT = f"captured_ns // {MINUTE_NS} * {MINUTE_NS}"
_HOUR_OF_MINUTE = f"minute_ns // {HOUR_NS} * {HOUR_NS}"
_SOME = "(SELECT unnest($1))"

TABLES = f"""
CREATE TABLE minute_counts (
    minute_ns BIGINT NOT NULL, device VARCHAR NOT NULL, camera VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, class_name VARCHAR NOT NULL, rule VARCHAR NOT NULL,
    n BIGINT NOT NULL
);
CREATE TABLE fleet_minute_counts (
    minute_ns BIGINT NOT NULL, kind VARCHAR NOT NULL, class_name VARCHAR NOT NULL,
    n BIGINT NOT NULL
);
CREATE TABLE hour_counts (
    hour_ns BIGINT NOT NULL, device VARCHAR NOT NULL, camera VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, class_name VARCHAR NOT NULL, rule VARCHAR NOT NULL,
    n BIGINT NOT NULL
);
CREATE TABLE dirty_minutes (minute_ns BIGINT NOT NULL);  -- a row a write, so not distinct
CREATE TABLE rollup_state (closed_before_ns BIGINT NOT NULL);
INSERT INTO rollup_state VALUES (0);
INSERT INTO dirty_minutes SELECT DISTINCT {_MINUTE_OF_EVENT} FROM stored_events;
"""  # noqa: S608
"""Beside `stored_events`; what that holds already is to be counted."""


def mark(rows: duckdb.DuckDBPyConnection, captured_ns: NDArray[np.int64]) -> None:
    """Mark the minutes of events that the caller's transaction writes or deletes.

    Args:
        rows: in the transaction.
        captured_ns: of each event.
    """
    minutes = np.unique(captured_ns // MINUTE_NS * MINUTE_NS)
    if len(minutes):
        rows.execute(f"INSERT INTO dirty_minutes {_SOME}", [minutes])


def roll_up(rows: duckdb.DuckDBPyConnection, since_ns: int, until_ns: int) -> int:
    """Count some dirty minutes of a range again; returns how many, 0 when none is left.

    Args:
        rows: in a transaction of the caller's, the only one that rolls up at this time.
        since_ns: begin of the first minute that may be counted.
        until_ns: begin of the first minute that may not.
    """
    rows.execute("DELETE FROM dirty_minutes WHERE minute_ns < $1", [closed_before_ns(rows)])
    found = rows.execute(
        "SELECT DISTINCT minute_ns FROM dirty_minutes WHERE minute_ns >= $1 AND minute_ns < $2 "  # noqa: S608
        f"ORDER BY minute_ns LIMIT {STEP_MINUTES}",
        [since_ns, until_ns],
    ).fetchall()
    if not found:
        return 0
    minutes = int64s(minute for (minute,) in found)
    rows.execute(f"DELETE FROM minute_counts WHERE minute_ns IN {_SOME}", [minutes])  # noqa: S608
    rows.execute(
        f"INSERT INTO minute_counts SELECT {_MINUTE_OF_EVENT} AS minute_ns, {_GROUPS}, count(*) "  # noqa: S608
        f"FROM stored_events WHERE captured_ns >= $2 AND captured_ns < $3 "
        f"AND {_MINUTE_OF_EVENT} IN {_SOME} GROUP BY ALL ORDER BY ALL",
        [minutes, int(minutes[0]), int(minutes[-1]) + MINUTE_NS],
    )
    rows.execute(f"DELETE FROM dirty_minutes WHERE minute_ns IN {_SOME}", [minutes])  # noqa: S608
    _sum_fleet(rows, minutes)
    _sum_hours(rows, minutes // HOUR_NS * HOUR_NS)
    return len(minutes)


def close(rows: duckdb.DuckDBPyConnection, before_ns: int) -> None:
    """Close the minutes before a time, of which none is dirty: their events may go."""
    rows.execute(
        "UPDATE rollup_state SET closed_before_ns = greatest(closed_before_ns, $1)",
        [before_ns // MINUTE_NS * MINUTE_NS],
    )


def forget(rows: duckdb.DuckDBPyConnection, before_ns: int) -> None:
    """Delete the counts of hours that are closed, whole, and before a time."""
    end_ns = min(before_ns, closed_before_ns(rows)) // HOUR_NS * HOUR_NS
    rows.execute("DELETE FROM minute_counts WHERE minute_ns < $1", [end_ns])
    rows.execute("DELETE FROM fleet_minute_counts WHERE minute_ns < $1", [end_ns])
    rows.execute("DELETE FROM hour_counts WHERE hour_ns < $1", [end_ns])


def erase_closed(
    rows: duckdb.DuckDBPyConnection, device: str, since_ns: int, until_ns: int
) -> None:
    """Delete a device's counts of closed minutes that touch a range.

    Together with `mark` of the deleted events, in the same transaction, nothing of what is erased
    is counted any more.
    """
    first_ns = since_ns // MINUTE_NS * MINUTE_NS
    end_ns = min(until_ns, closed_before_ns(rows))
    gone = rows.execute(
        "DELETE FROM minute_counts WHERE device = $1 AND minute_ns >= $2 AND minute_ns < $3 "
        "RETURNING minute_ns",
        [device, first_ns, end_ns],
    ).fetchnumpy()["minute_ns"]
    minutes = np.unique(gone)
    if len(minutes):
        _sum_fleet(rows, minutes)
        _sum_hours(rows, minutes // HOUR_NS * HOUR_NS)


def closed_before_ns(rows: duckdb.DuckDBPyConnection) -> int:
    """Where the closed minutes end, 0 where there is none."""
    [(at_ns,)] = rows.execute("SELECT closed_before_ns FROM rollup_state").fetchall()
    return int(at_ns)


def int64s(values: Iterable[int]) -> NDArray[np.int64]:
    """Values as a parameter for `unnest`, in order, each once."""
    return np.array(sorted(set(values)), dtype=np.int64)


def _sum_fleet(rows: duckdb.DuckDBPyConnection, minutes: NDArray[np.int64]) -> None:
    """Sum minutes over devices, cameras and rules; at least one minute."""
    rows.execute(f"DELETE FROM fleet_minute_counts WHERE minute_ns IN {_SOME}", [minutes])  # noqa: S608
    rows.execute(
        "INSERT INTO fleet_minute_counts SELECT minute_ns, kind, class_name, sum(n) "  # noqa: S608
        "FROM minute_counts WHERE minute_ns >= $2 AND minute_ns <= $3 "
        f"AND minute_ns IN {_SOME} GROUP BY ALL ORDER BY ALL",
        [minutes, int(minutes[0]), int(minutes[-1])],
    )


def _sum_hours(rows: duckdb.DuckDBPyConnection, hours: NDArray[np.int64]) -> None:
    """Sum those of some hours in which no minute is marked; the others wait for that one."""
    dirty = rows.execute(
        f"SELECT DISTINCT {_HOUR_OF_MINUTE} FROM dirty_minutes WHERE minute_ns >= $1",  # noqa: S608
        [closed_before_ns(rows)],
    ).fetchall()
    clean = int64s(set(hours.tolist()) - {hour for (hour,) in dirty})
    if not len(clean):
        return
    rows.execute(f"DELETE FROM hour_counts WHERE hour_ns IN {_SOME}", [clean])  # noqa: S608
    rows.execute(
        f"INSERT INTO hour_counts SELECT {_HOUR_OF_MINUTE} AS hour_ns, {_GROUPS}, sum(n) "  # noqa: S608
        f"FROM minute_counts WHERE minute_ns >= $2 AND minute_ns < $3 "
        f"AND {_HOUR_OF_MINUTE} IN {_SOME} GROUP BY ALL ORDER BY ALL",
        [clean, int(clean[0]), int(clean[-1]) + HOUR_NS],
    )
