"""Counts of events: from rollups where they stand, from the events where they do not.

What stands for the events of a range, each event in one of them:

hours      where the interval is of whole hours, the hour lies in the range whole, and no minute
           of it is dirty
minutes    other minutes that lie in the range whole and are not dirty
events     minutes that are dirty, or cut by the range's ends; all where the interval cuts minutes

Closed minutes, whose events may be gone, are never counted from the events: they count whole, by
their begin, whatever cuts them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Any

import duckdb

from cloud.store.duckdb.queries import Sql, equal
from cloud.store.duckdb.rollups import HOUR_NS, MINUTE_NS, closed_before_ns, int64s
from cloud.store.port import CountQuery, CountRow
from cloud.store.questions import NS_PER_S

_MAX_SPANS = 8
"""Parts in which a table is read: each costs a millisecond, reading all of it a hundred."""

Span = tuple[int, int]
"""From, and up to but without, a time in ns."""

_Part = tuple[str, dict[str, Any]]
"""A statement of rows start, group..., n; and its parameters."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which minutes and hours are not taken as they stand; all by their begins in ns.

    Attributes:
        minutes: counted from the events.
        hours: counted from their minutes; None: all, as the interval is not of whole hours.
    """

    minutes: frozenset[int]
    hours: frozenset[int] | None


def counted(rows: duckdb.DuckDBPyConnection, query: CountQuery) -> list[CountRow]:
    """The rows, in order.

    Args:
        rows: in a transaction, so that marks and counts are of the same moment.
        query: one that was checked.
    """
    closed_ns = closed_before_ns(rows)
    if query.interval_s % 60:
        parts = _cutting_minutes(query, closed_ns)
    else:
        plan = _plan(rows, query, closed_ns)
        parts = [*_hours(query, plan), *_minutes(query, plan), *_events(query, plan)]
    group = _group(query)
    keys = ", ".join(["start", *group])
    union = " UNION ALL ".join(f"({text})" for text, _ in parts)
    parameters = {name: value for _, some in parts for name, value in some.items()}
    statement = f"SELECT {keys}, sum(n)::BIGINT AS n FROM ({union}) GROUP BY ALL ORDER BY ALL"  # noqa: S608
    # By columns and without a loop of our own: of tens of thousands, half the time by rows.
    columns = rows.execute(statement, parameters).fetchnumpy()
    starts, numbers = columns["start"].tolist(), columns["n"].tolist()
    groups: Iterable[tuple[str, ...]] = zip(
        *(columns[name].tolist() for name in group), strict=True
    )
    return list(map(CountRow, starts, groups if group else repeat(()), numbers))


def _plan(rows: duckdb.DuckDBPyConnection, query: CountQuery, closed_ns: int) -> _Plan:
    first_ns = max(closed_ns, query.since_ns // MINUTE_NS * MINUTE_NS)
    found = rows.execute(
        "SELECT DISTINCT minute_ns FROM dirty_minutes WHERE minute_ns >= $1 AND minute_ns < $2",
        [first_ns, query.until_ns],
    ).fetchall()
    cut = {minute for minute in _cut(query, MINUTE_NS) if minute >= closed_ns}
    minutes = frozenset(cut.union(minute for (minute,) in found))
    if query.interval_s % 3600:
        return _Plan(minutes, None)
    dirty = {minute // HOUR_NS * HOUR_NS for minute in minutes}
    return _Plan(minutes, frozenset(dirty | _cut(query, HOUR_NS)))


def _cut(query: CountQuery, unit_ns: int) -> set[int]:
    """The minutes or hours that the range's ends cut."""
    return {ns // unit_ns * unit_ns for ns in (query.since_ns, query.until_ns) if ns % unit_ns}


def _hours(query: CountQuery, plan: _Plan) -> list[_Part]:
    if plan.hours is None:
        return []
    sql = _within(query, "hour_counts", "hour_ns", "hours", (query.since_ns, query.until_ns))
    sql.where("hour_ns NOT IN (SELECT unnest($not_hours))", not_hours=int64s(plan.hours))
    return [_grouped(sql, query, "hour_ns", "sum(n)")]


def _minutes(query: CountQuery, plan: _Plan) -> list[_Part]:
    """One part a span of what the hours leave."""
    spans = [(query.since_ns, query.until_ns)]
    if plan.hours is not None:
        spans = _spans(plan.hours, HOUR_NS)
    parts = []
    for number, span in enumerate(spans):
        sql = _within(query, _minute_table(query), "minute_ns", f"minutes_{number}", span)
        if plan.minutes:
            sql.where("minute_ns NOT IN (SELECT unnest($not_minutes))",
                      not_minutes=int64s(plan.minutes))  # fmt: skip
        if plan.hours is not None:
            sql.where(f"minute_ns // {HOUR_NS} * {HOUR_NS} IN (SELECT unnest($not_hours))",
                      not_hours=int64s(plan.hours))  # fmt: skip
        parts.append(_grouped(sql, query, "minute_ns", "sum(n)"))
    return parts


def _events(query: CountQuery, plan: _Plan) -> list[_Part]:
    """One part a span of what the minutes leave."""
    parts = []
    for number, span in enumerate(_spans(plan.minutes, MINUTE_NS)):
        sql = _within(query, "stored_events", "captured_ns", f"events_{number}", span)
        sql.where(f"captured_ns // {MINUTE_NS} * {MINUTE_NS} IN (SELECT unnest($not_minutes))",
                  not_minutes=int64s(plan.minutes))  # fmt: skip
        parts.append(_grouped(sql, query, "captured_ns", "count(*)"))
    return parts


def _cutting_minutes(query: CountQuery, closed_ns: int) -> list[_Part]:
    """All from the events, but for what is closed."""
    closed = _within(query, _minute_table(query), "minute_ns", "closed", (0, closed_ns))
    events = _within(query, "stored_events", "captured_ns", "events", (closed_ns, query.until_ns))
    return [
        _grouped(closed, query, "minute_ns", "sum(n)"),
        _grouped(events, query, "captured_ns", "count(*)"),
    ]


def _minute_table(query: CountQuery) -> str:
    """The smaller one where nobody asks for what it lacks."""
    asked = query.device or query.camera or query.rule
    if asked or not {"device", "camera", "rule"}.isdisjoint(query.group_by):
        return "minute_counts"
    return "fleet_minute_counts"


def _within(query: CountQuery, table: str, at: str, name: str, span: Span) -> Sql:
    """What the query filters, in the part of its range that lies in a span."""
    sql = Sql(table)
    equal(sql, query)
    bounds = {
        f"{name}_since": max(span[0], query.since_ns),
        f"{name}_until": min(span[1], query.until_ns),
    }
    sql.where(f"{at} >= ${name}_since AND {at} < ${name}_until", **bounds)
    return sql


def _grouped(sql: Sql, query: CountQuery, at: str, number: str) -> _Part:
    interval_ns = query.interval_s * NS_PER_S
    head = ", ".join([f"{at} // {interval_ns} * {interval_ns} AS start", *_group(query)])
    return sql.text(f"SELECT {head}, {number} AS n", "GROUP BY ALL"), sql.parameters


def _group(query: CountQuery) -> list[str]:
    return ["class_name" if name == "class" else name for name in query.group_by]


def _spans(begins: Iterable[int], unit_ns: int) -> list[Span]:
    """Spans that hold all units of these begins; the widest gaps between them are left out."""
    ordered = sorted(begins)
    if not ordered:
        return []
    gaps = ((after - before, before, after) for before, after in pairwise(ordered))
    widest = sorted(gaps, reverse=True)[: _MAX_SPANS - 1]
    left_out = sorted((before, after) for width, before, after in widest if width > unit_ns)
    firsts = [ordered[0], *(after for _, after in left_out)]
    lasts = [*(before for before, _ in left_out), ordered[-1]]
    return [(first, last + unit_ns) for first, last in zip(firsts, lasts, strict=True)]
