"""Bounds of questions, the same for every store."""

from cloud.errors import QueryError
from cloud.store.port import GROUPS, MAX_INTERVALS, MAX_LIMIT, CountQuery, EventQuery
from cloud.store.records import MAX_CAPTURED_NS
from cloud.store.summaries import (
    MAX_CELLS,
    MAX_GROUPS,
    MAX_RANGE_NS,
    MAX_ZONES,
    HeatQuery,
    SummaryQuery,
    ZonesQuery,
)

NS_PER_S = 1_000_000_000


def check_events(query: EventQuery) -> None:
    """Return when a store may be asked this.

    Raises:
        QueryError: the limit, the order or the range is out of bounds.
    """
    if not 1 <= query.limit <= MAX_LIMIT:
        raise QueryError(f"limit: {query.limit} is not 1 to {MAX_LIMIT}")
    if query.order not in ("ingest", "captured"):
        raise QueryError(f"order: {query.order!r} is neither 'ingest' nor 'captured'")
    for name, value in (("since", query.since_ns), ("until", query.until_ns)):
        if value is not None and not 0 <= value <= MAX_CAPTURED_NS:
            raise QueryError(f"{name}: {value} ns is not within 1970 and 2262")


def check_counts(query: CountQuery) -> None:
    """Return when a store may be asked this.

    Raises:
        QueryError: the range, the interval or a group is out of bounds.
    """
    if not 0 <= query.since_ns < query.until_ns <= MAX_CAPTURED_NS:
        raise QueryError("since, until: since must be before until, both within 1970 and 2262")
    if query.interval_s < 1:
        raise QueryError(f"interval: {query.interval_s} s is shorter than 1 s")
    intervals = (query.until_ns - query.since_ns) // (query.interval_s * NS_PER_S) + 1
    if intervals > MAX_INTERVALS:
        raise QueryError(
            f"interval: {query.interval_s} s cuts the range into {intervals} intervals, "
            f"{MAX_INTERVALS} at most; ask for a longer interval or a shorter range"
        )
    if len(set(query.group_by)) != len(query.group_by) or not set(query.group_by) <= set(GROUPS):
        raise QueryError(f"group_by: each of {', '.join(GROUPS)}, once at most")


def check_summary(query: SummaryQuery) -> None:
    """Return when a store may be asked this.

    Raises:
        QueryError: the range, the limit or the grid is out of bounds.
    """
    if not 0 <= query.since_ns < query.until_ns <= MAX_CAPTURED_NS:
        raise QueryError("since, until: since must be before until, both within 1970 and 2262")
    if query.until_ns - query.since_ns > MAX_RANGE_NS:
        raise QueryError("since, until: more than 366 days; ask for a shorter range")
    if isinstance(query, ZonesQuery) and not 1 <= query.limit <= MAX_ZONES:
        raise QueryError(f"limit: {query.limit} is not 1 to {MAX_ZONES}")
    if isinstance(query, HeatQuery):
        if not (query.device and query.camera):
            raise QueryError("device, camera: a heat map is of one camera; name both")
        if query.rows < 1 or query.columns < 1 or query.rows * query.columns > MAX_CELLS:
            raise QueryError(
                f"rows, columns: {query.rows} x {query.columns} is not 1 to {MAX_CELLS} cells"
            )


def check_delete(since_ns: int, until_ns: int) -> None:
    """Return when a store may be told to delete a range.

    Raises:
        QueryError: it is out of bounds, or finer than a microsecond.
    """
    # Until the microsecond after the last time, so that everything can be named.
    if not 0 <= since_ns < until_ns <= MAX_CAPTURED_NS + 1:
        raise QueryError("since, until: since must be before until, both within 1970 and 2262")
    if since_ns % 1000 or until_ns % 1000:
        raise QueryError("since, until: must be whole microseconds")


def check_groups(number: int) -> None:
    """Return when an answer is not too long.

    Raises:
        QueryError: it has more than MAX_GROUPS rows.
    """
    if number > MAX_GROUPS:
        raise QueryError(
            f"more than {MAX_GROUPS} rows; narrow it by device or camera, or to a shorter range"
        )
