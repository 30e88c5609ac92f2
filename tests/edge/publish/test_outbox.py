"""The outbox: durable, contiguous, bounded, and honest about what it gave up."""

import contextlib
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog

from edge.errors import OutboxError
from edge.publish import schema
from edge.publish.outbox import Outbox
from edge.publish.rows import SeqRange, Stream
from edge.publish.settings import OutboxSettings
from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.drafts import START_NS, drafts
from tests.support.outboxes import QUICK, OpenOutbox
from tests.support.processes import wait_until

SMALL = OutboxSettings(max_bytes=256 * 1024, commit_linger_ms=0, retry_s=0.02)


def append(outbox: Outbox, events: Sequence[Draft]) -> None:
    outbox.append(events)
    assert outbox.flush(10)


def events(outbox: Outbox, lane: Lane) -> list[Event]:
    """All events of a lane, of every start, in the order in which they are sent."""
    found = []
    for stream, last in outbox.streams():
        if stream.lane is lane:
            found += [
                Event.FromString(row.payload) for row in outbox.read(stream, 1, last, 1_000_000)
            ]
    return found


def losses(outbox: Outbox) -> list[EventBatch.LostRange]:
    return [
        lost
        for event in events(outbox, Lane.STATE)
        if event.kind == EventBatch.EVENTS_LOST
        for lost in event.events_lost.ranges
    ]


def all_said(outbox: Outbox) -> bool:
    return 0 < sum(lost.count for lost in losses(outbox)) == outbox.depth().lost


def stream_of(outbox: Outbox, lane: Lane) -> Stream:
    stream = outbox.find(outbox.boot, lane)
    assert stream is not None
    return stream


def receipt(outbox: Outbox, lane: Lane, first: int, last: int) -> None:
    outbox.delete([SeqRange(outbox.boot, lane, first, last)])


def test_events_get_contiguous_seqs_in_each_lane(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.append(drafts(3, Lane.STATE) + drafts(2, Lane.ALARM))
    append(outbox, drafts(2, Lane.STATE, first=3))
    assert [(e.seq, e.frame) for e in events(outbox, Lane.STATE)] == [
        (1, 0), (2, 1), (3, 2), (4, 3), (5, 4),
    ]  # fmt: skip
    assert [e.seq for e in events(outbox, Lane.ALARM)] == [1, 2]
    depth = outbox.depth()
    assert (depth.rows, depth.oldest_ns, depth.lost, depth.staged) == (7, START_NS, 0, 0)
    assert outbox.high_water() == [(outbox.boot, Lane.ALARM, 2), (outbox.boot, Lane.STATE, 5)]


def test_receipts_delete_and_the_high_water_mark_stays(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    append(outbox, drafts(10))
    receipt(outbox, Lane.STATE, 2, 9)
    wait_until(lambda: outbox.depth().rows == 2, "deleted")
    assert [e.seq for e in events(outbox, Lane.STATE)] == [1, 10]
    receipt(outbox, Lane.STATE, 1, 10)
    assert outbox.wait_empty(10)
    assert outbox.depth().bytes == 0
    assert outbox.depth().oldest_ns == 0
    outbox.close()
    again = open_outbox()
    assert (outbox.boot, Lane.STATE, 10) in again.high_water()
    assert again.boot != outbox.boot
    assert again.streams() == []


def test_a_receipt_never_touches_what_is_not_durable_or_not_known(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    append(outbox, drafts(3))
    outbox.delete([SeqRange(outbox.boot ^ 1, Lane.STATE, 1, 3)])
    outbox.delete([SeqRange(outbox.boot, Lane.ALARM, 1, 3)])
    receipt(outbox, Lane.STATE, 3, 10**6)
    wait_until(lambda: outbox.depth().rows == 2, "deleted")
    append(outbox, drafts(3, first=3))
    assert [e.seq for e in events(outbox, Lane.STATE)] == [1, 2, 4, 5, 6]


def test_several_starts_coexist_oldest_first(open_outbox: OpenOutbox) -> None:
    first = open_outbox()
    append(first, drafts(2))
    first.close()
    second = open_outbox()
    append(second, drafts(1, Lane.ALARM))
    append(second, drafts(1))
    assert [(s.boot, s.lane, last) for s, last in second.streams()] == [
        (second.boot, Lane.ALARM, 1), (first.boot, Lane.STATE, 2), (second.boot, Lane.STATE, 1),
    ]  # fmt: skip
    second.delete([SeqRange(first.boot, Lane.STATE, 1, 2)])
    wait_until(lambda: second.depth().rows == 2, "the old start's events are deleted")
    assert len(second.high_water()) == 3


def test_what_was_appended_is_made_durable_at_close(open_outbox: OpenOutbox) -> None:
    lazy = open_outbox(OutboxSettings(commit_linger_ms=1000))
    lazy.append(drafts(5))
    lazy.close()
    assert open_outbox().depth().rows == 5


def test_a_closed_outbox_takes_nothing_and_says_so(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    outbox = open_outbox()
    outbox.close()
    with pytest.raises(OutboxError, match="closed"):
        outbox.append(drafts(1))
    with pytest.raises(OutboxError, match="closed"):
        outbox.high_water()
    assert not (tmp_path / schema.SUSPECT_NAME).exists()


def test_a_start_without_events_leaves_no_trace(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    for _ in range(3):
        open_outbox().close()
    with contextlib.closing(sqlite3.connect(tmp_path / schema.FILE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM boots").fetchone() == (1,)


def test_a_second_agent_is_refused(open_outbox: OpenOutbox) -> None:
    open_outbox()
    with pytest.raises(OutboxError, match="does another agent run"):
        open_outbox()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="cannot be used"):
        Outbox.open(tmp_path / "file" / "outbox", QUICK, "gate-1")


def test_a_file_of_a_newer_agent_is_left_alone(open_outbox: OpenOutbox, tmp_path: Path) -> None:
    open_outbox().close()
    with contextlib.closing(sqlite3.connect(tmp_path / schema.FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(OutboxError, match="version 99"):
        open_outbox()


def test_a_draft_with_a_seq_is_a_mistake(open_outbox: OpenOutbox) -> None:
    with pytest.raises(ValueError, match="has no seq"):
        open_outbox().append([Draft(Lane.STATE, Event(seq=7))])


def test_the_forwarder_is_told_of_each_commit(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    told = threading.Event()
    outbox.subscribe(told.set)
    outbox.append(drafts(1, Lane.ALARM))
    assert told.wait(10)


def test_flush_says_when_there_was_not_enough_time(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    append(outbox, drafts(1))
    assert not outbox.wait_empty(0.01)


# Room.


def test_when_space_runs_out_the_oldest_of_the_least_urgent_lane_go_and_that_is_said(
    open_outbox: OpenOutbox,
) -> None:
    outbox = open_outbox(SMALL)
    append(outbox, drafts(100, Lane.ALARM, detail="x" * 500))
    append(outbox, drafts(100, Lane.STATE, detail="x" * 500))
    for first in range(0, 600, 50):
        append(outbox, drafts(50, Lane.STATS, first=first, detail="x" * 500))
    wait_until(lambda: all_said(outbox), "the loss is said")
    assert outbox.depth().bytes <= SMALL.max_bytes
    assert [e.seq for e in events(outbox, Lane.ALARM)] == list(range(1, 101))
    states = [e for e in events(outbox, Lane.STATE) if e.kind != EventBatch.EVENTS_LOST]
    assert len(states) == 100
    kept = [e.seq for e in events(outbox, Lane.STATS)]
    said = losses(outbox)
    gone = [seq for lost in said for seq in range(lost.first_seq, lost.last_seq + 1)]
    assert sorted(gone + kept) == list(range(1, 601))
    assert {(lost.boot, lost.lane, lost.reason) for lost in said} == {
        (outbox.boot, EventBatch.LANE_STATS, "outbox full")
    }
    assert sum(lost.count for lost in said) == len(gone) == outbox.depth().lost


def test_rows_that_the_broker_took_go_before_rows_that_it_did_not(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox(SMALL)
    append(outbox, drafts(150, Lane.STATE, detail="x" * 500))
    append(outbox, drafts(150, Lane.STATS, detail="x" * 500))
    outbox.mark_taken(stream_of(outbox, Lane.STATE), 51, 100)
    append(outbox, drafts(200, Lane.STATS, first=150, detail="x" * 500))
    wait_until(lambda: outbox.depth().lost >= 60, "room is made")
    wait_until(lambda: all_said(outbox), "it is said")
    taken = [lost for lost in losses(outbox) if lost.reason == "outbox full, after PUBACK"]
    assert {lost.lane for lost in taken} == {EventBatch.LANE_STATE}
    seqs = [seq for lost in taken for seq in range(lost.first_seq, lost.last_seq + 1)]
    assert seqs == list(range(51, 101))
    assert losses(outbox)[0] == taken[0]
    others = [lost for lost in losses(outbox) if lost.reason == "outbox full"]
    assert {lost.lane for lost in others} == {EventBatch.LANE_STATS}
    assert outbox.depth().bytes <= SMALL.max_bytes


def test_alarms_go_last_even_when_the_broker_took_them(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox(SMALL)
    append(outbox, drafts(300, Lane.ALARM, detail="x" * 500))
    outbox.mark_taken(stream_of(outbox, Lane.ALARM), 1, 10)
    append(outbox, drafts(180, Lane.STATS, detail="x" * 500))
    wait_until(lambda: losses(outbox), "the loss is said")
    assert {lost.lane for lost in losses(outbox)} == {EventBatch.LANE_STATS}
    append(outbox, drafts(200, Lane.ALARM, first=300, detail="x" * 500))
    wait_until(lambda: not events(outbox, Lane.STATS), "everything else went first")
    kept = [event.seq for event in events(outbox, Lane.ALARM)]
    assert kept[0] > 10, "those that the broker took first"
    assert kept == list(range(kept[0], 501))
    assert outbox.depth().bytes <= SMALL.max_bytes


def test_a_loss_that_was_said_and_evicted_is_said_again_until_there_is_a_receipt(
    open_outbox: OpenOutbox, tmp_path: Path
) -> None:
    outbox = open_outbox(SMALL)
    for first in range(0, 1500, 50):
        append(outbox, drafts(50, Lane.STATE, first=first, detail="x" * 500))

    def all_accounted_for() -> bool:
        kept = {event.seq for event in events(outbox, Lane.STATE)}
        said = {n for lost in losses(outbox) for n in range(lost.first_seq, lost.last_seq + 1)}
        return kept | said == set(range(1, outbox.high_water()[-1][2] + 1))

    wait_until(all_accounted_for, "also the reports that were evicted are said")
    last = outbox.high_water()[-1][2]
    receipt(outbox, Lane.STATE, 1, last)
    assert outbox.wait_empty(10)
    outbox.close()
    with contextlib.closing(sqlite3.connect(tmp_path / schema.FILE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM losses").fetchone() == (0,)


def test_an_event_that_no_batch_could_carry_is_given_up_and_said(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    with structlog.testing.capture_logs() as logs:
        append(outbox, [*drafts(1, Lane.ALARM, detail="x" * 1_100_000), *drafts(1, Lane.ALARM)])
    wait_until(lambda: losses(outbox), "the loss is said")
    (lost,) = losses(outbox)
    assert (lost.first_seq, lost.count, lost.reason) == (0, 1, "event too large")
    assert outbox.depth().lost == 1
    assert [log["event"] for log in logs] == ["event too large, given up"]
    assert [e.seq for e in events(outbox, Lane.ALARM)] == [1]
