"""Pages of events out of InfluxDB, in both orders."""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace

from cloud.store import cursor
from cloud.store.influxdb.influxql import Bindings, InfluxQl, Series
from cloud.store.influxdb.journal import Entry, Journal, Places, read_places
from cloud.store.influxdb.queries import conditions, events, within
from cloud.store.port import EventPage, EventQuery, EventRecord
from cloud.store.records import record
from protos.ids import EventId

_US = 1000
_SPARE_ROWS = 100
"""Rows asked for beyond a page, so that one frame's events seldom need a second question."""

_ENTRIES_PER_PAGE = 500
"""Journal entries that one page looks into at most, however few events it finds."""

_ENTRIES_PER_REQUEST = 25


def captured_page(database: InfluxQl, query: EventQuery, position: object) -> EventPage:
    """A page in the order of captured time, device, boot, lane, seq.

    InfluxDB sorts by the points' time, which is the captured time to the microsecond only, and
    each measurement on its own. So whole microseconds are fetched, and sorted here.
    """
    last = cursor.captured_key(position)
    limit = query.limit + 1 + _SPARE_ROWS
    while True:
        found, complete = _rows_from(database, query, last[0] if last else None, limit)
        beyond = [e for e in found if last is None or (e.captured_ns, e.id) > last]
        if complete or len(beyond) > query.limit:
            break
        limit *= 2
    page = tuple(beyond[: query.limit])
    if not page:
        return EventPage((), query.cursor, more=False)
    end = cursor.encode(query, cursor.captured_position(page[-1]))
    return EventPage(page, end, more=len(beyond) > len(page))


def _rows_from(
    database: InfluxQl, query: EventQuery, from_ns: int | None, limit: int
) -> tuple[list[EventRecord], bool]:
    """Events in order, up to a microsecond before which none is missing; True: to the end."""
    since_ns = query.since_ns
    if from_ns is not None:
        since_ns = max(from_ns // _US * _US, since_ns or 0)
    bindings = Bindings()
    demanded = [*conditions(query, bindings), *within(since_ns, query.until_ns)]
    [answer] = database.ask([events(demanded, limit)], bindings)
    cuts = [s.rows[-1][0] // _US * _US for s in answer if len(s.rows) >= limit]
    # An earlier release wrote some kinds elsewhere: what came again since stands twice.
    once = {event.id: event for event in _records(answer)}
    found = sorted(once.values(), key=lambda event: (event.captured_ns, event.id))
    if not cuts:
        return found, True
    return [event for event in found if event.captured_ns < min(cuts)], False


def ingest_page(
    database: InfluxQl, journal: Journal, query: EventQuery, position: object
) -> EventPage:
    """A page in the order of the journal."""
    places = read_places(position)
    entries, more = journal.entries(query, places, _ENTRIES_PER_PAGE)
    found: dict[EventId, EventRecord] = {}
    while entries and len(found) < query.limit:
        some, entries = entries[:_ENTRIES_PER_REQUEST], entries[_ENTRIES_PER_REQUEST:]
        left = _take(some, _fetch(database, query, some, places), places, query.limit, found)
        entries = [*left, *entries]
    if not places:
        return EventPage((), query.cursor, more=False)
    end = cursor.encode(query, {writer: list(place) for writer, place in places.items()})
    return EventPage(tuple(found.values()), end, more=more or bool(entries))


def _fetch(
    database: InfluxQl, query: EventQuery, entries: Sequence[Entry], places: Places
) -> list[list[EventRecord]]:
    """The events that each entry names, in the order of their seq."""
    bindings = Bindings()
    # The run's own range narrows the question already; the query's is checked on the way back.
    filters = conditions(replace(query, device="", lane=None), bindings)
    statements = [
        events([*entry.demands(_after_seq(entry, places), bindings), *filters]) for entry in entries
    ]
    return [
        sorted(
            (event for event in _records(answer) if _in_range(event, query)),
            key=lambda event: event.id.seq,
        )
        for answer in database.ask(statements, bindings)
    ]


def _take(
    entries: Sequence[Entry],
    fetched: Sequence[Sequence[EventRecord]],
    places: Places,
    limit: int,
    found: dict[EventId, EventRecord],
) -> list[Entry]:
    """Fill the page and move the places; returns the entries that are not read to their end."""
    for number, (entry, events_of) in enumerate(zip(entries, fetched, strict=True)):
        for event in events_of:
            if len(found) == limit:
                return list(entries[number:])
            found.setdefault(event.id, event)
            places[entry.writer] = (entry.at_ns, event.id.seq)
        places[entry.writer] = (entry.at_ns, entry.run.last_seq)
    return []


def _after_seq(entry: Entry, places: Places) -> int:
    at_ns, seq = places.get(entry.writer, (0, 0))
    return seq if at_ns == entry.at_ns else 0


def _in_range(event: EventRecord, query: EventQuery) -> bool:
    return (query.since_ns is None or event.captured_ns >= query.since_ns) and (
        query.until_ns is None or event.captured_ns < query.until_ns
    )


def _records(answer: Sequence[Series]) -> list[EventRecord]:
    return [
        record(EventId.parse(row["event_id"]), b64decode(row["payload"]))
        for series in answer
        for row in series.dicts()
    ]
