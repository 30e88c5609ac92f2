"""Questions as SQL for DuckDB."""

from dataclasses import dataclass, field
from typing import Any

from cloud.store.port import CountQuery, EventQuery
from protos.ids import EventId

KEPT = "device, boot, lane, seq, payload"
"""What a record is made of again."""

_ORDER_CAPTURED = "captured_ns, device, boot, lane, seq"


@dataclass(slots=True)
class Sql:
    """A statement under construction and its parameters."""

    source: str = "stored_events"
    conditions: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)

    def where(self, condition: str, **parameters: object) -> None:
        """Add a condition whose `$names` stand for the parameters."""
        self.conditions.append(condition)
        self.parameters.update(parameters)

    def text(self, head: str, tail: str) -> str:
        """The whole statement."""
        where = f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""
        return f"{head} FROM {self.source}{where} {tail}"


def in_ingest_order(query: EventQuery, after: int) -> tuple[str, dict[str, Any]]:
    """One event more than the page holds, each row with its ingest_seq at the end."""
    sql = _events(query)
    sql.where("ingest_seq > $after", after=after)
    return sql.text(
        f"SELECT {KEPT}, ingest_seq", f"ORDER BY ingest_seq LIMIT {query.limit + 1}"
    ), sql.parameters


def in_captured_order(
    query: EventQuery, last: tuple[int, EventId] | None
) -> tuple[str, dict[str, Any]]:
    """One event more than the page holds."""
    sql = _events(query)
    if last is not None:
        captured_ns, event_id = last
        sql.where(
            f"({_ORDER_CAPTURED}) > ($last_captured, $last_device, $last_boot, $last_lane, "
            "$last_seq)",
            last_captured=captured_ns,
            last_device=event_id.device,
            last_boot=event_id.boot,
            last_lane=int(event_id.lane),
            last_seq=event_id.seq,
        )
    return sql.text(
        f"SELECT {KEPT}, ingest_seq", f"ORDER BY {_ORDER_CAPTURED} LIMIT {query.limit + 1}"
    ), sql.parameters


def streams(device: str) -> tuple[str, dict[str, Any]]:
    """Rows as SequenceRow has its fields."""
    sql = Sql()
    if device:
        sql.where("device = $device", device=device)
    return sql.text(
        "SELECT device, boot, lane, count(*), count(DISTINCT seq), min(seq), max(seq)",
        "GROUP BY device, boot, lane ORDER BY device, boot, lane",
    ), sql.parameters


def before(captured_ns: int) -> tuple[str, dict[str, Any]]:
    """One row: the number of events captured before a time."""
    sql = Sql()
    sql.where("captured_ns < $until", until=captured_ns)
    return sql.text("SELECT count(*)", ""), sql.parameters


def some_before(captured_ns: int, limit: int) -> tuple[str, dict[str, Any]]:
    """A condition, and its parameters, for some of the events captured before a time."""
    sql = Sql()
    sql.where("captured_ns < $until", until=captured_ns)
    some = sql.text("SELECT rowid", f"ORDER BY rowid LIMIT {limit}")
    return f"rowid IN ({some})", sql.parameters


def _events(query: EventQuery) -> Sql:
    sql = Sql()
    equal(sql, query)
    if query.target:
        sql.where("target = $target", target=query.target)
    if query.lane is not None:
        sql.where("lane = $lane", lane=int(query.lane))
    if query.since_ns is not None:
        sql.where("captured_ns >= $since", since=query.since_ns)
    if query.until_ns is not None:
        sql.where("captured_ns < $until", until=query.until_ns)
    return sql


def equal(sql: Sql, query: EventQuery | CountQuery) -> None:
    """What the filters of a query demand, but its range; columns that events and rollups have."""
    for name in ("device", "camera", "kind", "class_name", "rule"):
        value = getattr(query, name)
        if value:
            sql.where(f"{name} = ${name}", **{name: value})
