"""The schema of the fleet's database, on a real SQLite file and a real PostgreSQL."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cloud.errors import StartError
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.database import FleetDatabase, upgrade
from cloud.fleet.devices import Devices, Recorded
from cloud.fleet.keys import Keys
from cloud.fleet.lifecycle import Lifecycle
from cloud.fleet.presence import Presence
from cloud.fleet.schema import METADATA
from tests.support.fleet import heartbeat
from tests.support.postgresql import Postgresql
from tests.support.processes import together

BY = Actor("user:root", "here")
NEWEST = "0007"
FIRST_LAYOUT = """
CREATE TABLE devices (
    device_id VARCHAR(63) NOT NULL, first_seen_ns BIGINT NOT NULL, last_seen_ns BIGINT NOT NULL,
    boot VARCHAR(16) NOT NULL, session VARCHAR(16) NOT NULL, seq BIGINT NOT NULL,
    status INTEGER NOT NULL, past_boots TEXT NOT NULL, state {blob} NOT NULL,
    PRIMARY KEY (device_id)
)
"""
SECOND_LAYOUT = """
CREATE TABLE api_keys (
    key_id VARCHAR(12) NOT NULL, digest {blob} NOT NULL, label VARCHAR(100) NOT NULL,
    role VARCHAR(16) NOT NULL, created_by VARCHAR(200) NOT NULL, created_ns BIGINT NOT NULL,
    expires_ns BIGINT NOT NULL, revoked_ns BIGINT, last_used_ns BIGINT, PRIMARY KEY (key_id)
);
CREATE TABLE audit (
    number {number}, at_ns BIGINT NOT NULL,
    actor VARCHAR(200) NOT NULL, origin VARCHAR(200) NOT NULL, action VARCHAR(200) NOT NULL,
    target VARCHAR(200) NOT NULL, outcome VARCHAR(200) NOT NULL
);
INSERT INTO audit (at_ns, actor, origin, action, target, outcome)
    VALUES (1, 'user:root', 'here', 'key.create', 'x', 'done');
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0002')
"""


@pytest.fixture
def url(empty_url: str) -> str:
    """Without tables: which ones come, and how, is what these tests are about."""
    return empty_url


@pytest.fixture
def database(url: str) -> Iterator[FleetDatabase]:
    upgrade(url)
    with closing(FleetDatabase(url)) as made:
        yield made


def test_a_database_of_the_first_layout_is_adopted_with_its_rows(url: str) -> None:
    blob = "BLOB" if url.startswith("sqlite") else "BYTEA"
    state = heartbeat().SerializeToString()
    run(url, FIRST_LAYOUT.format(blob=blob),
        "INSERT INTO devices VALUES ('cam-box', 1, 2, 'ffffffffffffffff', '0000000000000003', 1, "
        f"2, '', {hexadecimal(state, url)})")  # fmt: skip

    done = upgrade(url)
    assert (done.before, done.after) == ("0001", NEWEST)
    with closing(FleetDatabase(url)) as database:
        [device] = Devices(database).page()
        assert (device.first_seen_ns, device.last_seen_ns) == (1, 2)
        assert device.heard is not None
        assert device.heard.state == heartbeat()
        assert Devices(database).record(heartbeat(seq=2)) is Recorded.KEPT
        Keys(database, Audit(database)).create("first", Role.ADMIN, BY)


def test_devices_of_the_second_schema_are_judged_by_what_they_told(url: str) -> None:
    blob = "BLOB" if url.startswith("sqlite") else "BYTEA"
    number = (
        "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT" if blob == "BLOB" else "BIGSERIAL PRIMARY KEY"
    )
    slow = heartbeat("slow-box")
    slow.heartbeat_interval_s = 600
    rows = [
        f"INSERT INTO devices VALUES ('{state.device}', 1, {seen_ns}, '00000000000000aa', "
        f"'0000000000000003', 1, 2, '00000000000000bb', "
        f"{hexadecimal(state.SerializeToString(), url)})"
        for state, seen_ns in ((heartbeat("cam-box"), 2), (slow, 3))
    ]
    run(
        url,
        FIRST_LAYOUT.format(blob=blob),
        *rows,
        *SECOND_LAYOUT.format(blob=blob, number=number).split(";"),
    )

    done = upgrade(url)
    assert (done.before, done.after) == ("0002", NEWEST)
    with closing(FleetDatabase(url)) as database:
        devices = Devices(database, lambda: 95 * 10**9)
        fast, slow_found = devices.page()
        assert (fast.presence, fast.since_ns) == (Presence.LATE, 90 * 10**9 + 2)
        assert (slow_found.presence, slow_found.since_ns) == (Presence.ONLINE, 3)
        assert (fast.first_seen_ns, fast.registered_ns, fast.decommissioned_ns) == (1, None, None)
        assert devices.record(heartbeat("cam-box", boot=0xBB, seq=9)) is Recorded.OLDER
        assert devices.record(heartbeat("cam-box", boot=0xAA, seq=2)) is Recorded.KEPT
        assert [entry.action for entry in Audit(database).page()] == ["key.create"]
        Lifecycle(database, Audit(database)).register("new-box", BY)


def test_migrations_make_the_tables_that_the_program_knows(database: FleetDatabase) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_migration_twice_or_by_several_at_once_is_one(url: str) -> None:
    done = []
    together(*(lambda: done.append(upgrade(url)) for _ in range(3)))
    assert sorted(one.before for one in done) == ["", NEWEST, NEWEST]
    assert {one.after for one in done} == {NEWEST}


def test_a_table_of_somebody_else_is_left_alone(url: str) -> None:
    run(url, "CREATE TABLE devices (serial INTEGER)")
    with pytest.raises(StartError, match="not Wayside's"):
        upgrade(url)
    with pytest.raises(StartError, match="not Wayside's"):
        FleetDatabase(url)


def test_a_newer_schema_is_refused(url: str) -> None:
    upgrade(url)
    run(url, "UPDATE alembic_version SET version_num = '9999'")
    for opening in (upgrade, FleetDatabase):
        with pytest.raises(StartError, match="newer Wayside"):
            opening(url)


def test_postgresql_is_only_checked_at_the_start(postgresql: Postgresql) -> None:
    url = postgresql.new_database()
    with pytest.raises(StartError, match="has no tables yet.*wayside-cloud fleet migrate"):
        FleetDatabase(url)
    run(url, FIRST_LAYOUT.format(blob="BYTEA"))
    with pytest.raises(StartError, match=f"has schema 0001, .* needs {NEWEST}: .*fleet migrate"):
        FleetDatabase(url)
    assert upgrade(url).before == "0001"


def test_connections_that_the_server_cut_are_replaced(postgresql: Postgresql) -> None:
    url = postgresql.new_database()
    upgrade(url)
    with closing(FleetDatabase(url)) as database:
        Devices(database).record(heartbeat())
        postgresql.cut_connections()
        assert len(Devices(database).page()) == 1


def run(url: str, *statements: str) -> None:
    """By the driver alone, as nothing of ours."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        file.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(file)) as lite, lite:
            for statement in statements:
                lite.execute(statement)
        return
    with psycopg.connect(url) as server:
        for statement in statements:
            server.execute(statement.encode())


def hexadecimal(value: bytes, url: str) -> str:
    return f"X'{value.hex()}'" if url.startswith("sqlite") else f"'\\x{value.hex()}'"
