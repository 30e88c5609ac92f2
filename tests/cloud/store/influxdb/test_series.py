"""The budget of series: what is beyond it shares a series, the same one at every delivery."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence

import pytest
from structlog.testing import capture_logs

from cloud.store.influxdb.influxql import Bindings, Database, InfluxQl, Series, StatementError
from cloud.store.influxdb.series import Limits, SeriesBudget
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import CountQuery, EventQuery, EventRecord, GroupBy, SequenceRow
from cloud.store.settings import InfluxDbSettings
from protos.ids import Lane
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import START_NS, crossing, person, stored

S = 1_000_000_000
Open = Callable[..., InfluxDbStore]


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
def opened(influx: InfluxDb, bucket: str) -> Iterator[Open]:
    with contextlib.ExitStack() as stack:

        def open_store(**given: object) -> InfluxDbStore:
            chosen = {"kind": "influxdb", "url": influx.url, "bucket": bucket, **given}
            store = InfluxDbStore(InfluxDbSettings.model_validate(chosen))
            return stack.enter_context(contextlib.closing(store))

        yield open_store


def counts(store: InfluxDbStore, group: GroupBy) -> dict[str, int]:
    rows = store.counts(CountQuery(START_NS, START_NS + S, 1, group_by=(group,)))
    return {row.group[0]: row.count for row in rows}


def stored_series(influx: InfluxDb, bucket: str) -> int:
    """Series of events in a bucket."""
    answer = json.loads(influx.query("SHOW SERIES", bucket))
    keys = [row[0] for one in answer["results"][0].get("series", []) for row in one["values"]]
    return sum(not key.startswith("journal") for key in keys)


def test_cameras_that_a_device_invents_share_a_series_and_are_found_by_name(
    influx: InfluxDb, bucket: str, opened: Open
) -> None:
    events = stored(*[person(seq, camera=f"cam-{seq}") for seq in range(1, 31)])
    with capture_logs() as logs:
        opened(series_per_device=6).write(events)
        opened(series_per_device=6).write(events[::-1])
        store = opened(series_per_device=6)
        store.write(events)

    assert stored_series(influx, bucket) == 7
    assert store.sequences() == [SequenceRow("cam-box", 7, Lane.STATE, 30, 30, 1, 30)]
    assert counts(store, "camera") == {**{f"cam-{n}": 1 for n in range(1, 7)}, "other": 24}
    for order in ("ingest", "captured"):
        query = EventQuery(camera="cam-20", order=order)
        assert store.events(query).events == (events[19],)
    alarms = [(log["device_id"], log["series"], log["limit"]) for log in logs]
    told = [("cam-box", 6, 6), ("cam-box", 7, 6), ("cam-box", 7, 6)]
    assert alarms == told, "each worker tells it once"

    store.write(stored(person(1, camera="cam-20"), device="other-box"))
    query = EventQuery(device="other-box")
    assert len(store.events(query).events) == 1
    by_camera = CountQuery(START_NS, START_NS + S, 1, ("camera",), device="other-box")
    assert store.counts(by_camera)[0].group == ("cam-20",)


def test_rules_and_kinds_that_nobody_knows_share_a_series_too(
    influx: InfluxDb, bucket: str, opened: Open
) -> None:
    newer = []
    for seq in range(21, 41):
        event = person(seq, class_name="")
        event.kind = 1000 + seq  # type: ignore[assignment]
        newer.append(event)
    events = stored(*[crossing(seq, rule=f"rule-{seq}") for seq in range(1, 21)], *newer)
    store = opened(series_per_camera=4)
    store.write(events)
    store.write(events)

    assert store.sequences()[0].count == 40
    assert stored_series(influx, bucket) <= 2 * 4 + 2
    for found in (events[15], events[35]):
        query = EventQuery(kind=found.kind, rule=found.rule, order="captured")
        assert store.events(query).events == (found,)


def test_the_bucket_has_a_limit_of_its_own_that_every_worker_keeps(
    influx: InfluxDb, bucket: str, opened: Open
) -> None:
    events = [
        event
        for seq in range(1, 21)
        for event in stored(person(seq, camera="door", class_name=f"class-{seq}"))
    ]
    with capture_logs() as logs:
        opened(series_in_all=8).write(events)
    assert [log["event"] for log in logs] == [
        "series budget of the bucket spent: further values of all devices become `other`"
    ]
    store = opened(series_in_all=8)
    store.write(events)
    store.write(stored(person(1), device="new-box"))

    assert stored_series(influx, bucket) == 8 + 2
    assert {row.device: row.count for row in store.sequences()} == {"cam-box": 20, "new-box": 1}


class Answers(InfluxQl):
    """A database that holds one device's series in memory, and counts how often it is asked."""

    def __init__(self, *keys: tuple[str, str, str, str, str], counts: bool = True) -> None:
        super().__init__("http://127.0.0.1:9", Database("wayside", ""), "", 1, None)
        self.keys = set(keys)
        self.readings = 0
        self._counts = counts

    def ask(self, statements: Sequence[str], bindings: Bindings) -> list[list[Series]]:
        if statements[0].startswith("SHOW SERIES"):
            if not self._counts:
                raise StatementError("not known")
            return [[Series("", {}, ["count"], [[len(self.keys)]])]]
        self.readings += 1
        names = ("camera", "kind", "class", "rule")
        return [
            [Series(key[0], dict(zip(names, key[1:], strict=True)), [], []) for key in self.keys]
        ]


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def seen(camera: str, class_name: str = "person") -> EventRecord:
    return stored(person(1, camera=camera, class_name=class_name))[0]


def key(camera: str, class_name: str = "person") -> tuple[str, str, str, str, str]:
    return ("object", camera, "object-started", class_name, "")


def test_a_device_without_room_is_not_looked_up_for_each_event() -> None:
    database = Answers(key("a"), key("b"))
    budget = SeriesBudget(database, Limits(50, 2, 100), Clock())

    tags = [budget.tags(seen(f"cam-{number}")) for number in range(500)]

    assert {one["camera"] for one in tags} == {"other"}
    assert database.readings == 1


def test_room_that_was_made_is_found_and_its_end_told_again() -> None:
    database, clock = Answers(key("a"), key("b")), Clock()
    budget = SeriesBudget(database, Limits(50, 2, 100), clock)
    with capture_logs() as logs:
        assert budget.tags(seen("c"))["camera"] == "other"
        clock.now_s += 61
        assert budget.tags(seen("c"))["camera"] == "other"
        assert len(logs) == 1

        database.keys = {key("a")}
        clock.now_s += 61
        assert budget.tags(seen("c"))["camera"] == "c"
        budget.written()
        database.keys.add(key("c"))
        assert budget.tags(seen("d"))["camera"] == "other"
        assert len(logs) == 2


def test_what_another_worker_admitted_is_used() -> None:
    database, clock = Answers(key("a")), Clock()
    budget = SeriesBudget(database, Limits(50, 2, 100), clock)
    assert budget.tags(seen("a"))["camera"] == "a"

    database.keys.add(key("b"))
    clock.now_s += 2

    assert budget.tags(seen("c"))["camera"] == "other"
    assert budget.tags(seen("b"))["camera"] == "b"


def test_what_was_not_written_has_no_place() -> None:
    database = Answers(key("a"))
    budget = SeriesBudget(database, Limits(50, 2, 100), Clock())
    assert budget.tags(seen("b"))["camera"] == "b"
    budget.forget()

    assert budget.tags(seen("c"))["camera"] == "c"


def test_a_server_that_does_not_count_series_is_counted_for() -> None:
    budget = SeriesBudget(Answers(key("a"), counts=False), Limits(50, 50, 3), Clock())

    cameras = [budget.tags(seen(name))["camera"] for name in ("a", "b", "c", "d", "b")]

    assert cameras == ["a", "b", "c", "other", "b"]
