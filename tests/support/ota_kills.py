"""Whole updates of a device that is killed at every change to its disk.

    python -m tests.support.ota_kills kill FOLDER SCENARIO   every point, a JSON line each
    python -m tests.support.ota_kills once FOLDER SCENARIO   one update, nobody dies; what was done

SCENARIO is first, commit, roll-back or supersede. FOLDER holds records in `store/gate/VERSION`. A
point is run in a fork, which ends by SIGKILL; what it leaves is started again, once or until a
second kill, and looked at. One process has one thread here, so a fork is safe.
"""

import json
import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from edge.ota.life import Order
from tests.support.fake_ota import FakeFetcher, FakeTrust, figures
from tests.support.ota_disk import CountedDisk, DyingDisk
from tests.support.ota_line import FAMILY, Line, committed_version
from wayside import logging
from wayside.disk import Disk, RealDisk

ORDER = Order(FAMILY, "2", "roll-out-2")


def trusted(folder: Path) -> FakeTrust:
    """Who vouches for the records of a folder."""
    trust = FakeTrust()
    for place in sorted((folder / "store" / FAMILY).iterdir()):
        trust.release(FAMILY, place)
    return trust


def line(folder: Path, data_dir: Path, disk: Disk) -> Line:
    """A started device."""
    trust = trusted(folder)
    return Line(data_dir, trust, FakeFetcher(trust, disk, chunk_bytes=1 << 20), disk)


def prepared(folder: Path, scenario: str, data_dir: Path) -> None:
    """A device as it is before the update: version 1 serves, unless it is its first."""
    if scenario != "first":
        before = line(folder, data_dir, RealDisk())
        before.order(Order(FAMILY, "1", "roll-out-1"))
        before.run()
        assert committed_version(before) == "1"


def update(device: Line, scenario: str, rounds: int = 60) -> None:
    """The update, as far as it comes in so many rounds."""
    if scenario == "roll-back":
        device.serving.found = figures(mean=0.0)
    device.order(ORDER, revision=2)
    if scenario == "supersede":
        for _ in range(12):
            device.work()
            device.tick()
        device.order(replace(ORDER, version="3", deployment="roll-out-3"), revision=3)
    device.run(rounds)


def killed_at(folder: Path, scenario: str, data_dir: Path, point: int) -> bool:
    """Run the update in a fork that dies at a point; False where there are fewer."""
    pid = os.fork()
    if pid == 0:
        update(line(folder, data_dir, DyingDisk(point)), scenario)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def looked_at(folder: Path, scenario: str, data_dir: Path) -> dict[str, object]:
    """What the next start finds, and how the update ends."""
    device = line(folder, data_dir, RealDisk())
    serves = committed_version(device)
    update(device, scenario)
    life = device.life()
    rest = sorted(path.name for path in device.slots().folder.iterdir())
    return {
        "serves": serves, "problem": device.problem, "state": life.state.name, "code": life.code,
        "ended": life.has_ended, "then": committed_version(device), "rest": rest,
        "downloads": device.places.downloads.is_dir() and any(device.places.downloads.iterdir()),
    }  # fmt: skip


def main(what: str, folder: Path, scenario: str) -> None:
    """See the module."""
    logging.configure("critical", "console")
    ready = folder / f"ready-{scenario}"
    if not ready.exists():
        ready.mkdir()
        prepared(folder, scenario, ready)
    if what == "once":
        disk = CountedDisk()
        update(line(folder, ready, disk), scenario)
        print(json.dumps(Counter(disk.changes)))
        return
    point = 1
    while True:
        data_dir = folder / "device"
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.copytree(ready, data_dir)
        if not killed_at(folder, scenario, data_dir, point):
            break
        twice = killed_at(folder, scenario, data_dir, 1 + point % 7)
        found = looked_at(folder, scenario, data_dir)
        print(json.dumps({"point": point, "twice": twice, **found}), flush=True)
        point += 1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
