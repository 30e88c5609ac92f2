"""Erasures in the background: taken, failed and tried again, broken off and finished."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from cloud.archive.archive import Archive
from cloud.blobs.obstore import ObstoreBlobs
from cloud.erasure.erasing import Erasing
from cloud.erasure.ranges import ErasedRange
from cloud.erasure.worker import ErasureWorker
from cloud.errors import StoreAwayError
from cloud.evidence.snapshots import Snapshots
from cloud.fleet.audit import Actor
from cloud.fleet.erasures import Erasure, Erasures, ErasureState
from tests.support.archived import archive_batches
from tests.support.fake_store import FakeStore
from tests.support.fleet import fleet_erasures
from tests.support.pictures import snapshot
from tests.support.processes import wait_until
from tests.support.stored import START_NS, batch_of, person, stored

BY = Actor("key:abc", "127.0.0.1")
MS = 1_000_000
ALL = ErasedRange("cam-box", 0, START_NS + 1000 * MS)
OTHER = ErasedRange("other-box", 0, START_NS + 1000 * MS)


class SlowStore(FakeStore):
    """Waits in `delete` until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def delete(self, device: str, since_ns: int, until_ns: int) -> None:
        self.entered.set()
        assert self.may_go_on.wait(10)
        super().delete(device, since_ns, until_ns)


class Site:
    """A store, an archive, pictures and the record of erasures."""

    def __init__(self, erasures: Erasures) -> None:
        self.erasures = erasures
        self.store = SlowStore()
        self.blobs = ObstoreBlobs(MemoryStore(), "memory")
        self.archive = Archive(self.blobs)
        self.snapshots = Snapshots(self.blobs)
        for device in ("cam-box", "other-box"):
            events = [person(1), person(2)]
            self.store.write(stored(*events, device=device))
            archive_batches(self.archive, [batch_of(*events, device=device)])
        self.snapshots.keep(snapshot(1))

    def worker(self, retry_s: float = 0.05) -> ErasureWorker:
        def erasing(erased: ErasedRange, asked_ns: int) -> Erasing:
            return Erasing(erased, self.store, self.archive, self.snapshots, asked_ns)

        return ErasureWorker(self.erasures, self.store, erasing, poll_s=0.05, retry_s=retry_s)

    @contextmanager
    def working(self, worker: ErasureWorker | None = None) -> Iterator[ErasureWorker]:
        working = worker or self.worker()
        working.start()
        try:
            yield working
        finally:
            working.stop()

    def wait_for(self, number: int, state: ErasureState) -> str:
        seen: list[Erasure] = []

        def is_so() -> bool:
            seen.append(self.erasures.get(number))
            return seen[-1].state is state

        wait_until(is_so, f"erasure {number} {state.value}")
        return seen[-1].outcome

    def devices(self) -> set[str]:
        return {row.device for row in self.store.sequences()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as ends:
        made = Site(ends.enter_context(fleet_erasures(tmp_path)))
        ends.enter_context(closing(made.archive))
        yield made


def test_what_is_asked_for_is_erased_and_told(site: Site) -> None:
    with site.working() as worker:
        asked = site.erasures.ask(ALL, BY, START_NS)
        worker.wake()
        outcome = site.wait_for(asked.number, ErasureState.DONE)
        assert worker.running
    assert outcome == "done: 2 events, 1 files, 1 pictures"
    assert not worker.running
    assert site.devices() == {"other-box"}
    rows = [row for file, _ in site.archive.files() for row in site.archive.read(file)]
    assert {row.event.id.device for row in rows} == {"other-box"}
    assert list(site.snapshots.pictures()) == []
    assert site.store.expunged > 0


def test_what_was_recorded_before_the_start_is_carried_out(site: Site) -> None:
    """As after a crash, and where a command could find nobody who takes it."""
    site.erasures.take(site.erasures.ask(ALL, BY, START_NS).number)
    site.erasures.ask(OTHER, BY, START_NS)
    site.erasures.begin(ErasedRange("command-box", 0, 5000), BY)
    with site.working():
        site.wait_for(1, ErasureState.DONE)
        site.wait_for(2, ErasureState.DONE)
    assert site.devices() == set()
    assert site.erasures.get(3).state is ErasureState.RUNNING, "a command's own"


def test_an_erasure_that_was_left_is_finished_at_the_next_start(site: Site) -> None:
    number = site.erasures.ask(ALL, BY, START_NS).number
    site.store.may_go_on.clear()
    worker = site.worker()
    worker.start()
    assert site.store.entered.wait(10)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    wait_until(worker._stop.is_set, "the worker to be told")
    site.store.may_go_on.set()
    stopping.join()

    left = site.erasures.get(number)
    assert (left.state, left.ended_ns) == (ErasureState.RUNNING, None)
    with site.working():
        site.wait_for(number, ErasureState.DONE)


def test_one_that_fails_says_why_holds_nobody_up_and_is_tried_again(site: Site) -> None:
    [(damaged, _)] = site.archive.files(device="cam-box")
    whole = site.blobs.get(damaged.key)
    site.blobs.delete([damaged.key])
    site.blobs.put(damaged.key, b"damaged", "application/octet-stream")
    part = ErasedRange("cam-box", 0, START_NS + 2 * MS)
    site.erasures.ask(part, BY, START_NS)
    site.erasures.ask(OTHER, BY, START_NS)
    with site.working(site.worker(retry_s=0.5)):
        site.wait_for(2, ErasureState.DONE)
        assert "too small to be a Parquet" in site.wait_for(1, ErasureState.FAILED)
        site.blobs.delete([damaged.key])
        site.blobs.put(damaged.key, whole, "application/octet-stream")
        site.wait_for(1, ErasureState.DONE)


def test_one_that_waits_for_its_next_try_holds_no_later_one_up(site: Site) -> None:
    [(damaged, _)] = site.archive.files(device="cam-box")
    site.blobs.delete([damaged.key])
    site.blobs.put(damaged.key, b"damaged", "application/octet-stream")
    site.erasures.ask(ErasedRange("cam-box", 0, START_NS + 2 * MS), BY, START_NS)
    with site.working(site.worker(retry_s=3600)):
        site.wait_for(1, ErasureState.FAILED)
        site.erasures.ask(OTHER, BY, START_NS)  # as a command does, which cannot wake anybody
        site.wait_for(2, ErasureState.DONE)
    assert site.erasures.get(1).state is ErasureState.FAILED


def test_a_store_that_is_away_is_waited_for(site: Site) -> None:
    site.store.away = True
    number = site.erasures.ask(ALL, BY, START_NS).number
    with site.working():
        site.wait_for(number, ErasureState.FAILED)
        site.store.away = False
        outcome = site.wait_for(number, ErasureState.DONE)
    assert outcome == "done: 2 events, 1 files, 1 pictures"
    assert site.devices() == {"other-box"}


def test_bytes_of_a_late_writers_deletion_go_as_well(site: Site) -> None:
    with site.working():
        wait_until(lambda: site.store.expunged > 1, "a look without anything asked for")
    assert site.erasures.page() == []
    assert site.devices() == {"cam-box", "other-box"}, "nothing that nobody asked for"


def test_a_database_that_is_away_is_waited_for(site: Site) -> None:
    class Away(Erasures):
        failures = 3

        def waiting(self):  # type: ignore[no-untyped-def]
            self.failures -= 1
            if self.failures > 0:
                raise StoreAwayError("away")
            return super().waiting()

    away = Away(site.erasures._database, site.erasures._audit)
    number = away.ask(ALL, BY, START_NS).number
    site.erasures = away
    with site.working():
        site.wait_for(number, ErasureState.DONE)
    assert away.failures <= 0, "it was asked again after each failure"
    assert site.devices() == {"other-box"}


def test_an_error_that_nobody_foresaw_holds_up_no_other_erasure(site: Site) -> None:
    def erasing(erased: ErasedRange, asked_ns: int) -> Erasing:
        if erased == ALL:
            raise ZeroDivisionError("a bug")
        return Erasing(erased, site.store, site.archive, site.snapshots, asked_ns)

    worker = ErasureWorker(site.erasures, site.store, erasing, poll_s=0.05, retry_s=60.0)
    broken = site.erasures.ask(ALL, BY, START_NS)
    other = site.erasures.ask(OTHER, BY, START_NS)
    with site.working(worker):
        assert "a bug" in site.wait_for(broken.number, ErasureState.FAILED)
        site.wait_for(other.number, ErasureState.DONE)
        assert worker.running
