"""`wayside-cloud store apply` as its user sees it."""

import contextlib
import json
from pathlib import Path

from typer.testing import CliRunner, Result

from cloud.cli import app
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import EventQuery
from tests.support.influxdb import influxdb
from tests.support.stored import person, stored


def apply(folder: Path, store: str, *options: str, says: str = "") -> Result:
    config = folder / "cloud.yaml"
    config.write_text(f"data_dir: kept\n{store}")
    return CliRunner().invoke(app, ["store", "apply", "-c", str(config), *options], input=says)


def test_old_events_are_told_and_deleted_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "events.duckdb"
    store = "store: {kind: duckdb, retention_days: 30}\n"
    with contextlib.closing(DuckDbStore(path)) as written:
        written.write(stored(person(1, 1), person(2, 2)))

    refused = apply(tmp_path, store, says="n\n")
    assert refused.exit_code == 1
    assert "delete 2 events older than 30 days" in refused.output
    done = apply(tmp_path, store, "--yes")
    assert done.exit_code == 0, done.output
    assert "Done." in done.output
    again = apply(tmp_path, store)
    assert again.exit_code == 0
    assert "Nothing to do." in again.output
    with contextlib.closing(DuckDbStore(path)) as left:
        assert left.events(EventQuery()).events == ()


def test_without_a_retention_it_says_that_nothing_is_deleted(tmp_path: Path) -> None:
    result = apply(tmp_path, "")

    assert result.exit_code == 0
    assert "retention_days is not set" in result.output


def test_a_file_that_is_held_is_told(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "events.duckdb"
    path.parent.mkdir()
    path.write_text("no database")

    result = apply(tmp_path, "store: {kind: duckdb, retention_days: 30}\n", "--yes")

    assert result.exit_code == 1
    assert "cannot be opened" in result.output


def test_a_policy_of_influxdb_is_set(tmp_path: Path) -> None:
    server = influxdb(tmp_path / "influxdb")
    server.start()
    store = f"store: {{kind: influxdb, url: '{server.url}', retention_days: 30}}\n"
    try:
        done = apply(tmp_path, store, says="y\n")
        assert done.exit_code == 0, done.output
        assert "it keeps everything; change: it keeps 30 days" in done.output
        assert "Nothing to do." in apply(tmp_path, store).output
        answer = json.loads(server.query('SHOW RETENTION POLICIES ON "wayside"'))
        assert answer["results"][0]["series"][0]["values"][0][1] == "720h0m0s"
    finally:
        server.stop()
