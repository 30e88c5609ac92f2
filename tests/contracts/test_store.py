"""What every EventStore does: DuckDB, InfluxDB behind the facade, and the fake."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.errors import QueryError, StoreAwayError
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import (
    CountQuery,
    CountRow,
    EventQuery,
    EventRecord,
    EventStore,
    Order,
    SequenceRow,
)
from cloud.store.records import MAX_CAPTURED_NS
from cloud.store.settings import InfluxDbSettings
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_store import FakeStore
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import START_NS, Event, crossing, person, stored

MS = 1_000_000
S = 1000 * MS
WEIRD = (
    "with space", "with,comma", "a=b", 'quo"te', "apo'strophe", "back\\slash", "ends\\",
    "new\nline", "nul\0", "tab\t", "percent%41", "Größe", "人", "'; DROP SERIES FROM object; --",
    "a\\,b", " lead", "trail ", "$p0", "other", "#hash", "x" * 300,
)  # fmt: skip


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["fake", "duckdb", "influxdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EventStore]:
    made: EventStore
    if request.param == "fake":
        made = FakeStore()
    elif request.param == "duckdb":
        made = DuckDbStore(tmp_path / "events.duckdb")
    else:
        server: InfluxDb = request.getfixturevalue("influx")
        made = InfluxDbStore(
            InfluxDbSettings(kind="influxdb", url=server.url, bucket=server.new_bucket())
        )
    with contextlib.closing(made):
        yield made


def all_pages(store: EventStore, query: EventQuery) -> list[EventRecord]:
    """Every event that following the cursor shows."""
    found: list[EventRecord] = []
    while True:
        page = store.events(query)
        assert len(page.events) <= query.limit
        found.extend(page.events)
        if not page.more:
            return found
        query = replace(query, cursor=page.cursor)


def test_what_was_written_comes_back_whole(store: EventStore) -> None:
    written = stored(person(1), crossing(2))
    store.write(written)

    assert list(store.events(EventQuery()).events) == written


def test_what_was_prepared_is_written_like_anything_else(store: EventStore) -> None:
    written = stored(person(1), crossing(2), person(3))
    prepared = store.prepared(written)
    assert list(prepared) == written, "what handles events handles prepared ones"
    store.write([*prepared[:2], written[1], written[2]])

    assert list(store.events(EventQuery()).events) == written


def test_fields_of_a_newer_peer_come_back(store: EventStore) -> None:
    unknown_field = b"\xfa\x3e\x03new"
    newer = Event.FromString(person(1).SerializeToString() + unknown_field)
    newer.kind = 77  # type: ignore[assignment]
    store.write(stored(newer))

    [event] = store.events(EventQuery()).events
    assert unknown_field in event.payload
    assert event.kind == "kind-77"


def test_an_event_stands_once_however_often_it_is_written(store: EventStore) -> None:
    written = stored(*[person(seq) for seq in range(1, 6)])
    store.write([*written, written[2]])
    store.write(written[1:4])
    store.write([])

    assert store.sequences() == [SequenceRow("cam-box", 7, Lane.STATE, 5, 5, 1, 5)]
    assert {event.id for event in all_pages(store, EventQuery(limit=2))} == {
        event.id for event in written
    }
    by_time = all_pages(store, EventQuery(order="captured", limit=2))
    assert [event.id.seq for event in by_time] == [1, 2, 3, 4, 5]


FILTERED: Sequence[tuple[EventQuery, set[int]]] = (
    (EventQuery(device="other-box"), {6}),
    (EventQuery(camera="yard"), {2}),
    (EventQuery(kind="line-crossed"), {3, 4}),
    (EventQuery(class_name="car"), {5}),
    (EventQuery(rule="gate-line"), {4}),
    (EventQuery(target="line-b"), {4}),
    (EventQuery(lane=Lane.ALARM), {7}),
    (EventQuery(since_ns=START_NS + 4 * MS), {4, 5, 6, 7}),
    (EventQuery(since_ns=START_NS + 4 * MS + 1), {5, 6, 7}),
    (EventQuery(until_ns=START_NS + 3 * MS), {1, 2}),
    (EventQuery(until_ns=START_NS + 3 * MS + 1), {1, 2, 3}),
    (EventQuery(kind="line-crossed", rule="door-line", camera="door"), {3}),
    (EventQuery(camera="nowhere"), set()),
)
ORDERS: tuple[Order, ...] = ("ingest", "captured")


@pytest.mark.parametrize("order", ORDERS)
def test_filters(store: EventStore, order: Order) -> None:
    store.write(
        stored(
            person(1),
            person(2, camera="yard"),
            crossing(3),
            crossing(4, rule="gate-line", target="line-b"),
            person(5, class_name="car"),
        )
    )
    store.write(stored(person(6), device="other-box"))
    store.write(stored(person(7), lane=Lane.ALARM))

    for query, seqs in FILTERED:
        found = all_pages(store, replace(query, order=order, limit=1))
        assert {event.id.seq for event in found} == seqs, query


def test_pages_in_ingest_order_stay_put_while_new_and_late_events_come(store: EventStore) -> None:
    store.write(stored(*[person(seq) for seq in (10, 11, 12)]))
    first = store.events(EventQuery(limit=2))
    assert first.more
    store.write(stored(*[person(seq) for seq in (13, 14)]))
    late = stored(*[person(seq, START_NS - 86_400 * S + seq) for seq in (1, 2)], lane=Lane.ALARM)
    store.write(late)

    rest = all_pages(store, EventQuery(limit=2, cursor=first.cursor))

    assert [event.id.seq for event in (*first.events, *rest)] == [10, 11, 12, 13, 14, 1, 2]


def test_a_cursor_at_the_end_is_good_for_polling(store: EventStore) -> None:
    assert store.events(EventQuery()).events == ()
    store.write(stored(person(1)))
    for order in ORDERS:
        query = EventQuery(order=order, device="cam-box")
        end = store.events(query)
        assert not end.more
        nothing = store.events(replace(query, cursor=end.cursor))
        assert (nothing.events, nothing.more) == ((), False)
        store.write(stored(person(2 if order == "ingest" else 3)))
        [new] = store.events(replace(query, cursor=nothing.cursor)).events[-1:]
        assert new.id.seq == (2 if order == "ingest" else 3)


def test_captured_order_is_by_time_then_id_also_within_a_microsecond(store: EventStore) -> None:
    at = START_NS
    written = [
        *stored(person(3, at + 1), crossing(4, at), person(5, at + 999), boot=9),
        *stored(person(1, at), person(2, at + 1001), boot=2**64 - 1),
        *stored(person(1, at, class_name="cat"), device="a-box"),
    ]
    store.write(written)

    found = all_pages(store, EventQuery(order="captured", limit=1))

    assert found == sorted(written, key=lambda event: (event.captured_ns, event.id))


def test_a_frame_full_of_events_is_paged_through(store: EventStore) -> None:
    store.write(stored(*[person(seq, START_NS) for seq in range(1, 501)]))
    store.write(stored(person(501)))

    for order in ORDERS:
        query = EventQuery(order=order, limit=60)
        assert [event.id.seq for event in all_pages(store, query)] == list(range(1, 502))


def test_counts_by_interval_and_group(store: EventStore) -> None:
    start = START_NS // (60 * S) * 60 * S
    store.write(
        stored(
            person(1, start + 1 * S),
            person(2, start + 2 * S, class_name="car"),
            crossing(3, start + 59 * S + 999 * MS),
            person(4, start + 60 * S, camera="yard"),
            person(5, start + 180 * S),
        )
    )
    query = CountQuery(since_ns=start, until_ns=start + 180 * S, interval_s=60)

    assert store.counts(query) == [CountRow(start, (), 3), CountRow(start + 60 * S, (), 1)]
    assert store.counts(replace(query, group_by=("class", "kind"))) == [
        CountRow(start, ("car", "object-started"), 1),
        CountRow(start, ("person", "line-crossed"), 1),
        CountRow(start, ("person", "object-started"), 1),
        CountRow(start + 60 * S, ("person", "object-started"), 1),
    ]
    assert store.counts(
        replace(query, group_by=("device", "camera", "rule"), rule="door-line")
    ) == [CountRow(start, ("cam-box", "door", "door-line"), 1)]
    assert store.counts(replace(query, group_by=("rule",), camera="door"))[0].group == ("",)
    assert store.counts(replace(query, since_ns=start + 1 * S + 1, kind="object-started")) == [
        CountRow(start, (), 1),
        CountRow(start + 60 * S, (), 1),
    ]


def test_sequences_show_what_is_missing(store: EventStore) -> None:
    store.write(stored(person(1), person(2), crossing(5)))
    store.write(stored(crossing(1), boot=2**64 - 1, lane=Lane.ALARM))
    store.write(stored(person(1), device="a-box"))

    whole = [
        SequenceRow("a-box", 7, Lane.STATE, 1, 1, 1, 1),
        SequenceRow("cam-box", 7, Lane.STATE, 3, 3, 1, 5),
        SequenceRow("cam-box", 2**64 - 1, Lane.ALARM, 1, 1, 1, 1),
    ]
    assert store.sequences() == whole
    assert store.sequences("cam-box") == whole[1:]
    assert store.sequences("nobody") == []


def test_questions_out_of_range_are_refused(store: EventStore) -> None:
    for query in (
        EventQuery(limit=0),
        EventQuery(limit=1001),
        EventQuery(since_ns=-1),
        EventQuery(until_ns=2**63),
        EventQuery(order="random"),  # type: ignore[arg-type]
        EventQuery(cursor="nonsense"),
        EventQuery(cursor="x" * 5000),
        EventQuery(cursor="W10"),
        EventQuery(cursor="größe"),
    ):
        with pytest.raises(QueryError):
            store.events(query)


def test_a_cursor_fits_its_question_only(store: EventStore) -> None:
    store.write(stored(person(1), person(2)))
    cursor = store.events(EventQuery(limit=1)).cursor

    store.events(EventQuery(limit=5, cursor=cursor))
    with pytest.raises(QueryError, match="other filters"):
        store.events(EventQuery(limit=1, cursor=cursor, camera="door"))
    with pytest.raises(QueryError, match="other filters"):
        store.events(EventQuery(limit=1, cursor=cursor, order="captured"))


def test_counts_out_of_range_are_refused(store: EventStore) -> None:
    for query in (
        CountQuery(since_ns=2, until_ns=2, interval_s=60),
        CountQuery(since_ns=-1, until_ns=2, interval_s=60),
        CountQuery(since_ns=0, until_ns=2**63, interval_s=60),
        CountQuery(since_ns=0, until_ns=1, interval_s=0),
        CountQuery(since_ns=0, until_ns=START_NS, interval_s=1),
        CountQuery(since_ns=0, until_ns=1, interval_s=1, group_by=("kind", "kind")),
        CountQuery(since_ns=0, until_ns=1, interval_s=1, group_by=("seq",)),  # type: ignore[arg-type]
    ):
        with pytest.raises(QueryError):
            store.counts(query)


def test_weird_strings_are_only_strings(store: EventStore) -> None:
    events = []
    for seq, text in enumerate(WEIRD, 1):
        event = crossing(seq, rule=text, target=text, camera=text)
        event.object.class_name = text
        event.model = text
        events.append(event)
    written = stored(*events)
    store.write(written)
    store.write(written)

    assert list(store.events(EventQuery()).events) == written
    for found in written:
        text = found.camera
        every = EventQuery(camera=text, class_name=text, rule=text, target=text, order="captured")
        assert store.events(every).events == (found,), text
    counts = store.counts(
        CountQuery(START_NS, START_NS + S, 1, group_by=("camera", "class", "rule"))
    )
    assert {row.group for row in counts} == {(text, text, text) for text in WEIRD}


def test_every_kind_with_its_content_is_taken(store: EventStore) -> None:
    counts = Event(seq=1, kind=EventBatch.COUNTS)
    counts.counts.counts.add(class_name="person", count=3, direction=EventBatch.A_TO_B)
    areas = Event(seq=2, kind=EventBatch.SEGMENTATION)
    areas.segmentation.areas.add(class_name="road", share=0.5)
    sensor = Event(seq=3, kind=EventBatch.SENSOR)
    sensor.sensor.MergeFrom(EventBatch.SensorReading(sensor="bus-volt", value=24.5, unit="V"))
    state = Event(seq=4, kind=EventBatch.CAMERA_STATE)
    state.camera_status.MergeFrom(EventBatch.CameraStatus(state="lost", detail="no frames"))
    lost = Event(seq=5, kind=EventBatch.EVENTS_LOST)
    lost.events_lost.ranges.add(boot=2**64 - 1, lane="LANE_STATS", last_seq=9, count=9)
    speed = Event(seq=6, kind=EventBatch.SPEED)
    speed.object.MergeFrom(EventBatch.Object(track_id=2**64 - 1, confidence=float("inf")))
    speed.rule_hit.MergeFrom(EventBatch.RuleHit(rule="limit-50", value=17.5))
    speed.position.MergeFrom(EventBatch.Position(latitude_deg=52.5, longitude_deg=13.25))
    at_the_epoch = Event(seq=7, kind=EventBatch.OBJECT_ENDED)
    at_the_end = Event(seq=8, kind=EventBatch.OBJECT_ENDED, captured_ns=MAX_CAPTURED_NS)
    written = stored(counts, areas, sensor, state, lost, speed, at_the_epoch, at_the_end)
    store.write(written)

    assert list(store.events(EventQuery()).events) == written
    assert store.events(EventQuery(kind="sensor")).events[0].value == 24.5
    late = EventQuery(since_ns=MAX_CAPTURED_NS, order="captured")
    assert store.events(late).events == (written[-1],)


def test_a_large_event_is_taken(store: EventStore) -> None:
    event = person(1)
    event.object.polygon.extend([EventBatch.Point(x=0.5, y=0.5)] * 20_000)
    store.write(stored(event))

    [found] = store.events(EventQuery()).events
    assert len(found.payload) > 200_000


def test_readers_run_beside_the_writer_and_see_everything_once(store: EventStore) -> None:
    done = threading.Event()
    shown: list[EventId] = []
    failures: list[Exception] = []

    def follow() -> None:
        query = EventQuery(limit=50)
        try:
            while True:
                last_round = done.is_set()
                page = store.events(query)
                shown.extend(event.id for event in page.events)
                query = replace(query, cursor=page.cursor)
                if last_round and not page.more:
                    return
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    reader = threading.Thread(target=follow)
    reader.start()
    ids: set[EventId] = set()
    for first in range(1, 401, 20):
        written = stored(*[person(seq) for seq in range(first, first + 20)])
        ids.update(event.id for event in written)
        store.write(written)
    done.set()
    reader.join(30)

    assert failures == []
    assert len(shown) == len(set(shown)) == 400
    assert set(shown) == ids


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.check(),
        lambda store: store.events(EventQuery()),
        lambda store: store.counts(CountQuery(0, 1, 1)),
        lambda store: store.sequences(),
        lambda store: store.write(stored(person(1))),
    ],
)
def test_a_store_that_is_away_says_so(
    request: pytest.FixtureRequest, tmp_path: Path, ask: Callable[[EventStore], object]
) -> None:
    url = "http://127.0.0.1:9"  # the discard port, where nobody listens
    closed = DuckDbStore(tmp_path / "closed.duckdb")
    closed.close()
    away = FakeStore()
    away.close()
    stores: list[EventStore] = [
        InfluxDbStore(InfluxDbSettings(kind="influxdb", url=url)), closed, away,
    ]  # fmt: skip
    for one in stores:
        with pytest.raises(StoreAwayError):
            ask(one)


def test_check_returns_while_the_store_answers(store: EventStore) -> None:
    store.check()
    store.write(stored(person(1)))
    store.check()
    assert [row.count for row in store.sequences()] == [1], "asking changes nothing"
