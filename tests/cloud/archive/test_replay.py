"""The archive into a store: what is refused is counted, what is away ends it."""

import contextlib
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from cloud.archive.archive import Archive
from cloud.archive.replay import Replayed, replay
from cloud.errors import BlobsAwayError, StoreAwayError
from cloud.store.port import EventQuery
from tests.support.archived import archive_batches, in_shards
from tests.support.fake_store import FakeStore
from tests.support.stored import START_NS, batch_of, person
from tests.support.switched_blobs import SwitchedBlobs


@pytest.fixture
def blobs() -> SwitchedBlobs:
    return SwitchedBlobs()


@pytest.fixture
def archive(blobs: SwitchedBlobs) -> Iterator[Archive]:
    with contextlib.closing(Archive(blobs)) as made:
        archive_batches(made, [batch_of(*[person(seq) for seq in range(1, 11)])])
        yield made


def seqs(store: FakeStore) -> list[int]:
    return sorted(event.id.seq for event in store.events(EventQuery()).events)


def test_a_range_within_a_file_is_cut_out_of_it(archive: Archive) -> None:
    store = FakeStore()
    done = replay(archive, store, START_NS + 3_000_000, START_NS + 6_000_000, "cam-box")

    assert done == Replayed(files=1, events=3)
    assert seqs(store) == [3, 4, 5]


def test_a_device_is_replayed_out_of_the_files_that_it_shares(archive: Archive) -> None:
    shared = [batch_of(person(11), device=device) for device in ("cam-box", "other-box")]
    archive_batches(archive, shared, in_shards(1))
    store = FakeStore()

    assert replay(archive, store, device="cam-box") == Replayed(files=2, events=11)
    assert seqs(store) == list(range(1, 12))
    assert {event.id.device for event in store.events(EventQuery()).events} == {"cam-box"}


def test_what_the_store_refuses_is_counted_and_the_rest_goes_on(archive: Archive) -> None:
    archive_batches(archive, [batch_of(person(1), device="other-box")])
    store = FakeStore()
    store.refuses = lambda event: event.id.seq == 7
    with capture_logs() as logs:
        done = replay(archive, store)

    assert done == Replayed(files=2, events=11, refused=1)
    assert len(seqs(store)) == 10
    assert [log["event"] for log in logs] == ["events refused"]


def test_a_store_or_blobs_that_are_away_end_it(blobs: SwitchedBlobs, archive: Archive) -> None:
    store = FakeStore()
    store.away = True
    with pytest.raises(StoreAwayError):
        replay(archive, store)
    blobs.away = True
    with pytest.raises(BlobsAwayError):
        replay(archive, FakeStore())
