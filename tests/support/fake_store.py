"""An EventStore in memory, held to the contract by the same suite as the real ones."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from cloud.errors import StoreAwayError, StoreRefusedError
from cloud.store import cursor, questions
from cloud.store.port import (
    CountQuery,
    CountRow,
    EventPage,
    EventQuery,
    EventRecord,
    SequenceRow,
)
from cloud.store.summaries import (
    DwellQuery,
    DwellRow,
    HeatQuery,
    LatestQuery,
    SummaryQuery,
    ZoneRow,
    ZonesQuery,
)
from protos.ids import EventId, Lane
from tests.support import fake_summaries


class FakeStore:
    """An EventStore in memory.

    Attributes:
        failures: raised one a `write`, first come first served, before anything is written.
        refuses: events for which it is true are never taken.
        preparing_fails: raised by every `prepared`.
        away: while true, nothing answers.
        writes: numbers of events of the writes that succeeded.
        expunged: how often bytes of deleted events were to go.
    """

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.refuses: Callable[[EventRecord], bool] = lambda event: False
        self.preparing_fails: Exception | None = None
        self.away = False
        self.writes: list[int] = []
        self.expunged = 0
        self._lock = threading.Lock()
        self._events: dict[EventId, EventRecord] = {}
        self._numbers: dict[EventId, int] = {}

    def prepared(self, events: Sequence[EventRecord]) -> Sequence[EventRecord]:
        if self.preparing_fails is not None:
            raise self.preparing_fails
        return events

    def write(self, events: Sequence[EventRecord]) -> None:
        self.check()
        if self.failures:
            raise self.failures.pop(0)
        refused = {event.id: "it is one of those" for event in events if self.refuses(event)}
        with self._lock:
            self.writes.append(len(events))
            for event in events:
                if event.id not in refused:
                    self._numbers.setdefault(event.id, len(self._numbers) + 1)
                    self._events.setdefault(event.id, event)
        if refused:
            raise StoreRefusedError("the store in memory", refused)

    def events(self, query: EventQuery) -> EventPage:
        self.check()
        questions.check_events(query)
        position = cursor.decode(query)
        with self._lock:
            numbered = [(self._numbers[e.id], e) for e in self._events.values()]
        found: list[tuple[object, EventRecord]]
        if query.order == "ingest":
            after = 0 if position is None else cursor.natural(position)
            found = [(n, e) for n, e in numbered if n > after and _matches(e, query)]
        else:
            last = cursor.captured_key(position)
            stored = sorted((e for _, e in numbered), key=lambda e: (e.captured_ns, e.id))
            found = [
                (cursor.captured_position(e), e)
                for e in stored
                if (last is None or (e.captured_ns, e.id) > last) and _matches(e, query)
            ]
        page = found[: query.limit]
        end = page[-1][0] if page else position
        return EventPage(
            tuple(event for _, event in page),
            cursor.encode(query, end) if end is not None else "",
            len(found) > query.limit,
        )

    def counts(self, query: CountQuery) -> Sequence[CountRow]:
        self.check()
        questions.check_counts(query)
        with self._lock:
            stored = list(self._events.values())
        wanted = EventQuery(
            device=query.device,
            camera=query.camera,
            kind=query.kind,
            class_name=query.class_name,
            rule=query.rule,
            since_ns=query.since_ns,
            until_ns=query.until_ns,
        )
        interval_ns = query.interval_s * questions.NS_PER_S
        counted = Counter(
            (e.captured_ns // interval_ns * interval_ns, _group(e, query))
            for e in stored
            if _matches(e, wanted)
        )
        return [CountRow(start, group, n) for (start, group), n in sorted(counted.items())]

    def latest(self, query: LatestQuery) -> Sequence[EventRecord]:
        return fake_summaries.latest(self._asked(query), query)

    def top_zones(self, query: ZonesQuery) -> Sequence[ZoneRow]:
        return fake_summaries.zones(self._asked(query), query)

    def heat_map(self, query: HeatQuery) -> Sequence[Sequence[int]]:
        return fake_summaries.heat(self._asked(query), query)

    def dwell(self, query: DwellQuery) -> Sequence[DwellRow]:
        return fake_summaries.dwell(self._asked(query), query)

    def _asked(self, query: SummaryQuery) -> Sequence[EventRecord]:
        self.check()
        questions.check_summary(query)
        with self._lock:
            return list(self._events.values())

    def sequences(self, device: str = "") -> Sequence[SequenceRow]:
        self.check()
        streams: dict[tuple[str, int, Lane], list[int]] = {}
        with self._lock:
            for event_id in self._events:
                if device in ("", event_id.device):
                    stream = (event_id.device, event_id.boot, event_id.lane)
                    streams.setdefault(stream, []).append(event_id.seq)
        return [
            SequenceRow(*stream, len(seqs), len(set(seqs)), min(seqs), max(seqs))
            for stream, seqs in sorted(streams.items())
        ]

    def delete(self, device: str, since_ns: int, until_ns: int) -> None:
        self.check()
        questions.check_delete(since_ns, until_ns)
        with self._lock:
            self._events = {
                event_id: event
                for event_id, event in self._events.items()
                if device not in ("", event_id.device)
                or not since_ns <= event.captured_ns < until_ns
            }

    def expunge(self) -> None:
        self.check()
        self.expunged += 1

    def check(self) -> None:
        if self.away:
            raise StoreAwayError("the store is away")

    def close(self) -> None:
        self.away = True


def _matches(event: EventRecord, query: EventQuery) -> bool:
    pairs = (
        (query.device, event.id.device),
        (query.camera, event.camera),
        (query.kind, event.kind),
        (query.class_name, event.class_name),
        (query.rule, event.rule),
        (query.target, event.target),
    )
    return (
        all(wanted in ("", value) for wanted, value in pairs)
        and query.lane in (None, event.id.lane)
        and (query.since_ns is None or event.captured_ns >= query.since_ns)
        and (query.until_ns is None or event.captured_ns < query.until_ns)
    )


def _group(event: EventRecord, query: CountQuery) -> tuple[str, ...]:
    values = {
        "device": event.id.device,
        "camera": event.camera,
        "kind": event.kind,
        "class": event.class_name,
        "rule": event.rule,
    }
    return tuple(values[name] for name in query.group_by)
