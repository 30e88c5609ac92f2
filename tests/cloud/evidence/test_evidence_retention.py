"""Old pictures go, by when they came."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud.blobs.folder import FolderBlobs
from cloud.cli import app
from cloud.errors import BlobsAwayError
from cloud.evidence.retention import NS_PER_DAY, apply_retention
from cloud.evidence.snapshots import Snapshots
from tests.support.pictures import snapshot
from tests.support.switched_blobs import SwitchedBlobs


def aged(folder: Path, days: float) -> None:
    """Have every picture that is there now as old as that."""
    for path in folder.rglob("*.jpg"):
        then_s = path.stat().st_mtime - days * NS_PER_DAY / 1e9
        os.utime(path, (then_s, then_s))


def kept(snapshots: Snapshots) -> set[int]:
    return {event_id.seq for event_id, _ in snapshots.pictures()}


def test_pictures_go_when_they_are_older_and_others_stay(tmp_path: Path) -> None:
    snapshots = Snapshots(FolderBlobs(tmp_path))
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "other.jpg").write_bytes(b"no picture of an event")
    for seq, days in ((1, 2.0), (2, 1.0), (3, 0.0)):
        snapshots.keep(snapshot(seq))
        aged(tmp_path / "evidence", days)  # 1 is three days old in the end, 2 one
    now_ns = max(path.stat().st_mtime_ns for path in (tmp_path / "evidence").rglob("*.jpg"))

    assert apply_retention(snapshots, 4, now_ns) == 0
    assert apply_retention(snapshots, 2, now_ns) == 1
    assert kept(snapshots) == {2, 3}
    assert apply_retention(snapshots, 1, now_ns + NS_PER_DAY // 2) == 1
    assert kept(snapshots) == {3}
    assert (tmp_path / "archive" / "other.jpg").exists()


def test_blobs_that_are_away_are_told() -> None:
    blobs = SwitchedBlobs()
    blobs.away = True
    with pytest.raises(BlobsAwayError):
        apply_retention(Snapshots(blobs), 1, 0)


def test_the_command_keeps_all_until_it_is_told_a_number_of_days(tmp_path: Path) -> None:
    config = tmp_path / "cloud.yaml"
    config.write_text("data_dir: kept\n")
    snapshots = Snapshots(FolderBlobs(tmp_path / "kept" / "blobs"))
    snapshots.keep(snapshot(1))
    aged(tmp_path, 40)
    snapshots.keep(snapshot(2))
    command = ["evidence", "apply-retention", "-c", str(config)]

    said = CliRunner().invoke(app, command)
    assert (said.exit_code, said.stdout) == (
        0, "evidence.retention_days is null: every picture is kept\n",
    )  # fmt: skip
    assert kept(snapshots) == {1, 2}

    config.write_text("data_dir: kept\nevidence: {retention_days: 30}\n")
    said = CliRunner().invoke(app, command)
    assert (said.exit_code, said.stdout) == (0, "1 pictures older than 30 days are deleted\n")
    assert kept(snapshots) == {2}
