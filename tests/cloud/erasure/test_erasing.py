"""Which pictures go, and late events and pictures that are let go of."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from obstore.store import MemoryStore

from cloud.archive.archive import Archive
from cloud.blobs.obstore import ObstoreBlobs
from cloud.bus.port import Received
from cloud.erasure.erasing import Erasing
from cloud.erasure.guard import write_unerased
from cloud.erasure.ranges import ErasedRange, ErasedRanges
from cloud.errors import StoreRefusedError
from cloud.evidence.snapshots import Snapshots
from cloud.ingest.handler import Handler
from cloud.ingest.receipts import Receipts
from protos.codec import encode
from tests.support.archived import archive_batches
from tests.support.fake_bus import FakeBus
from tests.support.fake_store import FakeStore
from tests.support.pictures import snapshot
from tests.support.stored import START_NS, batch_of, person, stored

MS = 1_000_000
RANGE = ErasedRange("cam-box", START_NS + 3 * MS, START_NS + 5 * MS)
ALL = ErasedRange("cam-box", 0, START_NS + 1000 * MS)


class Site:
    """A store, an archive and pictures in memory."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.blobs = ObstoreBlobs(MemoryStore(), "memory")
        self.archive = Archive(self.blobs)
        self.snapshots = Snapshots(self.blobs)

    def erasing(self, erased: ErasedRange, now_ns: int = START_NS + 999 * MS) -> Erasing:
        return Erasing(erased, self.store, self.archive, self.snapshots, now_ns)

    def seqs(self) -> list[int]:
        return sorted(event_id.seq for event_id, _ in self.snapshots.pictures())


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    with closing(made.archive):
        yield made


def test_a_picture_goes_by_the_time_of_its_event_wherever_that_is_known(site: Site) -> None:
    site.store.write(stored(person(1), person(3)))
    archive_batches(site.archive, [batch_of(person(2), person(3), person(4))])
    for seq in (1, 2, 3, 4, 77):
        site.snapshots.keep(snapshot(seq))
    erasing = site.erasing(RANGE)

    found = erasing.find()
    assert (found.events, found.files, found.pictures) == (1, 1, 2)
    assert found.pictures_of_unknown_time == 1
    erasing.carry_out()

    assert site.seqs() == [1, 2, 77]
    assert erasing.find().is_nothing


def test_until_now_takes_pictures_of_unknown_time_too(site: Site) -> None:
    site.store.write(stored(person(1), person(2, START_NS + 2000 * MS)))
    for seq in (1, 2, 77):
        site.snapshots.keep(snapshot(seq))
    site.blobs.put("evidence/v1/cam-box/no-event.jpg", b"x", "image/jpeg")
    erasing = site.erasing(ALL)

    assert erasing.find().events_after == 1
    erasing.carry_out()

    assert site.seqs() == [2], "that of a clock that is ahead"
    earlier = site.erasing(ALL, now_ns=START_NS + 5000 * MS)
    site.snapshots.keep(snapshot(78))
    assert earlier.find().pictures_of_unknown_time == 1, "it may be of a later event"


def test_late_events_get_a_receipt_and_are_not_stored() -> None:
    bus, store = FakeBus(), FakeStore()
    handler = Handler(
        store,
        bus.publisher(),
        Receipts(bus.publisher()),
        read_erased=lambda: ErasedRanges.of([ALL]),
    )
    settled: list[str] = []
    received = Received(
        encode(batch_of(person(1), person(2, START_NS + 2000 * MS))), {}, "1",
        ack=lambda: settled.append("ack"), nack=lambda: settled.append("nack"),
    )  # fmt: skip
    batch = handler.decode(received)
    assert batch is not None
    handler.write([batch])

    assert settled == ["ack"]
    [row] = store.sequences()
    assert (row.count, row.first_seq) == (1, 2)


def test_an_erasure_recorded_while_events_are_written_deletes_them() -> None:
    store = FakeStore()
    store.refuses = lambda event: event.id.seq == 9
    answers = iter([ErasedRanges(), ErasedRanges.of([ALL])])

    with pytest.raises(StoreRefusedError):
        write_unerased(store, stored(person(1), person(9)), lambda: next(answers))
    assert store.sequences() == []


@pytest.mark.parametrize("answers", [[(ALL,)], [(), (ALL,)]])
def test_late_pictures_are_let_go_of(answers: list[tuple[ErasedRange, ...]]) -> None:
    readings = iter(answers)
    blobs = ObstoreBlobs(MemoryStore(), "memory")
    snapshots = Snapshots(blobs, lambda: ErasedRanges.of(next(readings)))
    snapshots.keep(snapshot(1))

    assert list(snapshots.pictures()) == []


def test_ranges_are_whole_microseconds_and_know_what_is_theirs() -> None:
    around = ErasedRange.around("cam-box", 1001, 2001)
    assert around == ErasedRange("cam-box", 1000, 3000)
    assert around.covers("cam-box", 2999)
    assert not around.covers("cam-box", 3000)
    assert not around.covers("other-box", 2000)
    assert ErasedRange("", 0, 3000).holds(around)
    assert not around.holds(ErasedRange("", 1000, 3000))
    for since_ns, until_ns in ((1, 2000), (2000, 2000), (0, 1)):
        with pytest.raises(ValueError, match="microseconds|captured"):
            ErasedRange("", since_ns, until_ns)
    with pytest.raises(ValueError, match="must end after"):
        ErasedRange.around("", 5, 5)
