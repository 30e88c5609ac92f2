"""Ingest: written before acknowledged, poison set apart, nothing acknowledged while away."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from cloud.bus import topology
from cloud.bus.port import Received
from cloud.errors import StoreAwayError
from cloud.ingest.settings import IngestSettings
from cloud.ingest.worker import IngestWorker
from cloud.store.port import EventQuery
from cloud.store.records import MAX_CAPTURED_NS
from protos.codec import decode, encode
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from tests.support.fake_bus import FakeBus
from tests.support.fake_store import FakeStore
from tests.support.processes import wait_until
from tests.support.stored import batch_of, person
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff


class Line:
    """An ingest worker between a bus and a store, both in memory."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.store = FakeStore()
        self.subscriber = WatchedSubscriber(self.bus.subscriber())
        self.worker = self.new_worker()

    def new_worker(self, max_wait_ms: float = 5, max_batches: int = 100) -> IngestWorker:
        return IngestWorker(
            IngestSettings(receipt_interval_ms=5, max_wait_ms=max_wait_ms, max_batches=max_batches),
            self.store,
            self.subscriber,
            self.bus.publisher(),
            Backoff(0.005, 0.01),
        )

    def publish(self, *batches: EventBatch | bytes) -> None:
        publisher = self.bus.publisher()
        for batch in batches:
            data = batch if isinstance(batch, bytes) else encode(batch)
            publisher.publish(topology.EVENTS, data, {"deviceId": "cam-box"}).result()

    def stored_seqs(self) -> set[int]:
        page = self.store.events(EventQuery(limit=1000))
        return {event.id.seq for event in page.events}

    def sent(self, topic: str) -> list[Received]:
        return [message for name, message in self.bus.published if name == topic]

    def receipted(self) -> set[int]:
        return {
            seq
            for message in self.sent(topology.DOWNLINK)
            for one in decode(Receipt, message.data).ranges
            for seq in range(one.first_seq, one.last_seq + 1)
        }

    def unacknowledged(self) -> int:
        """Messages that were published to ingest and not acknowledged."""
        published = {message.message_id for message in self.sent(topology.EVENTS)}
        return len(published - set(self.subscriber.acked))


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: made.worker.stop())
        yield made


def batch(first_seq: int, count: int = 3) -> EventBatch:
    return batch_of(*[person(seq) for seq in range(first_seq, first_seq + count)])


def test_what_comes_is_stored_acknowledged_and_receipted(line: Line) -> None:
    line.publish(*[batch(first) for first in range(1, 301, 3)])
    line.worker.start()
    assert line.worker.running

    wait_until(lambda: line.receipted() == set(range(1, 301)), "receipts")
    line.worker.stop()

    assert line.stored_seqs() == set(range(1, 301))
    assert line.unacknowledged() == 0
    assert len(line.store.writes) < 100, "batches are written together"
    assert not line.worker.running


def test_a_batch_that_comes_alone_is_written_at_once_and_those_after_it_together(
    line: Line,
) -> None:
    """The wait is between two writes: a first one that had to wait for it would miss its bound."""
    line.worker = line.new_worker(max_wait_ms=10_000, max_batches=5)
    line.worker.start()
    line.publish(batch(1))
    wait_until(lambda: line.stored_seqs() == {1, 2, 3}, "the first write", timeout_s=8)
    for first in range(4, 19, 3):
        line.publish(batch(first))

    wait_until(lambda: line.stored_seqs() == set(range(1, 19)), "the second", timeout_s=8)
    assert line.store.writes == [3, 15]


def test_a_batch_delivered_twice_is_receipted_twice_and_stored_once(line: Line) -> None:
    line.publish(batch(1), batch(1))
    line.worker.start()
    wait_until(lambda: line.receipted() == {1, 2, 3}, "receipts")
    before = len(line.sent(topology.DOWNLINK))
    line.publish(batch(1))
    wait_until(lambda: len(line.sent(topology.DOWNLINK)) > before, "another receipt")

    assert line.stored_seqs() == {1, 2, 3}


def test_poison_goes_to_the_dead_letter_and_stops_nobody(line: Line) -> None:
    wrong_header = batch(50)
    wrong_header.count = 99
    line.publish(batch(1), b"garbage", wrong_header, batch_of(person(70, MAX_CAPTURED_NS + 1)))
    line.publish(batch(4))
    line.worker.start()

    wait_until(lambda: line.receipted() == set(range(1, 7)), "receipts")
    wait_until(lambda: len(line.sent(topology.DEAD_LETTER)) == 3, "dead letters")
    line.worker.stop()

    reasons = [message.attributes["reason"] for message in line.sent(topology.DEAD_LETTER)]
    assert "no EventBatch" in reasons[0]
    assert "announces" in reasons[1]
    assert "63 bits" in reasons[2]
    letter = line.sent(topology.DEAD_LETTER)[0]
    assert letter.data == b"garbage"
    assert letter.attributes["source"] == "ingest"
    assert letter.attributes["deviceId"] == "cam-box"
    assert line.unacknowledged() == 0


def test_a_batch_that_the_store_refuses_is_found_among_the_others(line: Line) -> None:
    line.store.refuses = lambda event: event.id.seq == 5
    line.publish(batch(1), batch(4), batch(7))
    line.worker.start()

    wait_until(lambda: line.receipted() == {1, 2, 3, 4, 6, 7, 8, 9}, "receipts")
    wait_until(lambda: line.sent(topology.DEAD_LETTER), "dead letter")
    line.worker.stop()

    assert line.stored_seqs() == {1, 2, 3, 4, 6, 7, 8, 9}
    [letter] = line.sent(topology.DEAD_LETTER)
    assert letter.data == encode(batch(4))
    assert "cam-box/0000000000000007/state/5" in letter.attributes["reason"]
    assert line.unacknowledged() == 0


def test_poison_that_finds_no_dead_letter_comes_again(line: Line) -> None:
    line.publish(b"garbage")
    line.bus.away = True
    line.worker.start()
    wait_until(lambda: line.subscriber.nacked, "given back")
    line.bus.away = False

    wait_until(lambda: line.sent(topology.DEAD_LETTER), "dead letter")
    line.worker.stop()
    assert line.unacknowledged() == 0


def test_while_the_store_is_away_nothing_is_acknowledged(line: Line) -> None:
    line.store.failures = [StoreAwayError("away")] * 3
    line.publish(batch(1), batch(4))
    line.worker.start()

    wait_until(lambda: line.receipted() == set(range(1, 7)), "receipts")
    line.worker.stop()

    assert line.subscriber.nacked
    assert line.store.failures == []
    assert line.stored_seqs() == set(range(1, 7))
    assert line.sent(topology.DEAD_LETTER) == []


def test_what_was_not_written_when_stopping_is_written_by_the_next(line: Line) -> None:
    line.store.away = True
    line.publish(batch(1), batch(4))
    line.worker.start()
    line.worker.stop()
    assert line.unacknowledged() == 2
    assert line.receipted() == set()

    line.store.away = False
    line.worker = line.new_worker()
    line.worker.start()
    wait_until(lambda: line.receipted() == set(range(1, 7)), "receipts")


def test_what_comes_next_is_decoded_while_a_write_runs(line: Line) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def refuses(event: object) -> bool:
        writing.set()
        go_on.wait()
        return False

    line.store.refuses = refuses
    line.publish(batch(1))
    line.worker.start()
    writing.wait()
    line.publish(batch(4), b"garbage")

    wait_until(lambda: line.sent(topology.DEAD_LETTER), "dead letter")
    assert line.receipted() == set()
    go_on.set()
    wait_until(lambda: line.receipted() == set(range(1, 7)), "receipts")


def test_stopping_finishes_the_write_that_runs_and_gives_back_all_else(line: Line) -> None:
    writing, go_on = threading.Event(), threading.Event()

    def refuses(event: object) -> bool:
        writing.set()
        go_on.wait()
        return False

    line.store.refuses = refuses
    line.worker = line.new_worker(max_batches=2)
    line.publish(batch(1))
    line.worker.start()
    writing.wait()
    line.publish(*[batch(first) for first in range(4, 61, 3)])
    stopping = threading.Thread(target=line.worker.stop)
    stopping.start()
    wait_until(lambda: not line.worker.running, "the end of the subscription")
    go_on.set()
    stopping.join()

    stored = line.stored_seqs()
    assert {1, 2, 3} <= stored
    assert line.receipted() == stored
    assert line.unacknowledged() == 20 - len(stored) / 3

    line.worker = line.new_worker(max_batches=2)
    line.worker.start()
    wait_until(lambda: line.receipted() == set(range(1, 61)), "receipts")
    assert line.unacknowledged() == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_broke_says_so_and_can_be_stopped(line: Line) -> None:
    line.store.failures = [RuntimeError("a bug")]
    line.worker = line.new_worker(max_batches=1)
    line.publish(*[batch(first) for first in range(1, 61, 3)])
    line.worker.start()
    wait_until(lambda: not line.worker.running, "the end of the writer")

    line.worker.stop()

    assert line.stored_seqs() == set()
    assert line.unacknowledged() == 20


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_whose_decoding_broke_says_so_and_can_be_stopped(line: Line) -> None:
    line.store.preparing_fails = RuntimeError("a bug")
    line.publish(batch(1))
    line.worker.start()
    wait_until(lambda: not line.worker.running, "the end of the decoder")

    line.worker.stop()

    assert line.stored_seqs() == set()
    assert line.unacknowledged() == 1
