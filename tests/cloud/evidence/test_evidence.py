"""Pictures: kept before acknowledged and receipted, poison set apart, under their event's name."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bus import topology
from cloud.bus.port import Received
from cloud.errors import BlobNotFoundError
from cloud.evidence.settings import EvidenceSettings
from cloud.evidence.snapshots import Snapshots, checked
from cloud.evidence.worker import EvidenceWorker
from protos.codec import decode, encode
from protos.errors import InvalidPayloadError
from protos.ids import EventId, Lane
from protos.v1.receipt_pb2 import Receipt
from protos.v1.snapshot_pb2 import Snapshot
from tests.support.fake_bus import FakeBus
from tests.support.pictures import JPEG, snapshot
from tests.support.processes import wait_until
from tests.support.switched_blobs import SwitchedBlobs
from tests.support.watched_subscriber import WatchedSubscriber
from wayside.backoff import Backoff


class Line:
    """A worker between a bus and a blob store, both in memory."""

    def __init__(self) -> None:
        self.bus = FakeBus()
        self.blobs = SwitchedBlobs()
        self.snapshots = Snapshots(self.blobs)
        self.subscriber = WatchedSubscriber(self.bus.subscriber())
        self.worker = EvidenceWorker(
            EvidenceSettings(receipt_interval_ms=5, max_wait_ms=5), self.snapshots,
            self.subscriber, self.bus.publisher(), Backoff(0.005, 0.01),
        )  # fmt: skip

    def publish(self, *snapshots: Snapshot | bytes) -> None:
        for one in snapshots:
            data = one if isinstance(one, bytes) else encode(one)
            self.bus.publisher().publish(topology.EVIDENCE, data, {"deviceId": "cam-box"}).result()

    def sent(self, topic: str) -> list[Received]:
        return [message for name, message in self.bus.published if name == topic]

    def receipted(self) -> set[tuple[int, int, int]]:
        return {
            (one.boot, int(one.lane), seq)
            for message in self.sent(topology.DOWNLINK)
            for one in decode(Receipt, message.data).ranges
            for seq in range(one.first_seq, one.last_seq + 1)
        }


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.worker.stop()


def places(*seqs: int) -> set[tuple[int, int, int]]:
    return {(7, int(Lane.EVIDENCE), seq) for seq in seqs}


def test_a_picture_is_kept_under_its_event_and_receipted_in_its_lane(line: Line) -> None:
    line.publish(*[snapshot(seq) for seq in range(1, 101)])
    line.publish(snapshot(101, event_id=f"cam-box/{9:016x}/alarm/4", image=JPEG + b"\xff\xd9"))
    line.worker.start()
    assert line.worker.running
    wait_until(lambda: line.receipted() == places(*range(1, 102)), "receipts")
    line.worker.stop()

    assert line.snapshots.picture(EventId("cam-box", 7, Lane.STATE, 50)) == JPEG
    assert line.snapshots.picture(EventId("cam-box", 9, Lane.ALARM, 4)) == JPEG + b"\xff\xd9"
    assert line.blobs.size(f"evidence/v1/cam-box/{7:016x}/state/50.jpg") == len(JPEG)
    with pytest.raises(BlobNotFoundError):
        line.snapshots.picture(EventId("cam-box", 7, Lane.ALARM, 50))
    assert len(set(line.subscriber.acked)) == 101
    assert not line.worker.running


def test_a_picture_that_comes_twice_is_receipted_again_and_stays(line: Line) -> None:
    line.publish(snapshot(1))
    line.worker.start()
    wait_until(lambda: line.receipted() == places(1), "a receipt")
    line.publish(snapshot(1), snapshot(2, event_id=snapshot(1).event_id, image=JPEG + b"\xff\xd9"))
    wait_until(lambda: line.receipted() == places(1, 2), "receipts")

    assert line.snapshots.picture(EventId("cam-box", 7, Lane.STATE, 1)) == JPEG


def test_poison_goes_to_the_dead_letter_and_stops_nobody(line: Line) -> None:
    line.publish(b"garbage", snapshot(1, image=b"GIF89a"), snapshot(2))
    line.worker.start()
    wait_until(lambda: line.receipted() == places(2), "a receipt")
    wait_until(lambda: len(line.sent(topology.DEAD_LETTER)) == 2, "dead letters")

    reasons = {message.attributes["reason"] for message in line.sent(topology.DEAD_LETTER)}
    assert "Snapshot of cam-box: 6 bytes are no whole JPEG" in reasons
    assert {m.attributes["source"] for m in line.sent(topology.DEAD_LETTER)} == {"evidence"}
    wait_until(lambda: len(set(line.subscriber.acked)) == 3, "acknowledged")


def test_while_blobs_are_away_nothing_is_acknowledged(line: Line) -> None:
    line.blobs.away = True
    line.publish(snapshot(1))
    line.worker.start()
    wait_until(lambda: len(line.subscriber.nacked) >= 2, "given back")
    assert not line.subscriber.acked
    line.blobs.away = False

    wait_until(lambda: line.receipted() == places(1), "a receipt")
    assert line.sent(topology.DEAD_LETTER) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"event_id": f"other-box/{7:016x}/state/1"}, "another device"),
        ({"event_id": "cam-box/../../etc/passwd"}, "not device/boot/lane/seq"),
        ({"event_id": f"cam-box/{7:016x}/../1"}, "lane"),
        ({"event_id": ""}, "not device/boot/lane/seq"),
        ({"camera": "../door"}, "camera"),
        ({"boot": 0}, "boot or seq"),
        ({"seq": 0}, "boot or seq"),
        ({"seq": 2**63}, "boot or seq"),
        ({"media_type": "text/html"}, "is not image/jpeg"),
        ({"image": b""}, "no whole JPEG"),
        ({"image": b"<script>"}, "no whole JPEG"),
        ({"image": JPEG[:-1]}, "no whole JPEG"),
        ({"sha256": b"\0" * 32}, "sha256"),
    ],
)
def test_what_is_no_picture_of_this_device_is_refused(wrong: dict[str, Any], says: str) -> None:
    made = snapshot(1)
    for field, value in wrong.items():
        setattr(made, field, value)
    with pytest.raises(InvalidPayloadError, match=f"Snapshot of cam-box: .*{says}"):
        checked(made)


def test_the_camera_may_be_left_out() -> None:
    assert str(checked(snapshot(1, camera=""))) == snapshot(1).event_id


@given(event_id=st.text(), camera=st.text(), media_type=st.text(), image=st.binary())
def test_whatever_comes_is_kept_or_refused(
    event_id: str, camera: str, media_type: str, image: bytes
) -> None:
    made = snapshot(1, event_id=event_id, camera=camera, media_type=media_type, image=image)
    with pytest.raises(InvalidPayloadError):
        checked(made)
