"""wayside-cloud keys and fleet: what is typed, and what comes."""

import os
import pwd
import re
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.fleet.api_key import Role
from cloud.fleet.audit import Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.keys import Keys
from cloud.fleet.migrations import versions

KEY = re.compile(r"wayside_([a-z2-7]{12})_[A-Za-z0-9_-]{43}\n")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.yaml"
    path.write_text("data_dir: kept\n")
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(config)])


def database(config: Path) -> FleetDatabase:
    return FleetDatabase(f"sqlite:///{config.parent}/kept/fleet.sqlite")


def test_a_key_is_printed_once_and_alone(config: Path) -> None:
    result = run(config, "keys", "create", "grafana", "--role", "operator", "--days", "7")
    assert result.exit_code == 0
    found = KEY.fullmatch(result.stdout)
    assert found is not None
    assert f"key {found[1]} (operator, grafana) opens the API until" in result.stderr
    assert result.stdout.strip() not in result.stderr

    with closing(database(config)) as opened:
        audit = Audit(opened)
        assert Keys(opened, audit).verify(result.stdout.strip()).role is Role.OPERATOR
        [entry] = audit.page()
    assert (entry.actor, entry.origin) == (
        f"user:{pwd.getpwuid(os.getuid()).pw_name}", socket.gethostname(),
    )  # fmt: skip

    listed = run(config, "keys", "list")
    assert found[1] in listed.stdout
    assert result.stdout.strip() not in listed.stdout


def test_a_revoked_key_stays_in_the_list(config: Path) -> None:
    keys = [run(config, "keys", "create", f"key {n}", "--role", "viewer").stdout for n in (1, 2)]
    revoked = run(config, "keys", "revoke", keys[0].split("_")[1])
    assert revoked.exit_code == 0
    assert "(key 1) is revoked since 20" in revoked.stdout

    lines = run(config, "keys", "list").stdout.splitlines()
    assert lines[0].split() == [
        "ID", "ROLE", "CREATED", "EXPIRES", "REVOKED", "LAST", "USED", "LABEL",
    ]  # fmt: skip
    shown = {line.split("key ")[1]: line.split()[4] for line in lines[1:]}
    assert shown["2"] == "-"
    assert shown["1"].startswith("20")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["create", "x"], 2, "role"),
        (["create", "x", "--role", "root"], 2, "root"),
        (["create", "<x>", "--role", "viewer"], 1, "label '<x>' is not allowed"),
        (["create", "x", "--role", "viewer", "--days", "0"], 1, "days must be 1 to 3650"),
        (["revoke", "aaaaaaaaaaaa"], 1, "there is no key with the id 'aaaaaaaaaaaa'"),
    ],
)
def test_mistakes_are_told(config: Path, arguments: list[str], code: int, says: str) -> None:
    result = run(config, "keys", *arguments)
    assert result.exit_code == code
    assert says in result.stderr
    assert result.stdout == ""


def test_migrate_says_what_it_did(config: Path) -> None:
    first, again = run(config, "fleet", "migrate"), run(config, "fleet", "migrate")
    file = config.parent / "kept/fleet.sqlite"
    newest = max(path.name[1:5] for path in Path(versions.__path__[0]).glob("v[0-9]*.py"))
    assert first.stdout == f"fleet database sqlite:///{file}: schema none -> {newest}\n"
    assert again.stdout == f"fleet database sqlite:///{file}: has schema {newest} already\n"


def test_migrate_leaves_what_it_does_not_know(config: Path) -> None:
    file = config.parent / "kept/fleet.sqlite"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE devices (serial INTEGER)")
    result = run(config, "fleet", "migrate")
    assert result.exit_code == 1
    assert "set fleet.url to a database of its own" in result.stderr
