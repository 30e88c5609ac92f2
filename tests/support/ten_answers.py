"""Ten questions about a device, to see that nothing changed."""

from dataclasses import replace

from cloud.store.port import CountQuery, EventQuery, EventRecord, EventStore
from cloud.store.summaries import DwellQuery, HeatQuery, LatestQuery, ZonesQuery
from tests.support.stored import START_NS

_DAY_NS = 86_400_000_000_000


def everything(store: EventStore, query: EventQuery) -> list[EventRecord]:
    """All pages, each event once, in an order that does not depend on when it came."""
    found: dict[object, EventRecord] = {}
    while True:
        page = store.events(query)
        found.update((event.id, event) for event in page.events)
        if not page.more:
            return sorted(found.values(), key=lambda event: (event.captured_ns, event.id))
        query = replace(query, cursor=page.cursor)


def ten_answers(store: EventStore, device: str) -> list[object]:
    """What the store says about a device in the days from START_NS on."""
    since_ns, until_ns = START_NS - _DAY_NS, START_NS + 9 * _DAY_NS
    days = CountQuery(since_ns, until_ns, 86_400, device=device)
    heat = store.heat_map(HeatQuery(since_ns, until_ns, device, camera="door", rows=4, columns=4))
    return [
        everything(store, EventQuery(device=device)),
        everything(store, EventQuery(device=device, order="captured", limit=7)),
        everything(store, EventQuery(device=device, kind="line-crossed")),
        list(store.counts(replace(days, group_by=("kind",)))),
        list(store.counts(replace(days, interval_s=120, group_by=("class", "camera")))),
        list(store.sequences(device)),
        list(store.latest(LatestQuery(since_ns, until_ns, device))),
        list(store.top_zones(ZonesQuery(since_ns, until_ns, kind="line-crossed", device=device))),
        [list(row) for row in heat] if any(any(row) for row in heat) else [],
        list(store.dwell(DwellQuery(since_ns, until_ns, kind="line-crossed", device=device))),
    ]
