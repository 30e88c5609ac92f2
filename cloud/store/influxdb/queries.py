"""Questions as InfluxQL."""

from collections.abc import Sequence

from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings
from cloud.store.port import CountQuery, EventQuery
from cloud.store.runs import Stream
from protos.ids import boot_text

EVERYTHING = ", ".join(f'"{name}"' for name in lines.MEASUREMENTS)
"""All measurements of events."""

RULED = ", ".join(f'"{name}"' for name in lines.RULED)
"""Those whose points may name a rule."""

_US = 1000


def conditions(query: EventQuery | CountQuery, bindings: Bindings) -> list[str]:
    """What the filters of a query demand of a point; its range aside."""
    found = []
    if query.device:
        found.append(f'"device" = {bindings.bind(lines.tag_text(query.device))}')
    values = (query.camera, query.class_name, query.kind, query.rule)
    found += [
        _tagged(name, value, bindings)
        for name, value in zip(lines.REPLACEABLE, values, strict=True)
        if value
    ]
    if isinstance(query, EventQuery):
        if query.target:
            found.append(f'"target" = {bindings.bind(query.target)}')
        if query.lane is not None:
            found.append(f'"lane" = {bindings.bind(query.lane.slug)}')
    return found


def _tagged(name: str, value: str, bindings: Bindings) -> str:
    """The tag is the value, or `other` and the value stands in a field."""
    tag, field = bindings.bind(lines.tag_text(value)), bindings.bind(value)
    return f"""("{name}" = {tag} OR ("{name}" = '{lines.OTHER}' AND "{name}_name" = {field}))"""


def within(since_ns: int | None, until_ns: int | None) -> list[str]:
    """Captured at or after `since_ns` and before `until_ns`.

    A point's time is the captured time to the microsecond only, so a bound that is finer is
    asked of the field as well.
    """
    found = []
    if since_ns is not None:
        found.append(f"time >= {since_ns // _US * _US}")
        if since_ns % _US:
            found.append(f'"captured_ns" >= {since_ns}')
    if until_ns is not None:
        found.append(f"time < {-(-until_ns // _US) * _US}")
        if until_ns % _US:
            found.append(f'"captured_ns" < {until_ns}')
    return found


def events(demanded: Sequence[str], limit: int = 0) -> str:
    """Ids and payloads in the order of the points' time, at most `limit` of each measurement."""
    where = f" WHERE {' AND '.join(demanded)}" if demanded else ""
    tail = f" LIMIT {limit}" if limit else ""
    return f'SELECT "event_id", "payload" FROM {EVERYTHING}{where} ORDER BY time ASC{tail}'  # noqa: S608


def counted(query: CountQuery, bindings: Bindings) -> str:
    """Numbers by interval and group, each measurement on its own."""
    demanded = [*conditions(query, bindings), *within(query.since_ns, query.until_ns)]
    source = RULED if query.rule else EVERYTHING
    group = "".join(f', "{name}"' for name in query.group_by)
    return (
        f'SELECT count("seq") FROM {source} WHERE {" AND ".join(demanded)} '  # noqa: S608
        f"GROUP BY time({query.interval_s}s){group} fill(none)"
    )


def boots(device: str, bindings: Bindings) -> str:
    """The boots of each device, each measurement on its own."""
    where = f' WHERE "device" = {bindings.bind(lines.tag_text(device))}' if device else ""
    return f'SELECT distinct("boot") FROM {EVERYTHING}{where} GROUP BY "device"'  # noqa: S608


def stream(of: Stream, bindings: Bindings) -> list[str]:
    """Count, first and last seq of a stream, then the number of distinct seqs."""
    device, boot, lane = of
    where = " AND ".join(in_stream(device, boot_text(boot), lane.slug, bindings))
    return [
        f'SELECT count("seq") AS n, min("seq") AS lo, max("seq") AS hi '  # noqa: S608
        f"FROM {EVERYTHING} WHERE {where}",
        f'SELECT count(distinct("seq")) AS n FROM {EVERYTHING} WHERE {where}',  # noqa: S608
    ]


def in_stream(device: str, boot: str, lane: str, bindings: Bindings) -> list[str]:
    """What makes a point one of a stream."""
    return [
        f'"device" = {bindings.bind(lines.tag_text(device))}',
        f'"boot" = {bindings.bind(boot)}',
        f'"lane" = {bindings.bind(lane)}',
    ]
