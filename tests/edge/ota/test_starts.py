"""A committed model that ends the agent at each start does not end what cameras see."""

import errno
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.ota.starts import MAX_TRIES, STARTS, Starts
from tests.support.ota_disk import RefusingDisk
from tests.support.processes import wait_until
from wayside.disk import RealDisk

ONE = {"gate": "1" * 64}


def starts(folder: Path) -> Starts:
    return Starts(folder / "ota", RealDisk())


def crash(folder: Path, committed: dict[str, str] = ONE) -> bool:
    """A start that comes to nothing; whether what is committed was to be loaded."""
    return starts(folder).begin(committed)


def run_well(folder: Path, committed: dict[str, str] = ONE) -> bool:
    these = starts(folder)
    is_loaded = these.begin(committed)
    with these.counted():
        pass
    return is_loaded


def test_what_ended_the_agent_time_and_again_is_left_out_and_tried_once_more_later(
    tmp_path: Path,
) -> None:
    assert [crash(tmp_path) for _ in range(MAX_TRIES + 2)] == [True] * MAX_TRIES + [False] * 2
    assert not run_well(tmp_path), "without it"
    assert crash(tmp_path), "it may be well again"
    assert not crash(tmp_path), "and is not: once was enough"
    assert not run_well(tmp_path)
    assert run_well(tmp_path), "now it is"
    assert [crash(tmp_path) for _ in range(MAX_TRIES)] == [True] * MAX_TRIES


def test_one_start_that_does_well_forgives_all_before(tmp_path: Path) -> None:
    for _ in range(3):
        assert [crash(tmp_path) for _ in range(MAX_TRIES - 1)] == [True] * (MAX_TRIES - 1)
        assert run_well(tmp_path)


def test_another_model_begins_anew(tmp_path: Path) -> None:
    assert not [crash(tmp_path) for _ in range(MAX_TRIES + 1)][-1]
    assert crash(tmp_path, {"gate": "2" * 64})
    assert crash(tmp_path, {**ONE, "lanes": "3" * 64})


def test_where_nothing_is_committed_nothing_is_written(tmp_path: Path) -> None:
    assert all(run_well(tmp_path, {}) for _ in range(MAX_TRIES + 2))
    assert not (tmp_path / "ota").exists()


def test_an_agent_that_lives_on_does_well_and_one_that_fails_does_not(tmp_path: Path) -> None:
    file = tmp_path / "ota" / STARTS
    these = starts(tmp_path)
    assert these.begin(ONE)
    begun = file.read_bytes()
    with pytest.raises(ZeroDivisionError), these.counted():
        raise ZeroDivisionError
    assert file.read_bytes() == begun
    these = starts(tmp_path)
    assert these.begin(ONE)
    with these.counted(worked_s=0.01):
        wait_until(lambda: b'\\"starts\\":0' in file.read_bytes(), "that it has worked")


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"{}", b"[]"])
def test_a_torn_file_counts_from_the_begin(tmp_path: Path, content: bytes) -> None:
    assert not [crash(tmp_path) for _ in range(MAX_TRIES + 1)][-1]
    (tmp_path / "ota" / STARTS).write_bytes(content)
    assert [crash(tmp_path) for _ in range(MAX_TRIES + 1)] == [True] * MAX_TRIES + [False]


def test_a_disk_that_refuses_keeps_nothing_from_starting(tmp_path: Path) -> None:
    with capture_logs() as logs:
        these = Starts(tmp_path / "ota", RefusingDisk(1, errno.ENOSPC))
        assert these.begin(ONE)
        with these.counted():
            pass
    assert {one["event"] for one in logs} == {"starts are not counted"}
