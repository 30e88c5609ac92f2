"""Never bricked: killed at every change to the disk, full or read-only from any change on."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from edge.ota.states import State
from tests.support.ota_disk import CountedDisk, RefusingDisk
from tests.support.ota_kills import ORDER, line, prepared, update
from tests.support.ota_line import committed_version
from wayside.disk import RealDisk


def deep(*values: object) -> ParameterSet:
    return pytest.param(*values, marks=pytest.mark.deep)


GOOD_ENDS = {
    "first": {"COMMITTED"},
    "commit": {"COMMITTED"},
    "roll-back": {"ROLLED_BACK"},
    "supersede": {"COMMITTED"},
}
SERVES = {
    "first": {"own", "2"}, "commit": {"1", "2"}, "roll-back": {"1"}, "supersede": {"1", "2", "3"},
}  # fmt: skip


@pytest.fixture
def folder(registered_versions: Path) -> Iterator[Path]:
    """Versions on a disk in memory where there is one: a kill loses nothing that was written."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="wayside-kills-", dir=place) as name:
        shutil.copytree(registered_versions / "store", Path(name) / "store")
        yield Path(name)


def command(what: str, folder: Path, scenario: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.ota_kills", what, str(folder), scenario]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", [deep("first"), "commit", "roll-back", deep("supersede")])
def test_killed_at_every_change_it_serves_one_slot_and_comes_to_an_end(
    folder: Path, scenario: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        command("kill", folder, scenario), capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    points = [json.loads(text) for text in done.stdout.splitlines()]
    with capsys.disabled():
        print(f"\n{scenario}: killed at {len(points)} changes to the disk")
    assert len(points) > 30
    for point in points:
        assert point["serves"] in SERVES[scenario], point
        assert point["problem"] == "", point
        assert point["ended"], point
        assert point["state"] in GOOD_ENDS[scenario] | {"ROLLED_BACK"}, point
        assert point["then"] in SERVES[scenario], point
        assert set(point["rest"]) <= {"1", "2", "active.json"}, point
        assert not point["downloads"], point
    ends = {point["state"] for point in points}
    assert ends >= GOOD_ENDS[scenario]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", [deep("first"), "commit", deep("roll-back")])
def test_what_is_made_durable_is_what_strace_sees(folder: Path, scenario: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    counted = subprocess.run(command("once", folder, scenario), capture_output=True, text=True)
    assert counted.returncode == 0, counted.stderr
    shutil.rmtree(folder / f"ready-{scenario}")
    (folder / f"ready-{scenario}").mkdir()
    prepared(folder, scenario, folder / f"ready-{scenario}")
    calls = ["-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2"]
    trace = folder / "trace"
    done = subprocess.run(
        ["strace", *calls, "-o", str(trace), *command("once", folder, scenario)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = [
        text for text in trace.read_text().splitlines()
        if str(folder) in text and re.search(r"= 0$", text)
    ]  # fmt: skip
    changes = json.loads(counted.stdout)
    assert len([text for text in seen if "sync(" in text]) == changes["sync"]
    assert len([text for text in seen if "rename" in text]) == changes["replace"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("commit", errno.ENOSPC), deep("commit", errno.EROFS), deep("first", errno.EROFS),
        deep("first", errno.ENOSPC), deep("roll-back", errno.ENOSPC),
        deep("roll-back", errno.EROFS),
    ],
)  # fmt: skip
def test_a_disk_that_refuses_from_any_change_on_costs_nothing(
    folder: Path, scenario: str, code: int
) -> None:
    tmp_path = folder / "devices"
    ready = tmp_path / "ready"
    ready.mkdir(parents=True)
    prepared(folder, scenario, ready)
    counted = CountedDisk()
    shutil.copytree(ready, tmp_path / "whole")
    update(line(folder, tmp_path / "whole", counted), scenario)
    for point in range(1, len(counted.changes) + 1):
        data_dir = tmp_path / f"at-{point}"
        shutil.copytree(ready, data_dir)
        disk = RefusingDisk(point, code)
        device = line(folder, data_dir, disk)
        update(device, scenario, rounds=8)
        assert committed_version(device) in SERVES[scenario]
        if point % 2:  # it is mended while the agent runs, or it begins anew
            disk.refuses_from = None
        else:
            device = line(folder, data_dir, RealDisk())
        update(device, scenario)
        life = device.life()
        assert life.has_ended, (point, life)
        allowed = GOOD_ENDS[scenario] | {"ROLLED_BACK", "TIMED_OUT"}
        assert life.state.name in allowed, (point, life)
        assert committed_version(device) in SERVES[scenario]
        shutil.rmtree(data_dir)


def test_a_full_disk_is_told_and_the_incumbent_serves(folder: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    prepared(folder, "commit", ready)
    device = line(folder, ready, RefusingDisk(1, errno.ENOSPC))
    device.order(ORDER, revision=2)
    assert device.life().order.deployment == "roll-out-1"
    assert "No space left" in device.errors[0]
    assert committed_version(device) == "1"
    assert device.life().state is State.COMMITTED
