"""Upkeep: few files of past days, old days away, and never an event less."""

import contextlib
from collections.abc import Iterator
from datetime import date

import pytest

from cloud.archive.archive import Archive
from cloud.archive.keys import OneDevice, Shard
from cloud.archive.upkeep import Upkeep, apply_retention, compact
from cloud.errors import BlobsAwayError
from tests.support.archived import DAY_NS, archive_batches, in_shards
from tests.support.stored import START_NS, batch_of, person
from tests.support.switched_blobs import SwitchedBlobs

DAY = date(2025, 6, 15)


@pytest.fixture
def blobs() -> SwitchedBlobs:
    return SwitchedBlobs()


@pytest.fixture
def archive(blobs: SwitchedBlobs) -> Iterator[Archive]:
    with contextlib.closing(Archive(blobs)) as made:
        yield made


def held(archive: Archive) -> list[str]:
    files = [file for file, _ in archive.files()]
    return sorted(str(row.event.id) for file in files for row in archive.read(file))


def test_files_of_a_past_day_are_joined_and_double_events_go(archive: Archive) -> None:
    for seq in range(1, 11):
        archive_batches(archive, [batch_of(person(seq))])
    archive_batches(archive, [batch_of(person(3), person(4))])
    archive_batches(archive, [batch_of(person(1), device="other-box")])
    archive_batches(archive, [batch_of(person(20, START_NS + DAY_NS))])
    archive_batches(archive, [batch_of(person(21, START_NS + DAY_NS))])
    events = set(held(archive))

    assert compact(archive, before=date(2025, 6, 16)) == Upkeep(removed=11, made=1)
    assert set(held(archive)) == events
    assert [(str(file.day), file.part.label, file.events) for file, _ in archive.files()] == [
        ("2025-06-15", "cam-box", 10), ("2025-06-15", "other-box", 1),
        ("2025-06-16", "cam-box", 1), ("2025-06-16", "cam-box", 1),
    ]  # fmt: skip
    assert compact(archive, before=date(2025, 6, 16)) == Upkeep()


def test_rounds_are_joined_by_share_and_old_layouts_by_device(archive: Archive) -> None:
    devices = [f"box-{number}" for number in range(20)]
    for boot, part_of in ((1, OneDevice), (2, OneDevice), (3, in_shards(4)), (4, in_shards(4))):
        batches = [batch_of(person(1), device=device, boot=boot) for device in devices]
        archive_batches(archive, batches, part_of)
    events = held(archive)

    assert compact(archive, before=date(2025, 6, 16)) == Upkeep(removed=40 + 8, made=20 + 4)
    assert held(archive) == events
    files = [file for file, _ in archive.files()]
    assert [file.events for file in files if isinstance(file.part, OneDevice)] == [2] * 20
    assert sum(file.events for file in files if isinstance(file.part, Shard)) == 40
    assert compact(archive, before=date(2025, 6, 16)) == Upkeep()


def test_a_file_that_holds_all_the_others_stays_and_they_go(archive: Archive) -> None:
    archive_batches(archive, [batch_of(person(1))])
    archive_batches(archive, [batch_of(person(1)), batch_of(person(2))])

    assert compact(archive, before=date(2025, 6, 16)) == Upkeep(removed=1, made=0)
    assert len(held(archive)) == 2


def test_a_join_that_cannot_be_written_deletes_nothing(
    blobs: SwitchedBlobs, archive: Archive
) -> None:
    for seq in (1, 2):
        archive_batches(archive, [batch_of(person(seq))])
    blobs.refused = {"archive"}
    with pytest.raises(BlobsAwayError):
        compact(archive, before=date(2025, 6, 16))

    assert len(held(archive)) == 2


def test_a_joined_file_has_its_limit(archive: Archive) -> None:
    for seq in range(1, 6):
        archive_batches(archive, [batch_of(person(seq * 2), person(seq * 2 + 1))])

    done = compact(archive, before=date(2025, 6, 16), max_events=5)
    assert done == Upkeep(removed=4, made=2)
    assert sorted(file.events for file, _ in archive.files()) == [2, 4, 4]
    assert len(held(archive)) == 10


def test_days_older_than_the_retention_go(archive: Archive) -> None:
    for day in range(5):
        batches = [batch_of(person(day + 1, START_NS + day * DAY_NS))]
        archive_batches(archive, batches)
        archive_batches(archive, batches, in_shards(2))

    assert apply_retention(archive, keep_days=2, today=date(2025, 6, 19)) == Upkeep(removed=4)
    assert [file.day.day for file, _ in archive.files()] == [17, 17, 18, 18, 19, 19]
    assert apply_retention(archive, keep_days=36_500, today=DAY) == Upkeep()
