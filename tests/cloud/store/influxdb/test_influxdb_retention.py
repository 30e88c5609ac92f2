"""How long a bucket keeps events: the real 1.x, a 2.x by its documented answers, a 3.x."""

import contextlib
import json
from collections.abc import Iterator

import pytest

from cloud.errors import StoreAwayError
from cloud.store.influxdb.access import access_of
from cloud.store.influxdb.retention import InfluxDbRetention
from cloud.store.settings import InfluxDbSettings
from tests.support.influxdb import InfluxDb, influxdb
from tests.support.influxdb_v2 import InfluxDbV2, influxdb_v2


@pytest.fixture(scope="module")
def influx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    server = influxdb(tmp_path_factory.mktemp("influxdb"))
    server.start()
    yield server
    server.stop()


@contextlib.contextmanager
def opened(url: str, bucket: str, days: int | None) -> Iterator[InfluxDbRetention]:
    settings = InfluxDbSettings(kind="influxdb", url=url, bucket=bucket, retention_days=days)
    with contextlib.closing(InfluxDbRetention(settings, *access_of(settings))) as retention:
        yield retention


def applied(url: str, bucket: str, days: int | None) -> tuple[str, ...]:
    """What had to be changed; afterwards nothing has to be."""
    with opened(url, bucket, days) as retention:
        changes = retention.plan().changes
        if changes:
            assert list(retention.carry_out()) == [1]
    with opened(url, bucket, days) as retention:
        assert retention.plan().changes == ()
    return changes


def policies(influx: InfluxDb, database: str) -> dict[str, tuple[str, str]]:
    """Durations of policies and of their shard groups, by name."""
    answer = json.loads(influx.query(f'SHOW RETENTION POLICIES ON "{database}"'))
    rows = answer["results"][0]["series"][0]["values"]
    return {name: (duration, shard) for name, duration, shard, *_ in rows}


def test_the_default_policy_of_a_database_is_changed(influx: InfluxDb) -> None:
    bucket = influx.new_bucket()

    assert applied(influx.url, bucket, 30) == ("it keeps everything; change: it keeps 30 days",)
    assert policies(influx, bucket) == {"autogen": ("720h0m0s", "168h0m0s")}
    assert applied(influx.url, bucket, 30) == ()
    [change] = applied(influx.url, bucket, 1)
    assert change == "it keeps 30 days; change: it keeps 1 day"
    assert policies(influx, bucket) == {"autogen": ("24h0m0s", "1h0m0s")}


def test_a_named_policy_is_made_and_changed_and_others_are_left_alone(influx: InfluxDb) -> None:
    database = influx.new_bucket()

    assert applied(influx.url, f"{database}/short", 3) == ("create the bucket, which keeps 3 days",)
    assert applied(influx.url, f"{database}/short", 365) != ()
    found = policies(influx, database)
    assert found["short"][0] == "8760h0m0s"
    assert found["autogen"][0] == "0s"


@pytest.mark.parametrize("name", ["brand new", 'with "quotes"', "a'b;DROP"])
def test_a_database_that_is_missing_is_made(influx: InfluxDb, name: str) -> None:
    assert applied(influx.url, name, 7) == ("create the bucket, which keeps 7 days",)
    names = json.loads(influx.query("SHOW DATABASES"))["results"][0]["series"][0]["values"]
    assert [name] in names


def test_a_missing_database_that_keeps_everything(influx: InfluxDb) -> None:
    [change] = applied(influx.url, "for-ever", None)
    assert change == "create the bucket, which keeps everything"
    assert policies(influx, "for-ever")["autogen"][0] == "0s"


def test_without_days_the_bucket_is_left_as_it_is(influx: InfluxDb) -> None:
    bucket = influx.new_bucket()
    applied(influx.url, bucket, 30)

    with opened(influx.url, bucket, None) as retention:
        plan = retention.plan()
    assert plan.changes == ()
    assert plan.notes == ("retention_days is not set: left as it is; it keeps 30 days",)
    assert plan.store.startswith("InfluxDB 1.6.7")


def test_shorter_retention_says_that_events_go(influx: InfluxDb) -> None:
    with opened(influx.url, influx.new_bucket(), 30) as retention:
        assert any("for good" in note for note in retention.plan().notes)


@pytest.fixture
def second() -> Iterator[InfluxDbV2]:
    with influxdb_v2() as server:
        yield server


def test_a_bucket_of_2_x_is_made_and_changed(second: InfluxDbV2) -> None:
    assert applied(second.url, "events", 30) == ("create the bucket, which keeps 30 days",)
    assert second.retention == {"events": 30 * 86_400}
    assert applied(second.url, "events", 90) == ("it keeps 30 days; change: it keeps 90 days",)
    assert second.retention == {"events": 90 * 86_400}
    assert applied(second.url, "events", None) == ()
    assert applied(second.url, "for-ever", None) == ("create the bucket, which keeps everything",)
    assert second.retention["for-ever"] == 0


def test_a_token_without_the_right_is_told(second: InfluxDbV2) -> None:
    second.forbidden = True
    with (
        opened(second.url, "events", 30) as retention,
        pytest.raises(StoreAwayError, match="403: insufficient permissions"),
    ):
        retention.plan()


def test_3_x_says_what_to_do_instead(second: InfluxDbV2) -> None:
    second.version = "3.2.1"
    with opened(second.url, "events", 30) as retention:
        plan = retention.plan()
        assert list(retention.carry_out()) == []
    assert plan.changes == ()
    assert "influxdb3 create database --retention-period 30d events" in plan.notes[0]


def test_what_is_no_influxdb_is_told(second: InfluxDbV2) -> None:
    second.version = ""
    with pytest.raises(StoreAwayError, match="names no version"), opened(second.url, "x", 1):
        pass
    with pytest.raises(StoreAwayError, match="no answer"), opened("http://127.0.0.1:9", "x", 1):
        pass
