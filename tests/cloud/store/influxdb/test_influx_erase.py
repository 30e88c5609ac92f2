"""What InfluxDB 2.x is asked to delete, and servers that can't."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from cloud.errors import StoreAwayError
from cloud.store.influxdb.lines import MEASUREMENTS
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.settings import InfluxDbSettings
from tests.support.influxdb_v2_deletes import DeletingInfluxDb, deleting_influxdb

SINCE_NS, UNTIL_NS = 1_750_000_000_000_001_000, 1_750_000_060_000_000_000
BEGIN = "1970-01-01T00:00:00.000000000Z"


@pytest.fixture
def server() -> Iterator[DeletingInfluxDb]:
    with deleting_influxdb() as made:
        yield made


@pytest.fixture
def store(server: DeletingInfluxDb) -> Iterator[InfluxDbStore]:
    settings = InfluxDbSettings(kind="influxdb", url=server.url, bucket="events")
    with closing(InfluxDbStore(settings)) as made:
        yield made


def test_2x_deletes_each_measurement_to_the_nanosecond(
    server: DeletingInfluxDb, store: InfluxDbStore
) -> None:
    store.delete("cam-box", SINCE_NS, UNTIL_NS)
    store.delete("", SINCE_NS, UNTIL_NS)

    times = {"start": "2025-06-15T15:06:40.000001000Z", "stop": "2025-06-15T15:07:39.999999999Z"}
    one = [{**times, "predicate": f'_measurement="{m}" AND device="cam-box"'} for m in MEASUREMENTS]
    every = [{**times, "predicate": f'_measurement="{m}"'} for m in MEASUREMENTS]
    rollups = {**times, "start": "2025-06-15T15:06:00.000000000Z",
               "predicate": '_measurement="rollup"'}  # fmt: skip
    requests = [*one, rollups, *every, rollups]
    assert server.deletes == [("events", request) for request in requests]


def test_a_mark_is_written_before_and_after(server: DeletingInfluxDb, store: InfluxDbStore) -> None:
    store.delete("cam-box", SINCE_NS, UNTIL_NS)
    begun = ["cam-box", SINCE_NS, UNTIL_NS, False]
    assert server.marks == [begun, [*begun[:3], True]]

    server.status = 500
    with pytest.raises(StoreAwayError):
        store.delete("", SINCE_NS, UNTIL_NS)
    assert server.marks[2:] == [["", SINCE_NS, UNTIL_NS, False]]


@pytest.mark.parametrize("is_old", [False, True])
def test_the_journal_of_a_device_without_events_goes_but_each_writers_newest(
    server: DeletingInfluxDb, store: InfluxDbStore, is_old: bool
) -> None:
    server.is_old = is_old
    server.journal = [
        ("cam-box", "w1", 5000), ("cam-box", "w2", 9000), ("other-box", "w1", 7000),
        ("busy-box", "w1", 8000),
    ]  # fmt: skip
    server.devices_left = {"busy-box", "other-box"}
    store.delete("", SINCE_NS, UNTIL_NS)

    stop = "1970-01-01T00:00:00.00000{}Z"
    assert [request for _, request in server.deletes[len(MEASUREMENTS) + 1 :]] == [
        {"start": BEGIN, "stop": stop.format("5000"),
         "predicate": '_measurement="journal" AND device="cam-box" AND writer="w1"'},
        {"start": BEGIN, "stop": stop.format("8999"),
         "predicate": '_measurement="journal" AND device="cam-box" AND writer="w2"'},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "status", "says"),
    [
        ("v3.1.0", 204, "deletes no single events"),
        ("v2.7.12", 401, "401: "),
        ("", 204, "names no version"),
    ],
)
def test_what_is_not_deleted_is_told(
    server: DeletingInfluxDb, store: InfluxDbStore, version: str, status: int, says: str
) -> None:
    server.version, server.status = version, status
    with pytest.raises(StoreAwayError, match=says):
        store.delete("cam-box", SINCE_NS, UNTIL_NS)
