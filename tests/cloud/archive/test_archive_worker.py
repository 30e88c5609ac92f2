"""The archive's worker: written before acknowledged, and only what was written."""

import contextlib
from collections.abc import Iterator

import pytest

from cloud.archive.archive import Archive
from cloud.archive.keys import Shard
from cloud.archive.settings import ArchiveSettings
from cloud.archive.worker import ArchiveWorker
from cloud.bus import topology
from protos.codec import encode
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.archived import DAY_NS
from tests.support.fake_bus import FakeBus
from tests.support.processes import wait_until
from tests.support.stored import START_NS, batch_of, person
from tests.support.switched_blobs import SwitchedBlobs
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff


class Line:
    """A worker between a bus and a blob store, both in memory."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.blobs = SwitchedBlobs()
        self.archive = Archive(self.blobs)
        self.subscriber = WatchedSubscriber(self.bus.subscriber())
        self.worker = ArchiveWorker(
            ArchiveSettings(max_wait_s=0.05), self.archive, self.subscriber, Backoff(0.005, 0.01)
        )

    def publish(self, *batches: EventBatch | bytes) -> None:
        for batch in batches:
            data = batch if isinstance(batch, bytes) else encode(batch)
            self.bus.publisher().publish(topology.EVENTS, data, {"deviceId": "x"}).result()

    def archived(self) -> set[str]:
        files = [file for file, _ in self.archive.files()]
        return {str(row.event.id) for file in files for row in self.archive.read(file)}

    def acked(self) -> int:
        return len(set(self.subscriber.acked))


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    with contextlib.closing(made.archive):
        yield made
        made.worker.stop()


def test_what_comes_is_archived_in_few_files_and_acknowledged(line: Line) -> None:
    line.publish(*[batch_of(person(seq)) for seq in range(1, 201)])
    line.worker.start()
    assert line.worker.running
    wait_until(lambda: line.acked() == 200, "acknowledged")

    assert line.archived() == {f"cam-box/{7:016x}/state/{seq}" for seq in range(1, 201)}
    assert len(list(line.archive.files())) <= 5
    line.worker.stop()
    assert not line.worker.running


def test_many_devices_share_few_files_of_a_round(line: Line) -> None:
    devices = [f"box-{number}" for number in range(200)]
    line.publish(*[batch_of(person(1), person(2), device=device) for device in devices])
    worker = ArchiveWorker(
        ArchiveSettings(max_batches=200, max_wait_s=30, events_per_file=100),
        line.archive, line.subscriber,
    )  # fmt: skip
    worker.start()
    wait_until(lambda: line.acked() == 200, "acknowledged")
    worker.stop()

    files = [file for file, _ in line.archive.files()]
    assert sorted(file.part.label for file in files) == [f"shard {n} of 4" for n in range(4)]
    assert len(line.archived()) == 400
    for device in ("box-0", "box-199"):
        [file] = [file for file, _ in line.archive.files(device=device)]
        assert line.archive.count(file, device=device) == 2


def test_a_share_that_cannot_be_written_holds_up_no_other(line: Line) -> None:
    devices = [f"box-{number}" for number in range(8)]
    refused = Shard.of_device("box-0", 4)
    there = {device for device in devices if Shard.of_device(device, 4) != refused}
    assert 0 < len(there) < 8
    line.blobs.refused = {refused.folder}
    line.publish(*[batch_of(person(1), device=device) for device in devices])
    worker = ArchiveWorker(
        ArchiveSettings(max_batches=8, max_wait_s=0.5, events_per_file=2),
        line.archive, line.subscriber, Backoff(0.005, 0.01),
    )  # fmt: skip
    worker.start()
    wait_until(lambda: line.acked() >= len(there) and line.subscriber.nacked, "settled")
    assert there <= {name.split("/")[0] for name in line.archived()}
    line.blobs.refused = set()

    wait_until(lambda: line.acked() == 8, "acknowledged")
    worker.stop()
    assert len(line.archived()) == 8


def test_while_blobs_are_away_nothing_is_acknowledged(line: Line) -> None:
    line.blobs.away = True
    line.publish(batch_of(person(1)))
    line.worker.start()
    wait_until(lambda: len(line.subscriber.nacked) >= 2, "given back")
    assert line.acked() == 0
    line.blobs.away = False

    wait_until(lambda: line.acked() == 1, "acknowledged")
    assert len(line.archived()) == 1


def test_a_batch_is_acknowledged_when_all_of_its_files_are_written(line: Line) -> None:
    line.blobs.refused = {"day=2025-06-16"}
    over_midnight = batch_of(person(1), person(2, START_NS + DAY_NS))
    line.publish(over_midnight, batch_of(person(3)), batch_of(person(1), device="other-box"))
    line.worker.start()
    wait_until(lambda: line.acked() == 2 and len(line.subscriber.nacked) >= 2, "settled")
    line.blobs.refused = set()

    wait_until(lambda: line.acked() == 3, "acknowledged")
    assert len(line.archived()) == 4


def test_what_ingest_refuses_is_left_to_ingest(line: Line) -> None:
    line.publish(b"garbage", batch_of(person(1)))
    line.worker.start()
    wait_until(lambda: line.acked() == 2, "acknowledged")

    assert len(line.archived()) == 1
    assert [topic for topic, _ in line.bus.published] == [topology.EVENTS] * 2, "no second letter"
