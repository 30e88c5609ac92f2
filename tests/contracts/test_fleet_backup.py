"""Backup and restore of the fleet's database, on a real SQLite file and a real PostgreSQL."""

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from cloud.errors import BackupError, StoreAwayError
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Actor, Audit
from cloud.fleet.backup import back_up, restore
from cloud.fleet.database import FleetDatabase
from cloud.fleet.devices import Devices
from cloud.fleet.keys import Keys
from cloud.fleet.lifecycle import Lifecycle
from cloud.fleet.migrate import newest
from cloud.fleet.schema import ERASURES, METADATA
from cloud.registry.aliases import Aliases
from cloud.registry.catalogue import Catalogue
from cloud.registry.engines import Engines
from cloud.registry.model import Board
from cloud.registry.report import Report
from cloud.registry.states import Cause, ModelState
from tests.support.fleet import fleet_file, heartbeat
from tests.support.postgresql import Postgresql
from tests.support.processes import together

BY = Actor("user:root", "here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "fleet.backup"


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FleetDatabase]:
    """An empty database, of either kind."""
    if request.param == "postgresql":
        server: Postgresql = request.getfixturevalue("postgresql")
        url = server.new_fleet_database()
    else:
        url = fleet_file(tmp_path / "other.sqlite")
    with closing(FleetDatabase(url)) as made:
        yield made


@pytest.fixture
def key(database: FleetDatabase) -> str:
    """Of a database with something in each table."""
    Devices(database).record(heartbeat())
    Lifecycle(database, Audit(database)).register("new-box", BY)
    erase(database, "gone-box")
    audit = Audit(database)
    add_model(database, "1")
    Aliases(database, audit).set("gate", "champion", "1", BY)
    Engines(database, audit).add("gate", "1", Board("SM87", "10.3"), "e" * 64, 9, BY)
    return Keys(database, Audit(database)).create("grafana", Role.VIEWER, BY)[0].text


def erase(database: FleetDatabase, device: str) -> None:
    with database.writing() as connection:
        connection.execute(
            insert(ERASURES).values(device=device, since_ns=1, until_ns=2, begun_ns=3)
        )


def add_model(database: FleetDatabase, version: str) -> None:
    models = Catalogue(database, Audit(database))
    models.add("gate", version, "d" * 64, BY)
    models.keep_report("gate", version, Report(at_ns=5, by="user:root", findings=()), BY)


def content(database: FleetDatabase) -> dict[str, list[Any]]:
    """All rows but those that tell of restoring."""
    with database.reading() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key))
                if "fleet.restore" not in tuple(row)
            ]
            for table in METADATA.sorted_tables
        }


def test_a_backup_goes_into_either_kind_of_database(
    database: FleetDatabase, other: FleetDatabase, key: str, file: Path
) -> None:
    counts = back_up(database, file)
    assert counts == {
        "api_keys": 1, "audit": 6, "devices": 2, "erasures": 1, "model_aliases": 1,
        "model_engines": 1, "models": 1,
    }  # fmt: skip
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text()

    restored = restore(other, file, BY)
    assert restored.counts == counts
    assert content(other) == content(database)
    audit = Audit(other)
    assert audit.page()[-1].action == "fleet.restore"
    assert audit.page()[-1].number == 7
    assert Keys(other, audit).verify(key).role is Role.VIEWER
    Lifecycle(other, audit).register("newer-box", BY)
    assert [entry.number for entry in audit.page()][:3] == [1, 2, 3]


def test_a_database_with_something_in_it_is_replaced_only_when_told(
    database: FleetDatabase, key: str, file: Path
) -> None:
    back_up(database, file)
    then = content(database)
    Devices(database).record(heartbeat("later-box"))
    Keys(database, Audit(database)).revoke(key.split("_")[1], BY)
    erase(database, "private-box")
    now = content(database)
    with pytest.raises(BackupError, match="is not empty: --replace"):
        restore(database, file, BY)
    assert content(database) == now

    restore(database, file, BY, replace=True)
    found = content(database)
    erased = [row[1] for row in found.pop("erasures")]
    assert erased == ["gone-box", "private-box"]  # what was erased does not come back
    then.pop("erasures")
    assert found == then
    assert Audit(database).page()[-1].number > now["audit"][-1][0]


def test_a_model_that_was_revoked_since_stays_revoked(
    database: FleetDatabase, key: str, file: Path
) -> None:
    back_up(database, file)
    models = Catalogue(database, Audit(database))
    add_model(database, "2")
    add_model(database, "3")
    revoked = [models.revoke("gate", one, BY, Cause.PERSON) for one in ("1", "2")]

    restore(database, file, BY, replace=True)
    found = models.page()
    assert [(one.version, one.state) for one in found] == [
        ("1", ModelState.REVOKED), ("2", ModelState.REVOKED),
    ]  # fmt: skip
    assert [one.digest for one in found] == [one.digest for one in revoked]
    assert all(now.revision >= then.revision for now, then in zip(found, revoked, strict=True))
    assert Aliases(database, Audit(database)).of("gate") == []


def test_a_backup_shows_one_moment_while_others_write(
    database: FleetDatabase, other: FleetDatabase, url: str, file: Path
) -> None:
    done = threading.Event()

    def write() -> None:
        with closing(FleetDatabase(url)) as own:
            audit = Audit(own)
            for number in range(60):
                Lifecycle(own, audit).register(f"box-{number}", BY)
        done.set()

    seen: list[dict[str, list[Any]]] = []

    def watch() -> None:
        while not done.is_set():
            counts = back_up(database, file)
            # A device and its entry of the audit are one transaction.
            assert counts["devices"] == counts["audit"]
        restore(other, file, BY)
        seen.append(content(other))

    together(write, watch)
    assert len(seen[0]["devices"]) == len(seen[0]["audit"])


def damage(file: Path, how: str) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    changed = {
        "cut off": lines[:-1],
        "a line lost": [lines[0], *lines[2:]],
        "a byte flipped": [lines[0], lines[1].replace(b"1", b"2", 1), *lines[2:]],
        "half a line": [*lines[:-1], lines[-1][:20]],
        "no JSON": [lines[0], b"{\n", *lines[1:]],
        "a line more": [*lines, lines[1]],
        "another table": [lines[0], b'{"table":"pets","row":{}}\n', *lines[1:]],
        "empty": [],
        "something else": [b'{"format":"tar"}\n'],
    }
    file.write_bytes(b"".join(changed[how]))


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("cut off", "the last line is missing"), ("a line lost", "checksum"),
        ("a byte flipped", "checksum"), ("half a line", "is no JSON"), ("no JSON", "line 2"),
        ("a line more", "checksum"), ("another table", "no row of a table"),
        ("empty", "is no backup"), ("something else", "is no backup"),
    ],
)  # fmt: skip
def test_a_damaged_backup_changes_nothing(
    database: FleetDatabase, key: str, file: Path, how: str, says: str
) -> None:
    back_up(database, file)
    damage(file, how)
    before = content(database)
    with pytest.raises(BackupError, match=says):
        restore(database, file, BY, replace=True)
    assert content(database) == before


@pytest.mark.parametrize(
    ("column", "value"),
    [("device_id", None), ("device_id", 5), ("seq", "x"), ("seq", 2**70), ("seq", True),
     ("state", "!"), ("boot", "\ud800"), ("first_seen_ns", 1.5)],
)  # fmt: skip
def test_a_backup_that_somebody_mended_badly_is_refused(
    database: FleetDatabase, key: str, file: Path, column: str, value: object
) -> None:
    back_up(database, file)
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines):
        one = json.loads(line)
        if one.get("table") == "devices":
            one["row"][column] = value
            lines[number] = json.dumps(one)
    file.write_text("\n".join(lines) + "\n")
    before = content(database)
    with pytest.raises(BackupError, match="is damaged"):
        restore(database, file, BY, replace=True)
    assert content(database) == before


def test_a_backup_of_another_schema_is_refused(
    database: FleetDatabase, key: str, file: Path
) -> None:
    back_up(database, file)
    text = file.read_text()
    file.write_text(text.replace(f'"schema":"{newest()}"', '"schema":"9999"', 1))
    with pytest.raises(BackupError, match="of schema '9999'.*by the version that made it"):
        restore(database, file, BY, replace=True)
    with pytest.raises(BackupError, match=r"none: cannot be read"):
        restore(database, file.with_name("none"), BY)


def test_a_backup_that_fails_leaves_the_one_before(
    database: FleetDatabase, key: str, file: Path
) -> None:
    back_up(database, file)
    before = file.read_bytes()
    with pytest.raises(BackupError, match="cannot be written"):
        back_up(database, file / "below")
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE erasures")
    with pytest.raises(StoreAwayError):
        back_up(database, file)
    assert file.read_bytes() == before
    assert [one.name for one in file.parent.glob(".*")] == []
