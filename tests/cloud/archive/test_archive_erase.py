"""Erased rows leave the archive and do not come back, whoever writes at the same time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date

import pytest

from cloud.archive.archive import Archive
from cloud.archive.erase import erase, files_with
from cloud.archive.keys import OneDevice, Shard
from cloud.archive.replay import replay
from cloud.archive.settings import ArchiveSettings
from cloud.archive.upkeep import compact
from cloud.archive.worker import ArchiveWorker
from cloud.bus import topology
from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.errors import BlobsAwayError, StoreAwayError
from protos.codec import encode
from tests.support.archived import PartOf, archive_batches, in_shards
from tests.support.fake_bus import FakeBus
from tests.support.fake_store import FakeStore
from tests.support.processes import wait_until
from tests.support.stored import START_NS, batch_of, person
from tests.support.switched_blobs import SwitchedBlobs
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff

MS = 1_000_000
RANGE = ErasedRange("cam-box", START_NS + 3 * MS, START_NS + 5 * MS)
TOMORROW = date(2025, 6, 16)


class Table:
    """What was erased, as it is read; at a given reading, an erasure is recorded before."""

    def __init__(self, at_reading: int = 10**9, then: Callable[[], object] = lambda: None) -> None:
        self.ranges: tuple[ErasedRange, ...] = ()
        self.away = False
        self.readings = 0
        self._at_reading = at_reading
        self._then = then

    def __call__(self) -> ErasedRanges:
        if self.away:
            raise StoreAwayError("the table is away")
        self.readings += 1
        if self.readings == self._at_reading:
            self.ranges = (RANGE,)
            self._then()
        return ErasedRanges.of(self.ranges)


@pytest.fixture
def blobs() -> SwitchedBlobs:
    return SwitchedBlobs()


@pytest.fixture
def archive(blobs: SwitchedBlobs) -> Iterator[Archive]:
    with closing(Archive(blobs)) as made:
        yield made


def held(archive: Archive) -> set[str]:
    return {
        f"{row.event.id.device} {row.event.id.seq}"
        for file, _ in archive.files()
        for row in archive.read(file)
    }


def named(*seqs: int, device: str = "cam-box") -> set[str]:
    return {f"{device} {seq}" for seq in seqs}


def fill(
    archive: Archive, seqs: Sequence[int] = (1, 2, 3, 4, 5, 6), part_of: PartOf = OneDevice
) -> None:
    """A file a seq, and one of all."""
    for group in (*[(seq,) for seq in seqs], seqs):
        archive_batches(
            archive,
            [
                batch_of(*[person(seq) for seq in group], device=device)
                for device in ("cam-box", "other-box")
            ],
            part_of,
        )


def test_a_device_goes_from_the_files_that_it_shares_and_the_others_stay(
    archive: Archive,
) -> None:
    fill(archive)
    fill(archive, part_of=in_shards(1))
    fill(archive, part_of=in_shards(64))
    shared = [file for file, _ in archive.files() if file.part == Shard(0, 1)]
    found = list(files_with(archive, RANGE))

    assert len(found) == 9
    assert erase(archive, RANGE) == 9
    assert held(archive) == named(1, 2, 5, 6) | named(1, 2, 3, 4, 5, 6, device="other-box")
    left = [file for file, _ in archive.files() if file.part == Shard(0, 1)]
    assert sum(file.events for file in left) == sum(file.events for file in shared) - 4
    assert list(files_with(archive, RANGE)) == []
    assert erase(archive, RANGE) == 0

    everybody = ErasedRange("", 0, START_NS + 10 * MS)
    assert erase(archive, everybody) > 0
    assert held(archive) == set()


def test_files_without_the_device_are_not_written_anew(
    blobs: SwitchedBlobs, archive: Archive
) -> None:
    others = [batch_of(person(seq), device="other-box") for seq in range(1, 7)]
    archive_batches(archive, others, in_shards(1))
    blobs.refused = {"archive"}

    assert erase(archive, RANGE) == 0
    assert held(archive) == named(1, 2, 3, 4, 5, 6, device="other-box")


def test_rows_of_a_range_go_from_files_that_hold_others_too(archive: Archive) -> None:
    fill(archive)

    assert erase(archive, RANGE) == 3
    assert held(archive) == named(1, 2, 5, 6) | named(1, 2, 3, 4, 5, 6, device="other-box")
    assert len(list(archive.files(device="cam-box"))) == 5
    assert erase(archive, RANGE) == 0


def test_a_rewritten_file_is_there_before_the_old_one_goes(
    blobs: SwitchedBlobs, archive: Archive
) -> None:
    archive_batches(archive, [batch_of(*[person(seq) for seq in range(1, 7)])])
    blobs.refused = {"archive"}
    with pytest.raises(BlobsAwayError):
        erase(archive, RANGE)
    assert held(archive) == named(1, 2, 3, 4, 5, 6)

    blobs.refused = set()
    assert erase(archive, RANGE) == 1
    assert held(archive) == named(1, 2, 5, 6)


@pytest.mark.parametrize("part_of", [OneDevice, in_shards(1)])
@pytest.mark.parametrize("reading", [1, 2])
def test_compact_brings_nothing_back(archive: Archive, reading: int, part_of: PartOf) -> None:
    """The erasure comes before the files are read, or when the joined one is written."""
    fill(archive, part_of=part_of)
    table = Table(reading, lambda: erase(archive, RANGE))

    compact(archive, TOMORROW, read_erased=table)

    assert held(archive) == named(1, 2, 5, 6) | named(1, 2, 3, 4, 5, 6, device="other-box")


@pytest.mark.parametrize("reading", [1, 2])
def test_the_worker_archives_nothing_of_an_erased_range(archive: Archive, reading: int) -> None:
    table = Table(reading, lambda: erase(archive, RANGE))
    bus = FakeBus()
    subscriber = WatchedSubscriber(bus.subscriber())
    for seq in range(1, 7):
        data = encode(batch_of(person(seq)))
        bus.publisher().publish(topology.EVENTS, data, {"deviceId": "x"}).result()
    worker = ArchiveWorker(
        ArchiveSettings(max_batches=6, max_wait_s=5), archive, subscriber, read_erased=table
    )
    worker.start()
    wait_until(lambda: len(set(subscriber.acked)) == 6, "all to be archived or let go of")
    worker.stop()

    assert held(archive) == named(1, 2, 5, 6)


def test_the_worker_waits_for_the_table(archive: Archive) -> None:
    table = Table()
    table.away = True
    bus = FakeBus()
    subscriber = WatchedSubscriber(bus.subscriber())
    bus.publisher().publish(topology.EVENTS, encode(batch_of(person(1))), {"deviceId": "x"})
    worker = ArchiveWorker(
        ArchiveSettings(max_wait_s=0), archive, subscriber, Backoff(0.01, 0.02), table
    )
    worker.start()
    wait_until(lambda: len(subscriber.nacked) > 1, "it to be given back")
    assert held(archive) == set()
    table.away = False
    wait_until(lambda: subscriber.acked, "it to be archived")
    worker.stop()
    assert held(archive) == named(1)


@pytest.mark.parametrize("reading", [1, 2])
def test_a_replay_brings_nothing_back(archive: Archive, reading: int) -> None:
    archive_batches(archive, [batch_of(*[person(seq) for seq in range(1, 7)])])
    store = FakeStore()

    done = replay(archive, store, read_erased=Table(reading))

    assert done.erased == (2 if reading == 1 else 0)
    assert [row.count for row in store.sequences()] == [4]
