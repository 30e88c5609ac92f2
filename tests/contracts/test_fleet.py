"""What the fleet's database promises, on a real SQLite file and a real PostgreSQL."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from cloud.errors import AccessError, KeyRefusedError, StartError, StoreAwayError, UnknownKeyError
from cloud.fleet.api_key import Role
from cloud.fleet.audit import BEGUN, Actor, Audit
from cloud.fleet.database import FleetDatabase, upgrade
from cloud.fleet.devices import Devices
from cloud.fleet.keys import Keys
from cloud.fleet.schema import METADATA
from protos.v1.device_state_pb2 import DeviceState
from tests.support.postgresql import Postgresql, new_postgresql

BY = Actor("user:root", "here")
MINUTE_NS = 60 * 10**9
DAY_NS = 86_400 * 10**9
FIRST_LAYOUT = """
CREATE TABLE devices (
    device_id VARCHAR(63) NOT NULL, first_seen_ns BIGINT NOT NULL, last_seen_ns BIGINT NOT NULL,
    boot VARCHAR(16) NOT NULL, session VARCHAR(16) NOT NULL, seq BIGINT NOT NULL,
    status INTEGER NOT NULL, past_boots TEXT NOT NULL, state {blob} NOT NULL,
    PRIMARY KEY (device_id)
)
"""


class Clock:
    """Shows what a test sets."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000_000_000

    def __call__(self) -> int:
        return self.now_ns


def heartbeat(device: str = "cam-box", seq: int = 1, boot: int = 2**64 - 1) -> DeviceState:
    return DeviceState(
        schema=1, device=device, boot=boot, session=3, seq=seq, status=DeviceState.ALIVE,
        reported_ns=5, agent_version="1.2",
        cameras=[DeviceState.Camera(camera="door", state="live", fps=9.5)],
    )  # fmt: skip


def together(*works: Callable[[], object]) -> None:
    """Run them in threads of their own; what one raises, this raises."""
    with ThreadPoolExecutor(len(works)) as threads:
        for running in [threads.submit(work) for work in works]:
            running.result()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    server = new_postgresql()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/fleet.sqlite"
    server: Postgresql = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture
def database(url: str) -> Iterator[FleetDatabase]:
    upgrade(url)
    with closing(FleetDatabase(url)) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def devices(database: FleetDatabase, clock: Clock) -> Devices:
    return Devices(database, clock)


@pytest.fixture
def audit(database: FleetDatabase, clock: Clock) -> Audit:
    return Audit(database, clock)


@pytest.fixture
def keys(database: FleetDatabase, audit: Audit, clock: Clock) -> Keys:
    return Keys(database, audit, clock)


def test_the_last_state_is_kept_over_a_restart(devices: Devices, clock: Clock, url: str) -> None:
    assert devices.record(heartbeat(seq=1))
    clock.now_ns += 5
    assert devices.record(heartbeat(seq=2))
    assert not devices.record(heartbeat(seq=1))

    with closing(FleetDatabase(url)) as again:
        [device] = Devices(again).page()
    assert (device.device_id, device.seq, device.boot, device.status) == (
        "cam-box", 2, 2**64 - 1, "alive",
    )  # fmt: skip
    assert (device.first_seen_ns, device.last_seen_ns) == (clock.now_ns - 5, clock.now_ns)
    assert device.state == heartbeat(seq=2)


def test_a_last_will_changes_the_status_and_keeps_the_content(devices: Devices) -> None:
    devices.record(heartbeat())
    will = DeviceState(schema=1, device="cam-box", boot=2**64 - 1, session=3,
                       status=DeviceState.DISCONNECTED)  # fmt: skip
    assert devices.record(will)

    [device] = devices.page()
    assert device.status == "disconnected"
    assert device.state.agent_version == "1.2"


def test_a_device_known_only_by_its_last_will_is_listed(devices: Devices) -> None:
    devices.record(DeviceState(schema=1, device="gone-box", boot=1, session=3,
                               status=DeviceState.DISCONNECTED))  # fmt: skip
    assert devices.page()[0].status == "disconnected"


def test_a_status_of_a_newer_peer_is_kept(devices: Devices) -> None:
    state = heartbeat()
    state.status = 9  # type: ignore[assignment]
    devices.record(state)
    assert devices.page()[0].status == "status-9"


def test_devices_come_page_by_page(devices: Devices) -> None:
    for number in (3, 1, 2):
        devices.record(heartbeat(f"box-{number}"))

    assert [device.device_id for device in devices.page(limit=2)] == ["box-1", "box-2"]
    assert [device.device_id for device in devices.page(after="box-2")] == ["box-3"]


def test_processes_do_not_stand_in_each_others_way(devices: Devices, url: str) -> None:
    def report(table: Devices, device: str) -> None:
        for seq in range(1, 16):
            table.record(heartbeat(device, seq))
            table.page()

    with closing(FleetDatabase(url)) as other:
        tables = (devices, Devices(other))
        together(*(lambda t=t, n=n: report(t, f"box-{n}") for t in tables for n in (1, 2)))
    assert [device.seq for device in devices.page()] == [15, 15]


def test_a_key_opens_until_it_expires(keys: Keys, clock: Clock) -> None:
    new, made = keys.create("night shift", Role.OPERATOR, BY, days=2)
    assert made.created_by == "user:root"
    assert replace(keys.verify(new.text), last_used_ns=None) == made
    clock.now_ns += 2 * DAY_NS - 1
    assert keys.verify(new.text).role is Role.OPERATOR
    clock.now_ns += 1
    with pytest.raises(KeyRefusedError, match="has expired") as error:
        keys.verify(new.text)
    assert error.value.key_id == new.key_id


def test_a_key_that_is_revoked_opens_nothing(keys: Keys, audit: Audit, clock: Clock) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    first = keys.revoke(new.key_id, BY)
    clock.now_ns += 5
    assert keys.revoke(new.key_id, BY) == first
    with pytest.raises(KeyRefusedError, match="is revoked"):
        keys.verify(new.text)
    with pytest.raises(UnknownKeyError, match="aaaaaaaaaaaa"):
        keys.revoke("aaaaaaaaaaaa", BY)

    assert [(entry.action, entry.target, entry.outcome) for entry in audit.page()] == [
        ("key.create", f"{new.key_id} viewer grafana", "done"),
        ("key.revoke", new.key_id, "done"),
        ("key.revoke", new.key_id, "revoked before"),
        ("key.revoke", "aaaaaaaaaaaa", "unknown"),
    ]


def test_only_the_whole_key_opens(keys: Keys) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    last = "A" if new.text[-1] != "A" else "B"
    unknown = new.text.replace(new.key_id, "a" * 12)
    for wrong in ("", "wayside", new.key_id, new.text[:-1] + last, new.text + "A", unknown):
        with pytest.raises(KeyRefusedError, match="not valid") as error:
            keys.verify(wrong)
        assert error.value.key_id is None


@pytest.mark.parametrize("label", ["", " x", "x" * 101, "a\nb", "<b>", "é\0"])
def test_labels_that_would_spoil_a_list_are_refused(keys: Keys, label: str) -> None:
    with pytest.raises(AccessError, match="label"):
        keys.create(label, Role.VIEWER, BY)


@pytest.mark.parametrize("days", [-1, 0, 3651])
def test_no_key_lives_for_ever(keys: Keys, days: int) -> None:
    with pytest.raises(AccessError, match="1 to 3650"):
        keys.create("x", Role.VIEWER, BY, days)


def test_the_last_use_is_kept_to_the_minute(keys: Keys, clock: Clock) -> None:
    new, made = keys.create("grafana", Role.VIEWER, BY)
    assert made.last_used_ns is None
    first_ns = clock.now_ns
    keys.verify(new.text)
    clock.now_ns += MINUTE_NS - 1
    keys.verify(new.text)
    assert keys.page()[0].last_used_ns == first_ns
    clock.now_ns += 1
    keys.verify(new.text)
    assert keys.page()[0].last_used_ns == first_ns + MINUTE_NS


def test_a_key_in_many_hands_is_refused_from_the_moment_of_its_revocation(keys: Keys) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    revoked, opened_after, hands = threading.Event(), [], threading.Barrier(5)

    def use() -> None:
        hands.wait()
        for _ in range(1000):
            too_late = revoked.is_set()
            try:
                keys.verify(new.text)
            except KeyRefusedError:
                return
            opened_after.append(too_late)

    def take_away() -> None:
        hands.wait()
        keys.revoke(new.key_id, BY)
        revoked.set()

    together(use, use, use, use, take_away)
    assert True not in opened_after


def test_keys_come_page_by_page(keys: Keys) -> None:
    made = sorted(keys.create(f"key {n}", Role.VIEWER, BY)[0].key_id for n in range(3))
    assert [key.key_id for key in keys.page(limit=2)] == made[:2]
    assert [key.key_id for key in keys.page(after=made[1])] == made[2:]


def test_no_key_is_made_without_an_entry_of_the_audit(database: FleetDatabase) -> None:
    class Broken(Audit):
        def note(self, *arguments: object, **more: object) -> int:
            raise StoreAwayError("no room")

    keys = Keys(database, Broken(database))
    with pytest.raises(StoreAwayError):
        keys.create("x", Role.ADMIN, BY)
    assert list(keys.page()) == []


def test_nothing_that_is_kept_opens_anything(keys: Keys, database: FleetDatabase) -> None:
    new, _ = keys.create("grafana", Role.VIEWER, BY)
    keys.verify(new.text)
    keys.revoke(new.key_id, BY)
    secret = new.text.split("_", 2)[2]
    with database.reading() as connection:
        kept = [str(connection.execute(table.select()).all()) for table in METADATA.sorted_tables]
    assert new.key_id in "".join(kept)
    assert secret not in "".join(kept)
    assert secret not in repr(new)


def test_entries_of_the_audit_stay_open_until_they_end(audit: Audit, clock: Clock) -> None:
    number = audit.begin(Actor("key:abc", "10.0.0.1"), "POST /v1/x")
    [entry] = audit.page()
    assert (entry.at_ns, entry.actor, entry.origin) == (clock.now_ns, "key:abc", "10.0.0.1")
    assert (entry.action, entry.target, entry.outcome) == ("POST /v1/x", "", BEGUN)
    audit.end(number, "201")
    assert audit.page()[0].outcome == "201"
    audit.begin(BY, "x" * 500)
    assert audit.page(after=number)[0].action == "x" * 200


def test_who_follows_the_audit_misses_nothing(database: FleetDatabase, url: str) -> None:
    seen: list[int] = []
    written = threading.Event()

    def follow() -> None:
        while True:
            is_last = written.is_set()
            page = Audit(database).page(seen[-1] if seen else 0, 7)
            seen.extend(entry.number for entry in page)
            if is_last and not page:
                return

    def write() -> None:
        with closing(FleetDatabase(url)) as other:
            tables = [Audit(database), Audit(other), Audit(other)]
            together(*(lambda t=t: [t.begin(BY, "x") for _ in range(30)] for t in tables))
        written.set()

    together(follow, write)
    assert len(seen) == len(set(seen)) == 90


def test_a_database_of_the_first_layout_is_adopted_with_its_rows(url: str) -> None:
    blob = "BLOB" if url.startswith("sqlite") else "BYTEA"
    state = heartbeat().SerializeToString()
    run(url, FIRST_LAYOUT.format(blob=blob),
        "INSERT INTO devices VALUES ('cam-box', 1, 2, 'ffffffffffffffff', '0000000000000003', 1, "
        f"2, '', {hexadecimal(state, url)})")  # fmt: skip

    done = upgrade(url)
    assert (done.before, done.after) == ("0001", "0002")
    with closing(FleetDatabase(url)) as database:
        [device] = Devices(database).page()
        assert (device.first_seen_ns, device.last_seen_ns) == (1, 2)
        assert device.state == heartbeat()
        assert Devices(database).record(heartbeat(seq=2))
        Keys(database, Audit(database)).create("first", Role.ADMIN, BY)


def test_migrations_make_the_tables_that_the_program_knows(database: FleetDatabase) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_a_migration_twice_or_by_several_at_once_is_one(url: str) -> None:
    done = []
    together(*(lambda: done.append(upgrade(url)) for _ in range(3)))
    assert sorted(one.before for one in done) == ["", "0002", "0002"]
    assert {one.after for one in done} == {"0002"}


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
    with pytest.raises(StartError, match="has schema 0001, .* needs 0002: .*fleet migrate"):
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
