"""What no code of ours can prevent: calls that hang, a process that stands still, a full disk,
a clock that jumps. The agent goes on, or is at work again in less than 5 s; nothing is lost,
nothing is twice, and nobody's stay has another length than it had.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edge.publish.schema import FILE_NAME
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.hanging_runtime import Hang, HangingRuntime
from tests.support.mosquitto import mosquitto
from tests.support.processes import free_port, wait_until
from tests.support.service import Service
from tests.support.small_agent import small_agent
from tests.support.small_cloud import SmallCloud

pytestmark = pytest.mark.system

DOWN_S = 5.0
WATCHDOG_S = 8.0
"""WatchdogSec=: longer than the agent takes to find by itself that it is stuck."""

REPEAT_S = 1.0
HOUR_S = 3600
CAMERA = {
    "id": "yard",
    "source": "synthetic://yard?width=160&height=120&fps=20",
    "zones": [{"id": "all-of-it", "points": [[0, 0], [1, 0], [1, 1], [0, 1]]}],
    "rules": [
        {"id": "stays", "kind": "dwell", "zone": "all-of-it", "after_s": 1, "repeat_s": REPEAT_S},
        {"id": "is-in", "kind": "zone", "zone": "all-of-it"},
    ],
}
"""Of an object that its network sees in every picture: whoever is there stays all the time."""


class Site:
    """A broker, a cloud, and an agent as a service to which anything may be done.

    Args:
        folder: of everything.
        stack: ends it.
        environ: laid over the agent's.
        settings: laid over the agent's.
    """

    def __init__(
        self, folder: Path, stack: ExitStack, environ: Mapping[str, str], **settings: Any
    ) -> None:
        self.begun_s = time.monotonic()
        self.stack = stack
        broker = mosquitto(folder / "broker", port=free_port())
        broker.start()
        stack.callback(broker.stop)
        self.bodies: dict[EventId, bytes] = {}
        self.cloud = SmallCloud(broker.port, stores=self._store)
        self.cloud.start()
        stack.callback(self.cloud.stop)
        self.runtime = HangingRuntime(folder)
        self.config = small_agent(
            folder / "agent",
            cameras=[CAMERA],
            mqtt={"port": broker.port, "retry_initial_s": 0.1, "retry_max_s": 0.5},
            forwarder={"receipt_timeout_min_s": 1.0},
            status={"file": "status.json", "interval_s": 0.1},
            **settings,
        )
        environ = {**self.runtime.environ, **environ}
        self.service = Service(self._command("run"), folder / "agent", environ, WATCHDOG_S)

    def _command(self, verb: str) -> list[str]:
        return [sys.executable, "-m", "edge.cli", verb, "-c", str(self.config)]

    def _store(self, batch: EventBatch) -> bool:
        """Whatever comes again is the same."""
        for event in batch.events:
            name = EventId(batch.device, batch.boot, Lane(batch.lane), event.seq)
            body = event.SerializeToString(deterministic=True)
            assert self.bodies.setdefault(name, body) == body
        return True

    @property
    def stays(self) -> int:
        """How many stays the cloud has heard of."""
        return sum(event.kind == EventBatch.DWELL for event in list(self.cloud.events.values()))

    @property
    def staged(self) -> int:
        """Events that are not on disk yet, as the agent last said."""
        told = json.loads(self.config.with_name("status.json").read_text())
        return int(told["outbox"]["staged"])

    def wait_for_stays(self, count: int = 2) -> None:
        """Return once so many further stays were told."""
        more = self.stays + count
        wait_until(lambda: self.stays >= more, "stays to be told", 60)

    @contextlib.contextmanager
    def fault(self, *, restarts: bool | None) -> Iterator[None]:
        """A fault in the block; after it, the agent is at work, and was not away for long.

        Args:
            restarts: whether it ends the agent; None: it may.
        """
        self.wait_for_stays()
        ends, downs = len(self.service.exits), len(self.service.down_s)
        yield
        if restarts:
            self.service.wait_restarted(downs + 1)
        self.wait_for_stays()
        self.assert_stays_are_true()
        ended = self.service.exits[ends:]
        self.service.wait_restarted(downs + len(ended))
        down_s, idle_s = self.service.down_s[downs:], self.service.idle_down_s[downs:]
        print(f"ends: {ended}, at work again after s: {down_s}, on an idle machine: {idle_s}")
        assert all(one_s < DOWN_S for one_s in idle_s)
        assert restarts is not False or not ended

    def assert_stays_are_true(self) -> None:
        """Each object is told in its rhythm, and none stayed longer than the test runs."""
        ran_s = time.monotonic() - self.begun_s
        by_object: dict[tuple[int, int], list[float]] = {}
        for name, event in list(self.cloud.events.items()):
            dwell_s = event.rule_hit.dwell_s
            assert dwell_s < ran_s, f"{EventBatch.Kind.Name(event.kind)} after {dwell_s} s"
            if event.kind == EventBatch.DWELL:
                by_object.setdefault((name.boot, event.object.track_id), []).append(dwell_s)
        assert by_object
        for stays in by_object.values():
            # A frame may be late, a beat may not be left out or told twice.
            assert all(abs(b - a - REPEAT_S) < REPEAT_S for a, b in pairwise(sorted(stays))), stays

    def settle(self) -> None:
        """End the agent, send what it still holds, and hold both ends against each other."""
        self.service.stop()
        assert self.service.exits[-1] == 0, self.service.output[-3000:]
        subprocess.run(self._command("drain"), check=True, timeout=60, capture_output=True)
        path = self.config.parent / "data" / FILE_NAME
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            last_seqs = database.execute(
                "SELECT boot, lane, last_seq FROM sequences JOIN boots USING (age)"
            ).fetchall()
            assert database.execute("SELECT count(*) FROM losses").fetchone() == (0,)
        assert last_seqs
        for boot, lane, last in last_seqs:
            assert self.cloud.seqs(int(boot, 16), Lane(lane)) == list(range(1, last + 1))
        kinds = {event.kind for event in self.cloud.events.values()}
        assert EventBatch.EVENTS_LOST not in kinds


class Clock:
    """The wall clock of a process, and of no other, by libfaketime; monotonic time is left alone.

    Args:
        file: which says by how much it is off.

    Attributes:
        environ: for the process.
    """

    def __init__(self, file: Path) -> None:
        found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not found:
            pytest.skip("libfaketime is not installed; `make test` installs it")
        self._file = file
        self.set(0)
        self.environ = {
            "LD_PRELOAD": str(found[0]),
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, offset_s: int) -> None:
        """It is off by so much from now on."""
        renewed = self._file.with_suffix(".new")
        renewed.write_text(f"{offset_s:+d}\n")
        renewed.rename(self._file)


def small_disk(folder: Path) -> bool:
    """A real file system of 4 MB in this folder; False where mounting is not allowed."""
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        return False
    command = [mount, "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One agent for all faults, in whatever order; at the end its books are checked."""
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        site = Site(folder, stack, {}, infer={"workers": 1, "stuck_after_s": 1.0})
        with site.service:
            yield site
            site.settle()


@pytest.mark.parametrize(
    ("hang", "exit_code"), [("holding the GIL", 1), ("without the GIL", 70)]
)  # fmt: skip
def test_an_inference_that_never_returns(site: Site, hang: Hang, exit_code: int) -> None:
    with site.fault(restarts=True):
        site.runtime.hang(hang)
    assert site.service.exits[-1] == exit_code
    assert "hangs where" not in site.service.output, "its own words are not the agent's"


def test_a_process_that_is_stopped_and_goes_on(site: Site) -> None:
    """Its work took too long, as far as it can know: it starts again, if that is seen first.

    Of the threads that wake together, the one that looks and the one that needs no GIL end it;
    where the work's own thread was faster, nothing is stuck, and it goes on.
    """
    ends = len(site.service.exits)
    with site.fault(restarts=None):
        site.service.signal(signal.SIGSTOP)
        time.sleep(WATCHDOG_S - 1)  # this is the fault, and nothing is waited for
        site.service.signal(signal.SIGCONT)
    assert set(site.service.exits[ends:]) <= {1, 70}, "it ends itself, or goes on"


def test_a_process_that_stays_stopped_is_ended_by_systemd(site: Site) -> None:
    with site.fault(restarts=True):
        site.service.signal(signal.SIGSTOP)
    assert site.service.exits[-1] == -signal.SIGABRT


def test_a_disk_that_is_full_for_a_while(tmp_path: Path) -> None:
    """With an outbox that is new: once its log has had its full length, a while needs no room."""
    data = tmp_path / "agent" / "data"
    with ExitStack() as stack:
        if not small_disk(data):
            pytest.skip("mounting a small file system needs root")
        stack.callback(subprocess.run, ["umount", str(data)], check=True)
        site = Site(tmp_path, stack, {}, infer={"workers": 1})
        with site.service:
            with site.fault(restarts=False):
                fill(data / "logs-of-somebody-else")
                wait_until(
                    lambda: told(site, "outbox cannot be written"), "the disk to be full", 60
                )
                known, gathered = site.stays, site.staged + 2
                wait_until(lambda: site.staged >= gathered, "events that no disk takes", 60)
                assert site.stays <= known + 1, "what is not durable does not travel"
                (data / "logs-of-somebody-else").unlink()
                wait_until(lambda: told(site, "outbox can be written again"), "room", 60)
            site.settle()


def told(site: Site, text: str) -> bool:
    return text in site.service.output


def fill(path: Path) -> None:
    """Take all the room that a file system has, to the last page."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_clock_that_jumps_an_hour_forth_and_back(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock")
    with ExitStack() as stack:
        site = Site(tmp_path, stack, clock.environ, infer={"workers": 1})
        with site.service:
            for offset_s in (-HOUR_S, 0, HOUR_S, 0):
                with site.fault(restarts=False):
                    clock.set(offset_s)
                if offset_s <= 0:
                    continue
                newest_ns = max(event.captured_ns for event in list(site.cloud.events.values()))
                assert abs((newest_ns - time.time_ns()) / 1e9 - HOUR_S) < 60, "it was followed"
            site.settle()


@pytest.mark.deep
def test_a_process_that_stands_still_for_a_minute(tmp_path: Path) -> None:
    """With the limits of the settings' defaults."""
    with ExitStack() as stack:
        site = Site(tmp_path, stack, {}, infer={"workers": 1})
        site.service.watchdog_s = None
        with site.service:
            with site.fault(restarts=None):
                site.service.signal(signal.SIGSTOP)
                time.sleep(60)  # this is the fault, and nothing is waited for
                site.service.signal(signal.SIGCONT)
            site.settle()
