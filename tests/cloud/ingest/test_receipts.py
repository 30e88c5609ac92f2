"""Receipts: coalesced, bounded, and never in the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bus import topology
from cloud.ingest.receipts import Receipts
from cloud.store.runs import Run
from protos.codec import decode
from protos.ids import Lane
from protos.v1.receipt_pb2 import Receipt
from tests.support.fake_bus import FakeBus

Stored = list[tuple[str, int, Lane, int]]


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


def sent(bus: FakeBus) -> list[Receipt]:
    assert all(topic == topology.DOWNLINK for topic, _ in bus.published)
    return [decode(Receipt, message.data) for _, message in bus.published]


def seqs(receipts: list[Receipt]) -> set[tuple[str, int, int, int]]:
    return {
        (receipt.device, one.boot, int(one.lane), seq)
        for receipt in receipts
        for one in receipt.ranges
        for seq in range(one.first_seq, one.last_seq + 1)
    }


def test_a_device_gets_one_receipt_with_the_fewest_ranges(bus: FakeBus) -> None:
    receipts = Receipts(bus.publisher())
    for first in (1, 101, 301, 201):
        receipts.add("cam-box", 7, Lane.STATE, Run(first, first + 99))
    receipts.add("cam-box", 7, Lane.ALARM, Run(5, 5))
    receipts.add("other-box", 9, Lane.STATE, Run(1, 2))
    receipts.flush()
    receipts.flush()

    mine, other = sorted(sent(bus), key=lambda receipt: receipt.device)
    assert [(int(one.lane), one.first_seq, one.last_seq) for one in mine.ranges] == [
        (Lane.STATE, 1, 400), (Lane.ALARM, 5, 5),
    ]  # fmt: skip
    assert (other.device, other.ranges[0].boot) == ("other-box", 9)
    attributes = bus.published[0][1].attributes
    assert attributes == {"deviceId": mine.device, "subFolder": "commands/receipts"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a-box", "b-box"]), st.sampled_from([1, 2**64 - 1]),
            st.sampled_from(Lane), st.integers(1, 50),
        )
    )
)  # fmt: skip
def test_exactly_what_is_stored_is_told(stored: Stored) -> None:
    bus = FakeBus()
    receipts = Receipts(bus.publisher())
    for device, boot, lane, seq in stored:
        receipts.add(device, boot, lane, Run(seq, seq))
    receipts.flush()

    assert seqs(sent(bus)) == {(device, boot, int(lane), seq) for device, boot, lane, seq in stored}


def test_many_ranges_travel_in_several_receipts(bus: FakeBus) -> None:
    receipts = Receipts(bus.publisher())
    for seq in range(1, 4001, 2):
        receipts.add("cam-box", 7, Lane.STATE, Run(seq, seq))
    receipts.flush()

    assert [len(receipt.ranges) for receipt in sent(bus)] == [1000, 1000]


def test_what_waits_is_bounded(bus: FakeBus) -> None:
    receipts = Receipts(bus.publisher(), max_ranges=3)
    for seq in range(1, 21, 2):
        receipts.add("cam-box", 7, Lane.STATE, Run(seq, seq))
    receipts.flush()
    receipts.add("cam-box", 7, Lane.STATE, Run(99, 99))
    receipts.flush()

    assert {seq for *_, seq in seqs(sent(bus))} == {1, 3, 5, 99}


def test_a_receipt_that_cannot_be_published_is_dropped(bus: FakeBus) -> None:
    receipts = Receipts(bus.publisher())
    bus.away = True
    receipts.add("cam-box", 7, Lane.STATE, Run(1, 1))
    receipts.flush()
    bus.away = False
    receipts.flush()
    receipts.add("cam-box", 7, Lane.STATE, Run(2, 2))
    receipts.flush()

    assert {seq for *_, seq in seqs(sent(bus))} == {2}


def test_stopping_sends_what_waits(bus: FakeBus) -> None:
    receipts = Receipts(bus.publisher(), interval_s=60)
    receipts.start()
    receipts.add("cam-box", 7, Lane.STATE, Run(1, 1))
    receipts.stop()

    assert len(sent(bus)) == 1
