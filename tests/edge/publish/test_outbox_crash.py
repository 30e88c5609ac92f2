"""The outbox against a model queue, across crashes."""

import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.publish import schema
from edge.publish.outbox import Outbox
from edge.publish.rows import SeqRange
from edge.publish.settings import OutboxSettings
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.drafts import drafts
from tests.support.processes import wait_until

LAZY = OutboxSettings(commit_linger_ms=1000)
LANES = st.sampled_from(Lane)
Key = tuple[int, Lane]


def contents(outbox: Outbox) -> dict[Key, dict[int, int]]:
    """Frame by seq, of each stream that has rows."""
    return {
        (stream.boot, stream.lane): {
            row.seq: EventBatch.Event.FromString(row.payload).frame
            for row in outbox.read(stream, 1, last, 10**6)
        }
        for stream, last in outbox.streams()
    }


class OutboxMachine(RuleBasedStateMachine):
    """Appends, receipts, clean restarts and crashes, compared with dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="outbox-"))
        self.folder = self.root / "0"
        self.crashes = 0
        self.frame = 0
        self.rows: dict[Key, dict[int, int]] = {}
        self.last: dict[Key, int] = {}
        self.boots: set[int] = set()
        self.outbox = self.open()

    def open(self) -> Outbox:
        outbox = Outbox.open(self.folder, LAZY, "gate-1")
        assert outbox.boot not in self.boots
        self.boots.add(outbox.boot)
        return outbox

    def expect(self, lane: Lane, count: int) -> None:
        key = (self.outbox.boot, lane)
        for _ in range(count):
            self.last[key] = self.last.get(key, 0) + 1
            self.rows.setdefault(key, {})[self.last[key]] = self.frame
            self.frame += 1

    @rule(lane=LANES, count=st.integers(1, 12))
    def append(self, lane: Lane, count: int) -> None:
        self.outbox.append(drafts(count, lane, first=self.frame))
        assert self.outbox.flush(10)
        self.expect(lane, count)

    @rule(data=st.data())
    def receipt(self, data: st.DataObject) -> None:
        held = [key for key, rows in self.rows.items() if rows]
        if not held:
            return
        boot, lane = data.draw(st.sampled_from(held))
        first = data.draw(st.integers(1, self.last[boot, lane]))
        last = data.draw(st.integers(first, self.last[boot, lane] + 3))
        self.outbox.delete([SeqRange(boot, lane, first, last)])
        rows = self.rows[boot, lane]
        self.rows[boot, lane] = {n: f for n, f in rows.items() if not first <= n <= last}
        left = sum(len(rows) for rows in self.rows.values())
        if left == 0:
            assert self.outbox.wait_empty(10)
        self.outbox.append(drafts(1, Lane.ALARM, first=self.frame))
        assert self.outbox.flush(10), "an alarm takes the receipts along into its commit"
        self.expect(Lane.ALARM, 1)
        wait_until(lambda: self.outbox.depth().rows == left + 1, "the receipt is applied")

    @rule(count=st.integers(0, 5))
    def restart(self, count: int) -> None:
        self.outbox.append(drafts(count, Lane.STATS, first=self.frame))
        self.outbox.close()
        self.expect(Lane.STATS, count)
        self.outbox = self.open()

    @rule(lane=st.sampled_from([Lane.STATE, Lane.EVIDENCE, Lane.STATS]), count=st.integers(0, 5))
    def crash(self, lane: Lane, count: int) -> None:
        """What a killed process leaves: the files of a moment, without what was in memory."""
        self.outbox.append(drafts(count, lane, first=10**6))
        self.crashes += 1
        left_behind, self.folder = self.folder, self.root / str(self.crashes)
        self.folder.mkdir()
        for suffix in ("", "-wal"):
            part = left_behind / f"{schema.FILE_NAME}{suffix}"
            if part.exists():
                shutil.copy(part, self.folder / part.name)
        self.outbox.close()
        self.outbox = self.open()

    @invariant()
    def same_as_the_model(self) -> None:
        assert contents(self.outbox) == {key: rows for key, rows in self.rows.items() if rows}
        marks = {(boot, lane): last for boot, lane, last in self.outbox.high_water()}
        assert marks == self.last
        depth = self.outbox.depth()
        assert depth.rows == sum(len(rows) for rows in self.rows.values())
        assert (depth.bytes == 0) == (depth.rows == 0)
        assert depth.lost == 0

    def teardown(self) -> None:
        self.outbox.close()
        shutil.rmtree(self.root)


TestOutboxAgainstModel = OutboxMachine.TestCase
TestOutboxAgainstModel.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)

CHILD = """
import sys
from pathlib import Path
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from protos.ids import Lane
from tests.support.drafts import drafts

outbox = Outbox.open(Path(sys.argv[1]), OutboxSettings(commit_linger_ms=1), "gate-1")
frame = 0
while True:
    for lane in (Lane.ALARM, Lane.STATE):
        outbox.append(drafts(7, lane, first=frame))
    frame += 7
    if outbox.flush(10):
        print(outbox.boot, frame, flush=True)
"""


def test_what_was_durable_survives_sigkill(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    durable: dict[int, int] = {}
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(rng.randrange(1, 40)):
            boot, frame = map(int, child.stdout.readline().split())
            durable[boot] = frame
        child.kill()
        for line in child.stdout.read().splitlines():
            boot, frame = map(int, line.split())
            durable[boot] = frame
        child.wait()
        child.stdout.close()
    outbox = Outbox.open(tmp_path, LAZY, "gate-1")
    found = contents(outbox)
    assert {boot for boot, _ in found} == set(durable)
    assert len(durable) == 3
    for (boot, _), rows in found.items():
        assert len(rows) >= durable[boot]
        assert rows == {seq: seq - 1 for seq in range(1, len(rows) + 1)}
    assert {(b, lane): n for b, lane, n in outbox.high_water()} == {
        key: len(rows) for key, rows in found.items()
    }
    outbox.close()
