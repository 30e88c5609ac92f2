"""The record of erasures, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.fleet.audit import BEGUN, Actor, Audit
from cloud.fleet.database import FleetDatabase, upgrade
from cloud.fleet.erasures import Erasures
from tests.support.postgresql import Postgresql, new_postgresql

BY = Actor("user:root", "here")
NARROW = ErasedRange("cam-box", 2000, 3000)
WIDE = ErasedRange("cam-box", 0, 9000)
OTHER = ErasedRange("other-box", 0, 9000)
TIME = ErasedRange("", 1000, 4000)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    server = new_postgresql()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FleetDatabase]:
    url = f"sqlite:///{tmp_path}/fleet.sqlite"
    if request.param == "postgresql":
        server: Postgresql = request.getfixturevalue("postgresql")
        url = server.new_database()
        upgrade(url)
    with closing(FleetDatabase(url)) as made:
        yield made


def test_a_range_is_known_from_its_begin_on_and_for_ever(database: FleetDatabase) -> None:
    audit = Audit(database)
    erasures = Erasures(database, audit)
    assert erasures.ranges() == ErasedRanges()

    number = erasures.begin(NARROW, BY)
    assert erasures.ranges() == ErasedRanges.of([NARROW])
    assert erasures.broken_off("cam-box") == [NARROW]
    [entry] = audit.page()
    assert (entry.action, entry.target, entry.outcome) == ("erase", "cam-box 2000 3000", BEGUN)

    erasures.end(number, NARROW, "done: 1 event")
    assert erasures.ranges() == ErasedRanges.of([NARROW])
    assert erasures.broken_off() == []
    assert [entry.outcome for entry in audit.page()] == ["done: 1 event"]


def test_an_end_finishes_what_lies_within_it(database: FleetDatabase) -> None:
    erasures = Erasures(database, Audit(database))
    for one in (NARROW, OTHER, TIME):
        erasures.begin(one, BY)
    assert erasures.broken_off("cam-box") == [NARROW, TIME]

    erasures.end(erasures.begin(WIDE, BY), WIDE, "done")
    assert erasures.broken_off() == [OTHER, TIME]
    erasures.end(erasures.begin(TIME, BY), TIME, "done")
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
        theirs.end(number, one, "done")
        assert ours.ranges() == ErasedRanges.of(expected)
    assert ours.ranges().cover("third-box", 2000)
    assert not ours.ranges().cover("third-box", 500)
