"""Questions for summaries as SQL for DuckDB."""

from typing import Any

from cloud.store.duckdb.queries import KEPT, Sql
from cloud.store.summaries import (
    MAX_GROUPS,
    PERCENTILES,
    DwellQuery,
    HeatQuery,
    LatestQuery,
    SummaryQuery,
    ZonesQuery,
)


def latest(query: LatestQuery) -> tuple[str, dict[str, Any]]:
    """Rows of which records are made again, one more than may be."""
    sql = _within(query)
    last = sql.text(
        "SELECT arg_max(rowid, (captured_ns, boot, lane, seq))", "GROUP BY device, camera, kind"
    )
    return (
        f"SELECT {KEPT}, 0 FROM stored_events WHERE rowid IN ({last}) "  # noqa: S608
        f"ORDER BY device, camera, kind LIMIT {MAX_GROUPS + 1}"
    ), sql.parameters


def zones(query: ZonesQuery) -> tuple[str, dict[str, Any]]:
    """Rows as ZoneRow has its fields."""
    sql = _within(query)
    sql.where("rule <> '' AND target <> ''")
    return sql.text(
        "SELECT device, camera, target, count(*) AS n",
        f"GROUP BY ALL ORDER BY n DESC, device, camera, target LIMIT {query.limit}",
    ), sql.parameters


def heat(query: HeatQuery) -> tuple[str, dict[str, Any]]:
    """Rows of row, column, number; cells without a centre are left out."""
    sql = _within(query)
    for name in ("box_top", "box_left", "box_width", "box_height"):
        sql.where(f"isfinite({name})")
    down = _cell("box_top", "box_height", query.rows)
    right = _cell("box_left", "box_width", query.columns)
    return sql.text(f"SELECT {down} AS y, {right} AS x, count(*)", "GROUP BY y, x"), sql.parameters


def dwell(query: DwellQuery) -> tuple[str, dict[str, Any]]:
    """Rows of device, camera, rule, number, percentiles; one more than may be."""
    sql = _within(query)
    sql.where("rule <> '' AND isfinite(dwell_s)")
    ranks = ", ".join(
        f"list_sort(list(dwell_s))[greatest(1, (count(*) * {p} + 50) // 100)]" for p in PERCENTILES
    )
    return sql.text(
        f"SELECT device, camera, rule, count(*), {ranks}",
        f"GROUP BY device, camera, rule ORDER BY device, camera, rule LIMIT {MAX_GROUPS + 1}",
    ), sql.parameters


def _within(query: SummaryQuery) -> Sql:
    sql = Sql()
    sql.where("captured_ns >= $since", since=query.since_ns)
    sql.where("captured_ns < $until", until=query.until_ns)
    for name in ("device", "camera", "kind", "class_name", "rule"):
        value = getattr(query, name, "")
        if value:
            sql.where(f"{name} = ${name}", **{name: value})
    return sql


def _cell(start: str, length: str, cells: int) -> str:
    """As `summaries.cell` does it: in double precision, the edges taken in."""
    center = f"({start}::DOUBLE + {length}::DOUBLE / 2)"
    inside = f"least(greatest({center} * {cells}, 0), {cells - 1})"
    return f"floor({inside})::INTEGER"
