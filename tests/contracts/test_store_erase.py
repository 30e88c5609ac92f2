"""Deletion in every EventStore: DuckDB, InfluxDB behind the facade, and the fake."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.errors import QueryError
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import CountQuery, EventQuery, EventRecord, EventStore
from cloud.store.records import MAX_CAPTURED_NS
from cloud.store.settings import InfluxDbSettings
from protos.ids import Lane
from tests.support.fake_store import FakeStore
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import START_NS, crossing, person, stored
from tests.support.ten_answers import everything, ten_answers

MS = 1_000_000
END_NS = MAX_CAPTURED_NS + 1
EVERY_MS = 100 * MS

Open = Callable[[], EventStore]


@pytest.fixture(scope="session")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["fake", "duckdb", "influxdb"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the one store; after it was closed, again."""
    if request.param == "fake":
        fake = FakeStore()

        def reopened() -> EventStore:
            fake.away = False
            return fake

        return reopened
    if request.param == "duckdb":
        return lambda: DuckDbStore(tmp_path / "events.duckdb")
    server: InfluxDb = request.getfixturevalue("influx")
    settings = InfluxDbSettings(kind="influxdb", url=server.url, bucket=server.new_bucket())
    return lambda: InfluxDbStore(settings)


@pytest.fixture
def store(opened: Open) -> Iterator[EventStore]:
    with contextlib.closing(opened()) as made:
        yield made


def seqs(store: EventStore, query: EventQuery | None = None) -> list[int]:
    return [event.id.seq for event in everything(store, query or EventQuery())]


def test_a_range_of_one_device_goes_and_nothing_else(store: EventStore) -> None:
    for device in ("cam-box", "other-box"):
        store.write(stored(*[person(seq) for seq in range(1, 9)], device=device))
    store.write(stored(crossing(20), crossing(21), lane=Lane.ALARM))
    other = [event for event in everything(store, EventQuery()) if event.id.device == "other-box"]

    store.delete("cam-box", START_NS + 3 * MS, START_NS + 21 * MS)

    assert seqs(store, EventQuery(device="cam-box")) == [1, 2, 21]
    assert everything(store, EventQuery(device="other-box")) == other
    [row] = store.counts(CountQuery(START_NS, START_NS + EVERY_MS, 3600, device="cam-box"))
    assert row.count == 3
    assert [row.count for row in store.sequences("cam-box")] == [1, 2]


def test_a_range_of_all_devices_is_exact_to_the_microsecond(store: EventStore) -> None:
    at_ns = START_NS + MS
    written = [
        *stored(person(999, at_ns - 1), person(1000, at_ns), person(1999, at_ns + 999)),
        *stored(person(1, at_ns + 1000), device="other-box"),
    ]
    store.write(written)

    store.delete("", at_ns, at_ns + 1000)

    assert seqs(store) == [999, 1]


def test_all_of_a_device_goes_and_others_answer_as_before(store: EventStore) -> None:
    for device in ("cam-box", "other-box"):
        store.write(
            stored(*[crossing(seq) if seq % 2 else person(seq) for seq in range(1, 41)],
                   device=device)
        )  # fmt: skip
    before = ten_answers(store, "other-box")
    assert [bool(answer) for answer in before] == [True] * 10

    for _ in range(2):  # again changes nothing
        store.delete("cam-box", 0, END_NS)
        assert ten_answers(store, "other-box") == before
        assert everything(store, EventQuery(device="cam-box")) == []
        assert not any(ten_answers(store, "cam-box"))


def test_followers_miss_nothing_that_comes_afterwards(opened: Open) -> None:
    found: list[EventRecord] = []
    query = EventQuery(limit=4)
    with contextlib.closing(opened()) as store:
        store.write(stored(*[person(seq) for seq in range(1, 7)]))
        store.write(stored(person(1), device="other-box"))
        page = store.events(query)
        store.delete("cam-box", 0, END_NS)
        page = store.events(replace(query, cursor=page.cursor))
        assert [event.id.device for event in page.events] == ["other-box"]
        query = replace(query, cursor=page.cursor)
        store.delete("", 0, END_NS)
    with contextlib.closing(opened()) as store:
        store.write(stored(person(7), person(8)))
        while True:
            page = store.events(query)
            found += page.events
            if not page.more:
                break
            query = replace(query, cursor=page.cursor)
        assert [event.id.seq for event in found] == [7, 8]


def test_an_open_store_goes_on_when_the_bytes_are_gone(store: EventStore) -> None:
    for device in ("cam-box", "other-box"):
        store.write(stored(*[crossing(seq) for seq in range(1, 9)], device=device))
    before = ten_answers(store, "other-box")
    page = store.events(EventQuery(limit=16))

    store.delete("cam-box", 0, END_NS)
    for _ in range(2):  # again changes nothing
        store.expunge()
        assert ten_answers(store, "other-box") == before
        assert everything(store, EventQuery(device="cam-box")) == []

    store.write(stored(person(9), device="other-box"))
    following = store.events(EventQuery(limit=16, cursor=page.cursor))
    assert [event.id.seq for event in following.events] == [9]


def test_an_erased_event_may_be_written_again(store: EventStore) -> None:
    written = stored(person(1), person(2))
    store.write(written)
    store.delete("", 0, END_NS)
    store.write(written)

    assert seqs(store) == [1, 2]


def test_ranges_out_of_bounds_are_refused(store: EventStore) -> None:
    for since_ns, until_ns in ((5000, 5000), (-1000, 5000), (0, 2**63), (1, 5000), (0, 1)):
        with pytest.raises(QueryError):
            store.delete("", since_ns, until_ns)
