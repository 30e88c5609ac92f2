"""Rollups in a real database: answers with them, when events go, when a round is cut off."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cloud.app.store import open_store
from cloud.settings import CloudSettings
from cloud.store.influxdb import lines
from cloud.store.influxdb.influxql import Bindings, Database, InfluxQl
from cloud.store.influxdb.rolling import Rolling
from cloud.store.influxdb.rollups import HOUR_NS, MINUTE_NS
from cloud.store.influxdb.store import InfluxDbStore
from cloud.store.port import GROUPS, CountQuery, CountRow, EventQuery
from cloud.store.settings import InfluxDbSettings
from tests.support.influx_rollups import RolledUpStore, rolled_up
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.processes import wait_until
from tests.support.stored import START_NS, crossing, person, stored

S = 1_000_000_000
BASE_NS = START_NS // HOUR_NS * HOUR_NS
WHOLE = CountQuery(BASE_NS, BASE_NS + 4 * HOUR_NS, 60, ("class",))


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings(influx: InfluxDb) -> InfluxDbSettings:
    return InfluxDbSettings(
        kind="influxdb", url=influx.url, bucket=influx.new_bucket(), series_per_camera=2
    )


@pytest.fixture
def rolled(settings: InfluxDbSettings) -> Iterator[RolledUpStore]:
    with rolled_up(settings) as made:
        yield made


@pytest.fixture
def plain(settings: InfluxDbSettings) -> Iterator[InfluxDbStore]:
    """The same bucket without rollups."""
    store = InfluxDbStore(settings.model_copy(update={"rollup_days": 0}))
    yield store
    store.close()


def fill(store: InfluxDbStore, hours: int = 3) -> None:
    """An event or two every 40 s of two devices; some classes are beyond the budget of series."""
    for device in ("a-box", "b-box"):
        found = []
        for seq in range(1, hours * 90 + 1):
            at_ns = BASE_NS + seq * 40 * S - 1
            if seq % 3:
                found.append(person(seq, at_ns, class_name=("person", "car", "cat")[seq % 5 % 3]))
            else:
                found.append(crossing(seq, at_ns, camera=("door", "yard")[seq % 2]))
        store.write(stored(*found, device=device))


def total(rows: Sequence[CountRow]) -> int:
    return sum(row.count for row in rows)


def test_answers_are_those_without_rollups(rolled: RolledUpStore, plain: InfluxDbStore) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + 2 * HOUR_NS + 17 * MINUTE_NS)
    groups = [(), *((name,) for name in GROUPS), ("kind", "class")]
    filters = [{}, {"kind": "object-started"}, {"class_name": "car"}, {"class_name": "cat"},
               {"class_name": "other"}, {"device": "a-box"}, {"rule": "door-line"}]  # fmt: skip
    ranges = [(0, 4 * HOUR_NS), (7 * S, HOUR_NS + 1), (HOUR_NS // 2, 2 * HOUR_NS + 18 * MINUTE_NS)]
    asked = [
        replace(WHOLE, since_ns=BASE_NS + since, until_ns=BASE_NS + until, interval_s=interval_s,
                group_by=group, **given)
        for since, until in ranges
        for interval_s in (60, 90, 3600, 86_400)
        for group in groups
        for given in filters
    ]  # fmt: skip
    asked = asked[::5]  # coprime with the numbers of each, so that all of them meet
    assert [rolled.store.counts(query) for query in asked] == [plain.counts(q) for q in asked]


def test_what_is_rolled_up_is_not_counted_from_the_points(rolled: RolledUpStore) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + 2 * HOUR_NS)
    assert rolled.reader.answer(WHOLE).left == [(BASE_NS + 2 * HOUR_NS, WHOLE.until_ns)]
    late_ns = BASE_NS + HOUR_NS + 30 * MINUTE_NS
    rolled.store.write(stored(person(999, late_ns), device="a-box"))
    assert (late_ns, late_ns + MINUTE_NS) in rolled.reader.answer(WHOLE).left
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    assert rolled.reader.answer(WHOLE).left == []
    assert total(rolled.store.counts(WHOLE)) == 2 * 270 + 1


def test_a_value_beyond_the_budget_is_asked_of_the_points(rolled: RolledUpStore) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    assert rolled.reader.answer(WHOLE).left == []
    assert rolled.reader.answer(replace(WHOLE, class_name="cat")).left != []


@pytest.mark.parametrize("device", ["", "a-box"])
def test_erased_events_are_not_counted(
    rolled: RolledUpStore, plain: InfluxDbStore, device: str
) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    before = total(rolled.store.counts(WHOLE))
    since_ns, until_ns = BASE_NS + HOUR_NS + 20 * S, BASE_NS + 2 * HOUR_NS + 30 * S
    rolled.store.delete(device, since_ns, until_ns)

    assert rolled.store.counts(WHOLE) == plain.counts(WHOLE)
    assert total(rolled.store.counts(WHOLE)) < before
    erased = (BASE_NS + HOUR_NS, BASE_NS + 2 * HOUR_NS + MINUTE_NS)
    assert rolled.reader.answer(WHOLE).left == [erased]
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    assert rolled.reader.answer(WHOLE).left == []
    assert rolled.store.counts(WHOLE) == plain.counts(WHOLE)


def test_a_round_that_is_cut_off_changes_no_answer(
    rolled: RolledUpStore, plain: InfluxDbStore
) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    for steps in (0, 1, 2):
        rolled.now_ns += 10 * S
        seq = 1000 + steps
        late = [person(seq, BASE_NS + hour * HOUR_NS + 5) for hour in range(3)]
        for event in late:
            rolled.store.write(stored(event, device="late-box", boot=event.captured_ns % 97 + 1))
        list(islice(rolled.new_job().rounds(), steps))
        assert rolled.store.counts(WHOLE) == plain.counts(WHOLE)
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    assert rolled.store.counts(WHOLE) == plain.counts(WHOLE)


def test_what_an_ended_epoch_left_is_to_be_deleted(rolled: RolledUpStore) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + HOUR_NS)
    [old] = rolled.tables.states()
    rolled.roll_up(BASE_NS + 26 * HOUR_NS)
    assert rolled.forgotten == [old]


def test_rollups_show_in_no_other_question(rolled: RolledUpStore, plain: InfluxDbStore) -> None:
    fill(rolled.store)
    before = plain.events(EventQuery(limit=1000)), plain.sequences()
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    assert (plain.events(EventQuery(limit=1000)), plain.sequences()) == before


def test_rollups_spend_no_series(settings: InfluxDbSettings, rolled: RolledUpStore) -> None:
    fill(rolled.store)
    rolled.roll_up(BASE_NS + 4 * HOUR_NS)
    database = InfluxQl(settings.url, Database.of_bucket(settings.bucket), "", 30, None)
    [answer] = database.ask(["SHOW SERIES EXACT CARDINALITY"], Bindings())
    database.close()
    events = sum(s.rows[0][0] for s in answer if s.name in lines.MEASUREMENTS)
    journal = sum(s.rows[0][0] for s in answer if s.name == "journal")
    full = settings.model_copy(update={"series_in_all": events + journal + 1})
    with closing(InfluxDbStore(full)) as store:
        store.write(stored(person(900, BASE_NS, camera="new"), device="new-box"))
        [event] = store.events(EventQuery(device="new-box")).events
        assert store.counts(replace(WHOLE, device="new-box", group_by=("camera",)))[0].group == (
            "new",
        )
        assert event.camera == "new"


def test_a_minute_with_too_many_groups_is_counted_from_its_points(
    settings: InfluxDbSettings, rolled: RolledUpStore
) -> None:
    groups = {("object-started", f"class-{number:060}"): 1 for number in range(1000)}
    rolled.tables.write_rollups("some-epoch", 1, {BASE_NS: groups, BASE_NS + MINUTE_NS: {}})
    found = rolled.tables.rollups("some-epoch", (BASE_NS, BASE_NS + HOUR_NS))
    assert found == {BASE_NS: None, BASE_NS + MINUTE_NS: {}}


def test_an_open_store_rolls_up_by_itself(settings: InfluxDbSettings) -> None:
    now_ns = time.time_ns()
    asked = CountQuery(now_ns - 8 * HOUR_NS, now_ns, 60, ("class",))
    events = [person(seq, now_ns - seq * 7 * MINUTE_NS) for seq in range(1, 61)]
    with closing(InfluxDbStore(settings)) as store:
        store.write(stored(*events))
    with closing(InfluxDbStore(settings, rolls_up=True)) as store, rolled_up(settings) as rolled:
        rolled.now_ns = now_ns

        def is_rolled_up() -> bool:
            left = rolled.reader.answer(asked).left  # with the hour before the first event
            return sum(until - since for since, until in left) < 2 * HOUR_NS

        wait_until(is_rolled_up, "rollups of eight hours")
        assert total(store.counts(asked)) == 60


def test_rounds_outlive_a_database_that_is_away(tmp_path: Path) -> None:
    server = influxdb(tmp_path)
    server.start()
    settings = InfluxDbSettings(kind="influxdb", url=server.url, bucket=server.bucket)
    database = InfluxQl(settings.url, Database.of_bucket(settings.bucket), "", 5, None)
    with closing(InfluxDbStore(settings)) as store:
        store.write(stored(person(1, time.time_ns() - HOUR_NS)))
        server.kill()
        with capture_logs() as logs:
            rolling = Rolling(settings, database, every_s=0.05)
            rolling.start()
            wait_until(
                lambda: "events not rolled up" in [line["event"] for line in logs], "a failure"
            )
            server.start()
            with rolled_up(settings) as rolled:
                wait_until(
                    lambda: any(s.since_ns < s.until_ns for s in rolled.tables.states().values()),
                    "a round that does not fail",
                )
                states = rolled.tables.states()
            rolling.stop()
    assert any(state.since_ns < state.until_ns for state in states.values())
    database.close()
    server.stop()


@pytest.mark.parametrize(
    ("rollup_days", "rolls_up", "running"), [(35, True, True), (35, False, False), (0, True, False)]
)
def test_a_thread_rolls_up_where_it_is_wanted(
    settings: InfluxDbSettings, rollup_days: int, rolls_up: bool, running: bool
) -> None:
    chosen = settings.model_copy(update={"rollup_days": rollup_days})
    store = open_store(CloudSettings(store=chosen), rolls_up=rolls_up)
    names = [thread.name for thread in threading.enumerate()]
    store.close()
    assert ("rollups" in names) == running
    assert "rollups" not in [thread.name for thread in threading.enumerate()]
