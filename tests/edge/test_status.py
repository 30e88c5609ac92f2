"""The file in which the agent says how it is."""

import itertools
import json
from pathlib import Path

import structlog

from edge.status import StatusFile
from tests.support.processes import wait_until


def read(path: Path) -> int:
    """The number that was written; the file is whole, or this fails."""
    content = json.loads(path.read_text())
    assert content["padding"] == "x" * 100_000
    return int(content["number"])


def counting(path: Path, interval_s: float) -> StatusFile:
    numbers = itertools.count()
    return StatusFile(path, interval_s, lambda: {"number": next(numbers), "padding": "x" * 100_000})


def test_a_reader_finds_a_whole_file_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    with counting(path, interval_s=0.0001):
        seen: list[int] = []

        def written_often() -> bool:
            seen.append(read(path))
            return seen[-1] >= 50

        wait_until(written_often, "the file is written again and again")
    assert seen == sorted(seen)


def test_it_is_there_from_the_beginning_and_holds_the_end(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    with counting(path, interval_s=60):
        assert read(path) == 0
    assert read(path) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_refuses_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    path = folder / "status.json"
    told = itertools.count()
    with (
        structlog.testing.capture_logs() as logs,
        StatusFile(path, 0.001, lambda: {"number": next(told)}),
    ):
        wait_until(lambda: next(told) > 20, "it goes on trying")
        assert [log["event"] for log in logs] == ["status file cannot be written"]
        assert logs[0]["error"] == "No such file or directory"
        assert "make its folder" in logs[0]["remedy"]
        folder.mkdir()
        wait_until(path.exists, "it is written once that is possible")
    assert [log["event"] for log in logs[1:]] == ["status file can be written again"]
