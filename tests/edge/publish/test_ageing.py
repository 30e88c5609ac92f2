"""What is too old goes, and a wrong clock throws nothing away."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.publish import schema
from edge.publish.clock import ClockState
from edge.publish.commit import Work, commit
from edge.publish.condense import Loss
from edge.publish.ledger import Ledger
from edge.publish.losses import Losses
from edge.publish.outbox import Outbox
from edge.publish.settings import OutboxSettings
from edge.publish.staging import Staged
from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.processes import wait_until

DAY_NS = 86_400 * 10**9
TODAY_NS = 20_000 * DAY_NS
MAX_AGE_S = 30 * 86_400.0


@dataclass
class Board:
    """An outbox file on a device whose clock, and its word on it, are the test's."""

    path: Path
    now_ns: int = TODAY_NS
    synced: bool = True
    starts: int = 0
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        if self.starts:
            self.ledger.close()
        self.starts += 1
        self.ledger = Ledger(schema.connect(self.path), "gate-1", self.starts)

    def append(self, lane: Lane, *captured_ns: int) -> None:
        clock = ClockState(self.synced, 1)
        self.commit(Work(drafts=[Staged(lane, at_ns, clock, b"") for at_ns in captured_ns]))

    def commit(self, work: Work) -> int:
        clock = ClockState(self.synced, 1)
        done = commit(self.ledger, work, max_bytes=10**9, now_ns=self.now_ns, clock=clock)
        return sum(item.last - item.first + 1 for item in done.expired)

    def expire(self) -> int:
        """How many rows go for their age now."""
        went = 0
        while some := self.commit(Work(max_age_s=MAX_AGE_S)):
            went += some
        return went

    def kept(self, lane: Lane) -> list[int]:
        """Captured times of the rows of a lane that are no reports of losses."""
        return [
            row.captured_ns
            for stream in sorted(self.ledger.committed)
            if stream.lane is lane
            for row in self.ledger.read(stream, 1, 10**6, 10**6)
            if not Event.FromString(row.payload).HasField("events_lost")
        ]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path / schema.FILE_NAME)
    yield board
    board.ledger.close()


def test_what_is_older_goes_and_the_rest_stays(board: Board) -> None:
    for day in range(40):
        board.append(Lane.STATS, TODAY_NS + day * DAY_NS)
    board.now_ns = TODAY_NS + 5 * DAY_NS
    assert board.expire() == 0
    board.now_ns = TODAY_NS + 39 * DAY_NS + 1
    assert board.expire() == 10
    assert board.kept(Lane.STATS) == [TODAY_NS + day * DAY_NS for day in range(10, 40)]


def test_a_device_that_began_in_1970_keeps_its_events_when_it_learns_the_time(
    board: Board,
) -> None:
    board.now_ns, board.synced = 100 * 10**9, False
    board.append(Lane.STATE, *range(10**9, 100 * 10**9, 10**9))
    assert board.expire() == 0
    board.now_ns, board.synced = TODAY_NS, True
    assert board.expire() == 0, "they were captured today"
    board.now_ns += 29 * DAY_NS
    assert board.expire() == 0
    board.now_ns += 2 * DAY_NS
    assert board.expire() == 99


def test_a_start_that_never_knew_the_time_is_dated_by_the_next_one_that_does(board: Board) -> None:
    for _ in range(3):
        board.now_ns, board.synced = 100 * 10**9, False
        board.append(Lane.STATE, 10**9, 2 * 10**9)
        assert board.expire() == 0
        board.start()
    board.now_ns, board.synced = TODAY_NS, True
    assert board.expire() == 0
    board.now_ns += 31 * DAY_NS
    assert board.expire() == 6


def test_without_a_clock_that_is_kept_nothing_ages(board: Board) -> None:
    board.append(Lane.STATE, TODAY_NS)
    assert board.expire() == 0
    board.now_ns, board.synced = TODAY_NS + 365 * DAY_NS, False
    assert board.expire() == 0
    board.synced = True
    assert board.expire() == 1


def test_more_than_a_handful_goes_and_an_event_out_of_order_is_found(board: Board) -> None:
    board.expire()
    ahead = TODAY_NS + 300 * DAY_NS
    board.append(Lane.STATS, ahead, *[TODAY_NS] * 2500, ahead)
    assert board.expire() == 0
    board.now_ns = TODAY_NS + 31 * DAY_NS
    assert board.expire() == 2500
    assert board.kept(Lane.STATS) == [ahead, ahead]


STEPS = ["append", "pass", "find", "lose", "expire", "restart", "reboot"]
"""Days pass, a time service is found or lost, the agent starts again, the board in 1970."""


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.floats(0, 20)), max_size=40))
def test_whatever_the_clock_does_nothing_goes_before_its_time(
    steps: list[tuple[str, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    board = Board(tmp_path_factory.mktemp("board") / schema.FILE_NAME)
    true_ns, behind_ns = TODAY_NS, 0
    born_ns: dict[int, int] = {}
    for number, (what, days) in enumerate(steps):
        if what == "pass":
            true_ns += int(days * DAY_NS)
        if what == "reboot":
            behind_ns = true_ns
        if what in ("restart", "reboot"):
            board.start()
        if what in ("find", "lose", "reboot"):
            board.synced = what == "find"
        if what == "find":
            behind_ns = 0
        board.now_ns = true_ns - behind_ns
        if what == "append":
            captured_ns = board.now_ns + number  # told apart by it
            born_ns[captured_ns] = true_ns
            board.append(Lane.STATE, captured_ns)
        if what == "expire":
            board.expire()
            young = [c for c, at_ns in born_ns.items() if true_ns - at_ns < 30 * DAY_NS - 1000]
            assert set(young) <= set(board.kept(Lane.STATE))
    board.synced, board.now_ns = True, true_ns
    board.expire()
    board.now_ns += 31 * DAY_NS
    board.expire()
    assert board.kept(Lane.STATE) == [], "in the end all go"
    board.ledger.close()


def test_the_agent_looks_by_itself_and_says_what_went(tmp_path: Path) -> None:
    looks = itertools.count()
    limits = OutboxSettings(commit_linger_ms=0, max_age_s=1)
    outbox = Outbox.open(
        tmp_path, limits, "gate-1", clock=lambda: ClockState(True, 1),
        now_ns=lambda: TODAY_NS + min(next(looks), 10) * 10**9,
    )  # fmt: skip

    def said() -> list[EventBatch.LostRange]:
        return [
            lost
            for stream, last in outbox.streams()
            for row in outbox.read(stream, 1, last, 100)
            for lost in Event.FromString(row.payload).events_lost.ranges
            if lost.lane == EventBatch.LANE_STATS
        ]

    with contextlib.closing(outbox):
        outbox.append([Draft(Lane.STATS, Event(captured_ns=TODAY_NS)) for _ in range(20)])
        outbox.append([Draft(Lane.ALARM, Event(captured_ns=TODAY_NS + 10**10))])
        wait_until(lambda: outbox.depth().lost >= 20, "they age while nothing else happens")
        wait_until(said, "it is said")
        (lost,) = said()
        lanes = {stream.lane for stream, _ in outbox.streams()}
    assert (lost.first_seq, lost.last_seq, lost.count, lost.reason) == (1, 20, 20, "too old")
    assert Lane.ALARM in lanes, "the alarm is younger"


def test_the_table_of_losses_is_bounded_and_what_it_says_adds_up(board: Board) -> None:
    """Losses that touch nowhere, offline for ever: each was said, and none has a receipt."""
    with board.ledger.transaction():
        board.ledger.register_boot()
    stream = board.ledger.stream(Lane.STATE)
    connection = schema.connect(board.path.with_name("other.sqlite3"))
    losses = Losses(connection, max_rows=20)
    for number in range(1000):
        boot, seq = number // 100 + 1, number % 100 * 10 + 1
        losses.record(Loss(boot, Lane.STATS, seq, seq + 4, 5, "outbox full"))
        ids, _ = losses.next_report()
        losses.said(ids, stream, number + 1)
        assert _rows(connection) <= 20
    (total,) = connection.execute("SELECT sum(count) FROM losses").fetchone()
    assert total == 5000
    assert not losses.unsaid
    losses.stored(stream, 1, 1000)
    assert _rows(connection) == 0
    connection.close()


def _rows(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM losses").fetchone()[0])
