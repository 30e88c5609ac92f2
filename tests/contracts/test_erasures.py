"""The record of erasures, on SQLite and PostgreSQL."""

import pytest

from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.errors import ErasureError, UnknownErasureError
from cloud.fleet.audit import BEGUN, Actor, Audit
from cloud.fleet.database import FleetDatabase
from cloud.fleet.erasures import MAX_WAITING, Erasures, ErasureState

BY = Actor("user:root", "here")
NARROW = ErasedRange("cam-box", 2000, 3000)
WIDE = ErasedRange("cam-box", 0, 9000)
OTHER = ErasedRange("other-box", 0, 9000)
TIME = ErasedRange("", 1000, 4000)


def test_a_range_is_known_from_its_begin_on_and_for_ever(database: FleetDatabase) -> None:
    audit = Audit(database)
    erasures = Erasures(database, audit)
    assert erasures.ranges() == ErasedRanges()

    number = erasures.begin(NARROW, BY)
    assert erasures.ranges() == ErasedRanges.of([NARROW])
    assert erasures.broken_off("cam-box") == [NARROW]
    [entry] = audit.page()
    assert (entry.action, entry.target, entry.outcome) == ("erase", "cam-box 2000 3000", BEGUN)

    erasures.end(number, "done: 1 event")
    assert erasures.ranges() == ErasedRanges.of([NARROW])
    assert erasures.broken_off() == []
    assert [entry.outcome for entry in audit.page()] == ["done: 1 event"]


def test_an_end_finishes_what_lies_within_it(database: FleetDatabase) -> None:
    erasures = Erasures(database, Audit(database))
    for one in (NARROW, OTHER, TIME):
        erasures.begin(one, BY)
    assert erasures.broken_off("cam-box") == [NARROW, TIME]

    erasures.end(erasures.begin(WIDE, BY), "done")
    assert erasures.broken_off() == [OTHER, TIME]
    erasures.end(erasures.begin(TIME, BY), "done")
    assert erasures.broken_off() == [OTHER]


def test_what_another_process_records_is_known_at_the_next_reading(
    database: FleetDatabase,
) -> None:
    """A writer reads before and after each write, and may remember nothing that is not so."""
    ours, theirs = (Erasures(database, Audit(database)) for _ in range(2))
    expected: list[ErasedRange] = []
    for one in (NARROW, OTHER, WIDE, TIME):
        assert ours.ranges() == ErasedRanges.of(expected)
        number = theirs.begin(one, BY)
        expected.append(one)
        assert ours.ranges() == ErasedRanges.of(expected)
        theirs.end(number, "done")
        assert ours.ranges() == ErasedRanges.of(expected)
    assert ours.ranges().cover("third-box", 2000)
    assert not ours.ranges().cover("third-box", 500)


def test_what_a_serve_carries_out_waits_until_it_has_ended(database: FleetDatabase) -> None:
    audit = Audit(database)
    erasures = Erasures(database, audit, clock_ns=lambda: 70)
    erasures.begin(OTHER, BY)  # by a command, and no business of a serve
    asked = erasures.ask(NARROW, BY, asked_ns=50)
    assert (asked.number, asked.state, asked.outcome) == (2, ErasureState.ACCEPTED, "")
    assert (asked.asked_by, asked.begun_ns, asked.ended_ns) == ("user:root", 50, None)
    assert asked.erased in erasures.ranges().ranges, "late events are refused from now on"
    assert erasures.waiting() == [asked]

    erasures.take(2)
    assert erasures.get(2).state is ErasureState.RUNNING
    erasures.fail(2, "no room" * 100)
    failed = erasures.get(2)
    assert failed.state is ErasureState.FAILED
    assert failed.outcome.startswith("failed: no room")
    assert [one.number for one in erasures.waiting()] == [2]
    assert audit.page()[1].outcome.startswith("failed: no room")

    erasures.take(2)
    assert erasures.get(2).state is ErasureState.RUNNING
    erasures.end(2, "done: 1 event")
    erasures.end(2, "done: 0 events, by another process")
    erasures.fail(2, "too late")
    done = erasures.get(2)
    assert (done.state, done.ended_ns, done.outcome) == (ErasureState.DONE, 70, "done: 1 event")
    assert audit.page()[1].outcome == "done: 1 event"
    assert erasures.waiting() == []
    assert [one.number for one in erasures.page()] == [1, 2]
    assert [one.number for one in erasures.page(after=1, limit=1)] == [2]


def test_what_lies_within_a_wider_one_needs_no_run_of_its_own(database: FleetDatabase) -> None:
    erasures = Erasures(database, Audit(database))
    erasures.ask(NARROW, BY, 1)
    erasures.end(erasures.ask(WIDE, BY, 2).number, "done")
    assert erasures.waiting() == []
    assert erasures.get(1).outcome == "done with erasure 2"


def test_no_more_wait_than_can_be_carried_out(database: FleetDatabase) -> None:
    erasures = Erasures(database, Audit(database))
    for _ in range(MAX_WAITING):
        erasures.ask(NARROW, BY, 1)
    with pytest.raises(ErasureError, match="ask again later"):
        erasures.ask(NARROW, BY, 1)
    with pytest.raises(UnknownErasureError, match="no erasure 999"):
        erasures.get(999)
