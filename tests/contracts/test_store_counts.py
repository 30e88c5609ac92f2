"""Counts are those of the events one by one, whatever was rolled up when: DuckDB, InfluxDB."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import GROUPS, CountQuery, EventRecord, EventStore
from cloud.store.settings import InfluxDbSettings
from tests.support.fake_store import FakeStore
from tests.support.influx_rollups import rolled_up
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.stored import START_NS, crossing, person, stored

S = 1_000_000_000
MINUTE_NS, HOUR_NS = 60 * S, 3600 * S
BASE_NS = START_NS // HOUR_NS * HOUR_NS

RollUp = Callable[[int], object]
"""Rolls up at a time, or does nothing where nothing is rolled up."""

times = st.builds(
    lambda minute, offset: BASE_NS + minute * MINUTE_NS + offset,
    st.sampled_from((0, 1, 2, 30, 58, 59, 60, 61, 119, 120, 179)),
    st.sampled_from((0, 1, 1000, S, 59 * S, MINUTE_NS - 1)),
)


@st.composite
def events(draw: st.DrawFn) -> list[EventRecord]:
    """Events of a few devices and classes, in any order of time."""
    found = []
    for seq in range(1, draw(st.integers(1, 25)) + 1):
        captured_ns = draw(times)
        class_name = draw(st.sampled_from(("person", "car", "")))
        if draw(st.booleans()):
            event = person(seq, captured_ns, class_name=class_name)
        else:
            event = crossing(seq, captured_ns, camera=draw(st.sampled_from(("door", "yard"))))
        found += stored(event, device=draw(st.sampled_from(("a-box", "b-box"))))
    return found


@st.composite
def questions(draw: st.DrawFn) -> CountQuery:
    since_ns, until_ns = sorted((draw(times), draw(times)))
    return CountQuery(
        since_ns=since_ns,
        until_ns=until_ns + draw(st.sampled_from((1, MINUTE_NS, HOUR_NS))),
        interval_s=draw(st.sampled_from((7, 60, 90, 600, 3600, 7200, 86_400))),
        group_by=tuple(draw(st.lists(st.sampled_from(GROUPS), unique=True))),
        device=draw(st.sampled_from(("", "a-box"))),
        class_name=draw(st.sampled_from(("", "car"))),
        rule=draw(st.sampled_from(("", "door-line"))),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[list[EventRecord] | int]:
    """Writes, some of them again and late, and moments at which is rolled up."""
    pool = draw(events())
    writes = st.lists(st.sampled_from(pool), max_size=12)
    return draw(st.lists(st.one_of(writes, times), min_size=1, max_size=10))


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


def holds(
    store: EventStore, roll_up: RollUp, history: list[list[EventRecord] | int],
    asked: list[CountQuery],
) -> None:  # fmt: skip
    """Every answer after every step is the one of a store that counts events one by one."""
    plain = FakeStore()
    for step in history:
        if isinstance(step, int):
            roll_up(step)
        else:
            store.write(step)
            plain.write(step)
        for query in asked:
            assert store.counts(query) == plain.counts(query), query


@settings(max_examples=25, deadline=None)
@given(histories(), st.lists(questions(), min_size=1, max_size=3))
def test_duckdb(history: list[list[EventRecord] | int], asked: list[CountQuery]) -> None:
    with (
        TemporaryDirectory() as folder,
        contextlib.closing(DuckDbStore(Path(folder) / "events.duckdb")) as store,
    ):
        holds(store, lambda now_ns: list(store.roll_up(lambda: now_ns)), history, asked)


@settings(max_examples=25, deadline=None)
@given(history=histories(), asked=st.lists(questions(), min_size=1, max_size=2))
def test_influxdb(
    influx: InfluxDb, history: list[list[EventRecord] | int], asked: list[CountQuery]
) -> None:
    bucket = InfluxDbSettings(kind="influxdb", url=influx.url, bucket=influx.new_bucket())
    with rolled_up(bucket) as rolled:
        holds(rolled.store, rolled.roll_up, history, asked)
