"""Questions for summaries as InfluxQL.

Values beyond the budget of series are answered as `other` here, since groups are tags.
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Sequence

from cloud.errors import QueryError
from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings, InfluxQl, Series
from cloud.store.influxdb.queries import EVERYTHING, RULED, conditions, within
from cloud.store.port import EventQuery, EventRecord
from cloud.store.questions import check_groups
from cloud.store.records import record
from cloud.store.summaries import (
    PERCENTILES,
    DwellQuery,
    DwellRow,
    HeatQuery,
    LatestQuery,
    SummaryQuery,
    ZoneRow,
    ZonesQuery,
    cell,
)
from protos.ids import EventId

MAX_BOXES = 200_000
"""Boxes of one heat map: InfluxQL can't count by cell, so that they are fetched."""

_STATEMENTS_PER_REQUEST = 50
_ZONE_TAGS = ("device", "camera", "rule")


def latest(database: InfluxQl, query: LatestQuery) -> list[EventRecord]:
    """The last event of each device, camera and kind; of one microsecond, any of its events."""
    bindings = Bindings()
    [answer] = database.ask(
        [
            f'SELECT last("event_id") AS event_id, "payload" FROM {EVERYTHING} '  # noqa: S608
            f'WHERE {_where(query, bindings)} GROUP BY "device", "camera", "kind"'
        ],
        bindings,
    )
    check_groups(len(answer))
    found: dict[tuple[str, str, str], EventRecord] = {}
    for row in (row for series in answer for row in series.dicts()):
        event = record(EventId.parse(row["event_id"]), b64decode(row["payload"]))
        group = (event.id.device, event.camera, event.kind)
        known = found.get(group)
        if known is None or (known.captured_ns, known.id) < (event.captured_ns, event.id):
            found[group] = event
    return [found[group] for group in sorted(found)]


def zones(database: InfluxQl, query: ZonesQuery) -> list[ZoneRow]:
    """Counted by rule, which is a tag, and again by zone where a rule has several."""
    bindings = Bindings()
    where = _where(query, bindings)
    grouped = f'FROM {RULED} WHERE {where} GROUP BY "device", "camera", "rule"'
    targets, totals = database.ask(
        [f'SELECT distinct("target") AS zone {grouped}', f'SELECT count("seq") AS n {grouped}'],
        bindings,
    )
    check_groups(sum(len(series.rows) for series in targets))
    of_rule = {(series.name, _group(series)): series.dicts()[0]["n"] for series in totals}
    counted: Counter[tuple[str, str, str]] = Counter()
    several: list[tuple[Series, str]] = []
    for series in targets:
        names = [row["zone"] for row in series.dicts()]
        if len(names) == 1:
            device, camera, _ = _group(series)
            counted[device, camera, names[0]] += of_rule[series.name, _group(series)]
        else:
            several += [(series, name) for name in names]
    for series, name, number in _counted_alone(database, query, several):
        device, camera, _ = _group(series)
        counted[device, camera, name] += number
    rows = [ZoneRow(*zone, number) for zone, number in counted.items()]
    rows.sort(key=lambda row: (-row.count, row.device, row.camera, row.zone))
    return rows[: query.limit]


def heat(database: InfluxQl, query: HeatQuery) -> list[list[int]]:
    """Counts by row and column."""
    bindings = Bindings()
    where = _where(query, bindings)
    [answer] = database.ask(
        [f'SELECT count("left") AS n FROM {EVERYTHING} WHERE {where}'],  # noqa: S608
        bindings,
    )
    number = sum(row["n"] for series in answer for row in series.dicts())
    if number > MAX_BOXES:
        raise QueryError(
            f"a heat map of {number} boxes, {MAX_BOXES} at most with InfluxDB; ask for a shorter "
            "range, one kind or one class"
        )
    [answer] = database.ask(
        [f'SELECT "top", "left", "width", "height" FROM {EVERYTHING} WHERE {where}'],  # noqa: S608
        bindings,
    )
    grid = [[0] * query.columns for _ in range(query.rows)]
    for series in answer:
        for _, top, left, width, height in series.rows:
            if None not in (top, left, width, height):
                row = grid[cell(top + height / 2, query.rows)]
                row[cell(left + width / 2, query.columns)] += 1
    return grid


def dwell(database: InfluxQl, query: DwellQuery) -> list[DwellRow]:
    """Number and percentiles by rule."""
    bindings = Bindings()
    ranks = ", ".join(f'percentile("dwell_s", {p}) AS p{p}' for p in PERCENTILES)
    [answer] = database.ask(
        [
            f'SELECT count("dwell_s") AS n, {ranks} FROM "rule" '  # noqa: S608
            f'WHERE {_where(query, bindings)} GROUP BY "device", "camera", "rule"'
        ],
        bindings,
    )
    check_groups(len(answer))
    found = [(_group(series), series.dicts()[0]) for series in answer]
    return [
        DwellRow(*group, row["n"], tuple(float(row[f"p{p}"]) for p in PERCENTILES))
        for group, row in sorted(found, key=lambda one: one[0])
    ]


def _counted_alone(
    database: InfluxQl, query: ZonesQuery, zones_of: Sequence[tuple[Series, str]]
) -> list[tuple[Series, str, int]]:
    """Events of single zones, for rules that have several."""
    found = []
    for first in range(0, len(zones_of), _STATEMENTS_PER_REQUEST):
        some = zones_of[first : first + _STATEMENTS_PER_REQUEST]
        bindings = Bindings()
        where = _where(query, bindings)
        statements = [
            f'SELECT count("seq") AS n FROM "{series.name}" WHERE {where} '  # noqa: S608
            f'AND "target" = {bindings.bind(name)} '
            + " ".join(f'AND "{tag}" = {bindings.bind(series.tags[tag])}' for tag in _ZONE_TAGS)
            for series, name in some
        ]
        for (series, name), answer in zip(some, database.ask(statements, bindings), strict=True):
            found.append((series, name, sum(row["n"] for one in answer for row in one.dicts())))
    return found


def _where(query: SummaryQuery, bindings: Bindings) -> str:
    filters = EventQuery(
        device=query.device,
        camera=query.camera,
        kind=query.kind,
        class_name=getattr(query, "class_name", ""),
        rule=getattr(query, "rule", ""),
    )
    demanded = [*conditions(filters, bindings), *within(query.since_ns, query.until_ns)]
    return " AND ".join(demanded)


def _group(series: Series) -> tuple[str, str, str]:
    device, camera, rule = (lines.tag_value(series.tags[tag]) for tag in _ZONE_TAGS)
    return device, camera, rule
