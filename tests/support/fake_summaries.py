"""Summaries of events in memory, as plainly as their definitions read."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

from cloud.store.port import EventRecord
from cloud.store.questions import check_groups
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
    nearest_rank,
)


def latest(events: Iterable[EventRecord], query: LatestQuery) -> list[EventRecord]:
    last: dict[tuple[str, str, str], EventRecord] = {}
    for event in sorted(_chosen(events, query), key=lambda e: (e.captured_ns, e.id)):
        last[event.id.device, event.camera, event.kind] = event
    check_groups(len(last))
    return [last[group] for group in sorted(last)]


def zones(events: Iterable[EventRecord], query: ZonesQuery) -> list[ZoneRow]:
    counted = Counter(
        (e.id.device, e.camera, e.target) for e in _chosen(events, query) if e.rule and e.target
    )
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return [ZoneRow(*zone, number) for zone, number in ordered[: query.limit]]


def heat(events: Iterable[EventRecord], query: HeatQuery) -> list[list[int]]:
    grid = [[0] * query.columns for _ in range(query.rows)]
    for event in _chosen(events, query):
        if event.box is not None and all(map(math.isfinite, event.box)):
            top, left, width, height = event.box
            row = grid[cell(top + height / 2, query.rows)]
            row[cell(left + width / 2, query.columns)] += 1
    return grid


def dwell(events: Iterable[EventRecord], query: DwellQuery) -> list[DwellRow]:
    stays: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for event in _chosen(events, query):
        if event.rule and event.dwell_s is not None:
            stays[event.id.device, event.camera, event.rule].append(event.dwell_s)
    check_groups(len(stays))
    return [
        DwellRow(*group, len(all_s), tuple(sorted(all_s)[nearest_rank(len(all_s), p) - 1]
                                           for p in PERCENTILES))
        for group, all_s in sorted(stays.items())
    ]  # fmt: skip


def _chosen(events: Iterable[EventRecord], query: SummaryQuery) -> list[EventRecord]:
    return [
        event
        for event in events
        if query.since_ns <= event.captured_ns < query.until_ns
        and query.device in ("", event.id.device)
        and query.camera in ("", event.camera)
        and query.kind in ("", event.kind)
        and getattr(query, "class_name", "") in ("", event.class_name)
        and getattr(query, "rule", "") in ("", event.rule)
    ]
