"""`wayside-cloud archive` as its user sees it."""

import contextlib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cloud.archive.archive import Archive
from cloud.blobs.folder import FolderBlobs
from cloud.cli import app
from cloud.store.duckdb.store import DuckDbStore
from cloud.store.port import EventQuery
from tests.support.archived import DAY_NS, MIDNIGHT_NS, archive_batches, in_shards
from tests.support.stored import batch_of, person


class Site:
    """A settings file and an archive of three days and two devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "cloud.yaml"
        self.configure("")
        with contextlib.closing(Archive(FolderBlobs(folder / "kept" / "blobs"))) as archive:
            for day in range(3):
                for device in ("cam-box", "other-box"):
                    for seq in (1, 2):
                        event = person(seq, MIDNIGHT_NS + day * DAY_NS + seq)
                        archive_batches(archive, [batch_of(event, boot=day + 1, device=device)])

    def configure(self, text: str) -> None:
        self.config.write_text(f"data_dir: kept\n{text}")

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["archive", *arguments, "-c", str(self.config)])

    def stored(self) -> set[str]:
        with contextlib.closing(DuckDbStore(self.folder / "kept" / "events.duckdb")) as store:
            return {str(event.id) for event in store.events(EventQuery(limit=1000)).events}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def rows(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split()[:4] for line in result.output.splitlines()[1:]]


def test_list_shows_days_and_devices(site: Site) -> None:
    assert rows(site.run("list"))[:3] == [
        ["2025-06-15", "cam-box", "2", "2"], ["2025-06-15", "other-box", "2", "2"],
        ["2025-06-16", "cam-box", "2", "2"],
    ]  # fmt: skip
    assert rows(
        site.run("list", "--device", "cam-box", "--from", "2025-06-16",
                 "--to", "2025-06-17T00:00:00Z")
    ) == [["2025-06-16", "cam-box", "2", "2"]]  # fmt: skip
    assert rows(site.run("list", "--to", "2025-06-15")) == []


def test_list_shows_shares_and_what_a_device_has_in_them(site: Site) -> None:
    with contextlib.closing(Archive(FolderBlobs(site.folder / "kept" / "blobs"))) as archive:
        batches = [
            batch_of(*[person(seq, MIDNIGHT_NS + seq) for seq in (3, 4, 5)], device=device)
            for device in ("cam-box", "third-box")
        ]
        archive_batches(archive, batches, in_shards(1))

    lines = site.run("list", "--to", "2025-06-16").stdout.splitlines()[1:]
    assert [line.split()[1:-1] for line in lines] == [
        ["cam-box", "2", "2"], ["other-box", "2", "2"], ["shard", "0", "of", "1", "1", "6"],
    ]  # fmt: skip
    assert rows(site.run("list", "--to", "2025-06-16", "--device", "cam-box")) == [
        ["2025-06-15", "cam-box", "3", "5"]
    ]
    assert rows(site.run("list", "--device", "nobody-box")) == []


def test_replay_fills_a_store_and_again_changes_nothing(site: Site) -> None:
    result = site.run("replay", "--from", "2025-06-16", "--device", "other-box")
    assert result.exit_code == 0, result.output
    assert "4 events of 4 files are in the store" in result.stdout
    assert site.stored() == {
        f"other-box/{boot:016x}/state/{seq}" for boot in (2, 3) for seq in (1, 2)
    }

    for _ in range(2):
        assert "12 events of 12 files" in site.run("replay").stdout
        assert len(site.stored()) == 12


def test_replay_says_who_holds_the_store(site: Site) -> None:
    path = site.folder / "kept" / "events.duckdb"
    path.write_bytes(b"no database")
    result = site.run("replay")

    assert result.exit_code == 1
    assert result.stderr.startswith("wayside-cloud archive: store ") or "store " in result.stderr
    assert "Traceback" not in result.output


def test_compact_and_retention_say_what_they_did(site: Site) -> None:
    assert "8 files became 4" in site.run("compact", "--before", "2025-06-17").stdout
    assert "4 files became 2" in site.run("compact").stdout
    assert rows(site.run("list"))[0] == ["2025-06-15", "cam-box", "1", "2"]

    assert "every day is kept" in site.run("apply-retention").stdout
    site.configure("archive: {retention_days: 30}\n")
    assert "6 files older than 30 days are deleted" in site.run("apply-retention").stdout
    assert rows(site.run("list")) == []
    assert "0 events of 0 files" in site.run("replay").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list", "--from", "yesterday"], "must be like 2026-05-01"),
        (["list", "--to", "1969-01-01"], "1970 to 2262"),
        (["replay", "--from", "9" * 30], "must be like"),
        (["replay", "--device", "../other"], "is not allowed"),
        (["compact", "--before", "x" * 10], "must be like"),
    ],
)
def test_wrong_options_are_told(site: Site, arguments: list[str], says: str) -> None:
    result = site.run(*arguments)

    assert result.exit_code == 2
    assert says in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output


def test_a_folder_that_cannot_be_used_is_one_line(site: Site) -> None:
    (site.folder / "file").write_text("in the way")
    site.configure(f"blobs: {{url: '{(site.folder / 'file' / 'blobs').as_uri()}'}}\n")
    result = site.run("list")

    assert result.exit_code == 1
    assert "cannot be used" in result.stderr
    assert "Traceback" not in result.output
