"""The journal is read in whole writes, whatever of them the database shows first."""

import itertools
import json
import threading
from collections.abc import Iterator

import pytest

from cloud.store.influxdb.influxql import Database, InfluxQl
from cloud.store.influxdb.journal import Journal, Places
from cloud.store.port import EventQuery, EventRecord
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import person, stored

DEVICES = [f"cam-{number}" for number in range(30)]
LIMIT = 1000


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(influx: InfluxDb) -> str:
    return influx.new_bucket()


@pytest.fixture
def journal(influx: InfluxDb, bucket: str) -> Iterator[Journal]:
    database = InfluxQl(influx.url, Database.of_bucket(bucket), "", 30, None)
    yield Journal(database, "ingest")
    database.close()


def seen(seq: int, devices: list[str]) -> list[EventRecord]:
    return [event for name in devices for event in stored(person(seq), device=name)]


def read(journal: Journal, places: Places) -> list[tuple[str, int]]:
    """Devices and seqs that come after the places, which are moved."""
    entries, _ = journal.entries(EventQuery(), places, LIMIT)
    for entry in entries:
        places[entry.writer] = (entry.at_ns, entry.run.last_seq)
    return [(entry.device, entry.run.last_seq) for entry in entries]


def test_nothing_of_a_write_is_read_before_all_of_it_is_there(
    influx: InfluxDb, bucket: str, journal: Journal
) -> None:
    places: Places = {}
    for seq in (1, 2):
        first, *others, last = journal.lines_for(seen(seq, DEVICES))
        influx.write(bucket, last)
        assert read(journal, places) == []
        influx.write(bucket, "\n".join(others))
        assert read(journal, places) == []
        influx.write(bucket, first)
        assert read(journal, places) == [(name, seq) for name in DEVICES]


def test_nor_before_all_fields_of_its_points_are_there(
    influx: InfluxDb, bucket: str, journal: Journal
) -> None:
    [line] = journal.lines_for(seen(1, ["cam-box"]))
    series, fields, at_ns = line.split(" ")
    places: Places = {}
    for field in sorted(fields.split(","), reverse=True):
        assert read(journal, places) == []
        influx.write(bucket, f"{series} {field} {at_ns}")
    assert read(journal, places) == [("cam-box", 1)]


def test_a_write_that_was_cut_off_keeps_back_itself_alone(
    influx: InfluxDb, bucket: str, journal: Journal
) -> None:
    influx.write(bucket, "\n".join(journal.lines_for(seen(1, DEVICES))))
    influx.write(bucket, journal.lines_for(seen(2, DEVICES))[5])
    places: Places = {}
    assert len(read(journal, places)) == len(DEVICES)

    influx.write(bucket, "\n".join(journal.lines_for(seen(2, DEVICES))))
    assert {device for device, _ in read(journal, places)} == set(DEVICES)


def test_a_reader_at_the_writers_heels_skips_nothing(
    influx: InfluxDb, bucket: str, journal: Journal
) -> None:
    done = threading.Event()

    def write() -> None:
        for seq in range(1, 101):
            influx.write(bucket, "\n".join(journal.lines_for(seen(seq, DEVICES))))
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    places: Places = {}
    found: list[tuple[str, int]] = []
    ended = False
    while not ended:
        ended = done.is_set()
        while some := read(journal, places):
            found += some
    writer.join()

    answer = json.loads(influx.query('SELECT count("first_seq") FROM "journal"', bucket))
    assert answer["results"][0]["series"][0]["values"][0][1] == 100 * len(DEVICES)
    assert sorted(found) == sorted(itertools.product(DEVICES, range(1, 101)))
