"""Summaries that every EventStore answers alike: DuckDB, InfluxDB behind the facade, the fake."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.errors import QueryError, StoreAwayError
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import CountQuery, EventQuery, EventStore
from cloud.store.settings import InfluxDbSettings
from cloud.store.summaries import (
    MAX_RANGE_NS,
    DwellQuery,
    DwellRow,
    HeatQuery,
    LatestQuery,
    ZoneRow,
    ZonesQuery,
)
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.fake_store import FakeStore
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import START_NS, Event, crossing, person, stored

S = 1_000_000_000
UNTIL_NS = START_NS + 3600 * S


@pytest.fixture(scope="module")
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


def stay(seq: int, dwell_s: float, *, rule: str = "queue", zone: str = "desk") -> Event:
    """An object that left a zone."""
    event = crossing(seq, rule=rule, target=zone)
    event.kind = EventBatch.ZONE_EXITED
    event.rule_hit.dwell_s = dwell_s
    return event


def boxed(seq: int, top: float, left: float, *, size: float = 0.1) -> Event:
    event = person(seq)
    box = event.object.box
    box.top, box.left, box.width, box.height = top, left, size, size
    return event


def test_latest_of_each_camera_and_kind(store: EventStore) -> None:
    events = stored(
        person(1, START_NS + 5),
        person(2, START_NS + 3 * S),
        person(3, START_NS + 2 * S),
        crossing(4, START_NS + 1 * S),
        crossing(5, START_NS + 4 * S, rule="other-line"),
        person(6, START_NS + 1 * S, camera="yard"),
    )
    elsewhere = stored(person(1, START_NS + 9 * S), device="a-box")
    store.write([*events, *elsewhere])
    query = LatestQuery(START_NS, UNTIL_NS)

    assert store.latest(query) == [elsewhere[0], events[4], events[1], events[5]]
    assert store.latest(replace(query, device="cam-box", camera="door")) == [events[4], events[1]]
    assert store.latest(replace(query, kind="line-crossed")) == [events[4]]
    assert store.latest(replace(query, since_ns=START_NS + 10 * S)) == []


def test_a_clock_that_is_ahead_does_not_move_the_latest(store: EventStore) -> None:
    events = stored(person(1), person(2, UNTIL_NS + 86_400 * S), person(3, UNTIL_NS))
    store.write(events)

    assert store.latest(LatestQuery(START_NS, UNTIL_NS)) == [events[0]]


def test_top_zones(store: EventStore) -> None:
    store.write(
        stored(
            *[stay(seq, 1.0, zone="desk") for seq in (1, 2, 3)],
            *[stay(seq, 1.0, zone="door") for seq in (4, 5)],
            *[stay(seq, 1.0, rule="second", zone="desk") for seq in (6, 7)],
            *[stay(seq, 1.0, rule="third", zone="'; DROP") for seq in (8, 9)],
            crossing(10),
            person(11),
        )
    )
    query = ZonesQuery(START_NS, UNTIL_NS, kind="zone-exited")

    assert store.top_zones(query) == [
        ZoneRow("cam-box", "door", "desk", 5),
        ZoneRow("cam-box", "door", "'; DROP", 2),
        ZoneRow("cam-box", "door", "door", 2),
    ]
    assert len(store.top_zones(replace(query, limit=1))) == 1
    assert store.top_zones(replace(query, camera="yard")) == []
    assert store.top_zones(replace(query, kind="line-crossed"))[0].zone == "line-a"


def test_heat_map_of_box_centres(store: EventStore) -> None:
    store.write(
        stored(
            boxed(1, 0.0, 0.0),
            boxed(2, 0.0, 0.25),
            boxed(3, 0.71, 0.71),
            boxed(4, 0.95, 0.95),
            boxed(5, -3.0, 5.0),
            boxed(6, float("nan"), 0.5),
            Event(seq=7, camera="door", captured_ns=START_NS, kind=EventBatch.COUNTS),
        )
    )
    store.write(stored(boxed(1, 0.5, 0.5), device="a-box"))
    query = HeatQuery(START_NS, UNTIL_NS, "cam-box", "door", rows=2, columns=4)

    assert store.heat_map(query) == [[1, 1, 0, 1], [0, 0, 0, 2]]
    assert store.heat_map(replace(query, class_name="car")) == [[0] * 4] * 2
    assert sum(map(sum, store.heat_map(replace(query, rows=100, columns=100)))) == 5


def test_percentiles_of_dwell(store: EventStore) -> None:
    store.write(
        stored(
            *[stay(seq, seq / 4) for seq in range(1, 101)],
            *[stay(seq, float(seq), rule="second") for seq in (201, 202, 203)],
            stay(300, 7.5, rule="single"),
            crossing(301),
            person(302),
        )
    )
    query = DwellQuery(START_NS, UNTIL_NS)

    assert store.dwell(query) == [
        DwellRow("cam-box", "door", "queue", 100, (12.5, 22.5, 23.75, 24.75)),
        DwellRow("cam-box", "door", "second", 3, (202.0, 203.0, 203.0, 203.0)),
        DwellRow("cam-box", "door", "single", 1, (7.5, 7.5, 7.5, 7.5)),
    ]
    assert store.dwell(replace(query, rule="single"))[0].count == 1
    assert store.dwell(replace(query, device="a-box")) == []


HEAT = HeatQuery(0, 1, "cam-box", "door", 10, 10)
IN_RANGE: tuple[Callable[[EventStore], object], ...] = (
    lambda store: store.latest(LatestQuery(0, 1)),
    lambda store: store.top_zones(ZonesQuery(0, 1)),
    lambda store: store.heat_map(HEAT),
    lambda store: store.dwell(DwellQuery(0, 1)),
)
OUT_OF_RANGE: tuple[Callable[[EventStore], object], ...] = (
    lambda store: store.latest(LatestQuery(5, 5)),
    lambda store: store.latest(LatestQuery(-1, 5)),
    lambda store: store.latest(LatestQuery(0, MAX_RANGE_NS + 1)),
    lambda store: store.top_zones(ZonesQuery(0, 2**63)),
    lambda store: store.top_zones(ZonesQuery(0, 1, limit=0)),
    lambda store: store.top_zones(ZonesQuery(0, 1, limit=1001)),
    lambda store: store.heat_map(replace(HEAT, rows=0)),
    lambda store: store.heat_map(replace(HEAT, rows=101, columns=100)),
    lambda store: store.heat_map(replace(HEAT, camera="")),
    lambda store: store.dwell(DwellQuery(2, 1)),
)


def test_questions_out_of_range_are_refused(store: EventStore) -> None:
    for ask in OUT_OF_RANGE:
        with pytest.raises(QueryError):
            ask(store)


def test_an_answer_that_would_be_too_long_is_refused(tmp_path: Path) -> None:
    many = stored(*[stay(seq, 1.0, rule=f"rule-{seq}") for seq in range(1, 10_002)])
    stores: tuple[EventStore, ...] = (FakeStore(), DuckDbStore(tmp_path / "events.duckdb"))
    for store in stores:
        with contextlib.closing(store):
            store.write(many)
            with pytest.raises(QueryError, match="narrow it"):
                store.dwell(DwellQuery(START_NS, UNTIL_NS))


def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    closed = DuckDbStore(tmp_path / "closed.duckdb")
    closed.close()
    away = FakeStore()
    away.close()
    gone = InfluxDbSettings(kind="influxdb", url="http://127.0.0.1:9")
    with contextlib.closing(InfluxDbStore(gone)) as influx_store:
        for store in (closed, away, influx_store):
            for ask in IN_RANGE:
                with pytest.raises(StoreAwayError):
                    ask(store)


def test_counts_and_areas_of_a_rule_are_found_by_it(store: EventStore) -> None:
    """Whatever it found: InfluxDB keeps them apart."""
    counts, areas = crossing(2, rule="traffic"), crossing(3, rule="traffic")
    counts.kind, areas.kind = EventBatch.COUNTS, EventBatch.SEGMENTATION
    written = stored(crossing(1, rule="traffic"), counts, areas, crossing(4, rule="other-rule"))
    store.write(written)

    by_rule = store.events(EventQuery(rule="traffic", order="captured")).events
    assert [event.id.seq for event in by_rule] == [1, 2, 3]
    count = CountQuery(START_NS, UNTIL_NS, 3600, rule="traffic", group_by=("rule", "kind"))
    assert {row.group: row.count for row in store.counts(count)} == {
        ("traffic", "line-crossed"): 1, ("traffic", "counts"): 1, ("traffic", "segmentation"): 1,
    }  # fmt: skip
    for kind in ("line-crossed", "counts", "segmentation"):
        rows = store.top_zones(ZonesQuery(START_NS, UNTIL_NS, kind=kind))
        assert [(row.zone, row.count) for row in rows] == [
            ("line-a", 2 if kind == "line-crossed" else 1)
        ]
