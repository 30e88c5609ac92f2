"""Pictures in the outbox: durable with the event that names them, and never in its way."""

import hashlib
import sqlite3
from typing import Any

from cloud.evidence.snapshots import checked
from edge.evidence.port import Name, Shot
from edge.publish import schema
from edge.publish.batches import make_batch
from edge.publish.outbox import Outbox
from edge.publish.rows import Row, Stream
from edge.publish.settings import KIB, OutboxSettings
from edge.rules.port import Draft, Event
from protos.codec import MAX_EVENTS, decode
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.snapshot_pb2 import Snapshot
from tests.support.drafts import START_NS, drafts
from tests.support.outboxes import OpenOutbox


def shot(size: int = 100) -> Shot:
    return Shot("gate", START_NS, 40, 30, b"\xff\xd8\xff" + bytes(size) + b"\xff\xd9")


def showing(picture: Shot, lane: Lane = Lane.ALARM, name: Name | None = None) -> Draft:
    (draft,) = drafts(1, lane)
    return Draft(draft.lane, draft.event, picture, name)


def rows(outbox: Outbox, lane: Lane) -> list[Row]:
    stream = outbox.find(outbox.boot, lane)
    return [] if stream is None else outbox.read(stream, 1, 10_000, 10_000)


def pictures(outbox: Outbox) -> list[Snapshot]:
    return [decode(Snapshot, row.payload) for row in rows(outbox, Lane.EVIDENCE)]


def snapshot_ids(outbox: Outbox, lane: Lane) -> list[str]:
    return [Event.FromString(row.payload).snapshot_id for row in rows(outbox, lane)]


def test_a_picture_travels_under_the_id_of_its_event(open_outbox: OpenOutbox) -> None:
    outbox, picture, name = open_outbox(), shot(), Name()
    image = picture.jpeg
    outbox.append([*drafts(2, Lane.ALARM), showing(picture, name=name)])
    assert outbox.flush(10)
    event_id = str(EventId("gate-1", outbox.boot, Lane.ALARM, 3))
    assert snapshot_ids(outbox, Lane.ALARM) == ["", "", event_id]
    (sent,) = pictures(outbox)
    assert str(checked(sent)) == event_id, "the cloud takes it as that event's picture"
    assert (sent.boot, sent.seq, sent.image) == (outbox.boot, 1, image)
    assert (sent.camera, sent.captured_ns) == ("gate", START_NS)
    assert (sent.width_px, sent.height_px) == (40, 30)
    assert sent.sha256 == hashlib.sha256(image).digest()
    assert name.event_id == event_id
    assert picture.jpeg == b"", "it is in memory once"


def test_later_events_refer_to_the_picture_that_was_sent(open_outbox: OpenOutbox) -> None:
    outbox, picture = open_outbox(), shot()
    outbox.append([showing(picture), showing(picture, Lane.STATE)])
    assert outbox.flush(10)
    outbox.append([showing(picture, Lane.STATE)])
    assert outbox.flush(10)
    (event_id,) = snapshot_ids(outbox, Lane.ALARM)
    assert snapshot_ids(outbox, Lane.STATE) == [event_id, event_id]
    assert [sent.event_id for sent in pictures(outbox)] == [event_id]


def test_a_picture_is_one_message_and_events_are_batched(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox()
    outbox.append([showing(shot()), showing(shot()), showing(shot())])
    assert outbox.flush(10)
    limits = {"max_events": MAX_EVENTS, "max_bytes": 64 * KIB}
    stream = Stream(Lane.EVIDENCE, 1, outbox.boot)
    batch = make_batch("gate-1", stream, rows(outbox, Lane.EVIDENCE), **limits)
    assert (batch.first, batch.last) == (1, 1)
    assert decode(Snapshot, batch.payload).seq == 1
    alarms = rows(outbox, Lane.ALARM)
    batch = make_batch("gate-1", Stream(Lane.ALARM, 1, outbox.boot), alarms, **limits)
    assert (batch.first, batch.last) == (1, 3)


def test_a_picture_that_is_too_large_is_counted_and_its_event_is_told(
    open_outbox: OpenOutbox,
) -> None:
    outbox = open_outbox(OutboxSettings(max_bytes=256 * KIB, commit_linger_ms=0))
    picture = shot(40 * KIB)
    outbox.append([showing(picture)])
    outbox.append([showing(picture)])
    assert outbox.flush(10)
    assert snapshot_ids(outbox, Lane.ALARM) == ["", ""]
    assert pictures(outbox) == []
    assert outbox.depth().lost == 1
    (lost,) = [
        lost
        for row in rows(outbox, Lane.STATE)
        for lost in Event.FromString(row.payload).events_lost.ranges
    ]
    assert (lost.lane, lost.count) == (EventBatch.LANE_EVIDENCE, 1)


def test_pictures_go_before_alarms_and_states_when_space_runs_out(open_outbox: OpenOutbox) -> None:
    outbox = open_outbox(OutboxSettings(max_bytes=256 * KIB, commit_linger_ms=0))
    for _ in range(20):
        outbox.append([showing(shot(20 * KIB))])
        assert outbox.flush(10)
    assert len(rows(outbox, Lane.ALARM)) == 20
    kept = [row.seq for row in rows(outbox, Lane.EVIDENCE)]
    assert 0 < len(kept) < 20
    assert kept == list(range(21 - len(kept), 21)), "the oldest went"
    reports = [Event.FromString(row.payload).events_lost.ranges for row in rows(outbox, Lane.STATE)]
    lost = [one for ranges in reports for one in ranges]
    assert sum(one.count for one in lost) == 20 - len(kept) == outbox.depth().lost
    assert {one.lane for one in lost} == {EventBatch.LANE_EVIDENCE}


class _FullOnce(sqlite3.Connection):
    """A file whose first commits of pictures find no space."""

    refusals = 3

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        if _FullOnce.refusals:
            _FullOnce.refusals -= 1
            raise sqlite3.OperationalError("database or disk is full")
        return super().executemany(sql, parameters)


def test_names_that_were_not_committed_are_given_anew(open_outbox: OpenOutbox) -> None:
    """An alarm that came meanwhile goes first, so the event gets another seq than at first."""
    _FullOnce.refusals = 3
    outbox = open_outbox(connect_to=lambda path: schema.connect(path, _FullOnce))
    name = Name()
    outbox.append([showing(shot(), Lane.STATE, name)])
    outbox.append(drafts(2, Lane.ALARM))
    assert outbox.flush(10)
    (event_id,) = snapshot_ids(outbox, Lane.STATE)
    seq = rows(outbox, Lane.STATE)[0].seq
    assert event_id == name.event_id == str(EventId("gate-1", outbox.boot, Lane.STATE, seq))
    assert [sent.event_id for sent in pictures(outbox)] == [event_id]


def test_a_picture_waits_for_its_event_where_commits_are_small(open_outbox: OpenOutbox) -> None:
    """A commit has room for some of it only: no picture is ever written before its event."""
    outbox = open_outbox(OutboxSettings(max_bytes=512 * KIB, commit_linger_ms=250))
    many = [showing(shot(30 * KIB), Lane.STATE) for _ in range(8)]
    padding = drafts(3, Lane.STATE, detail="x" * 30 * KIB)
    outbox.append([*padding, *many])
    assert outbox.flush(10)
    sent = {one.event_id for one in pictures(outbox)}
    assert sent == set(snapshot_ids(outbox, Lane.STATE)) - {""}
    assert len(sent) == 8
