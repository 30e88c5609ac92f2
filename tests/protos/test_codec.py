"""Every payload from outside ends in a message or in one error type."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protos import codec
from protos.errors import InvalidPayloadError
from protos.ids import Lane
from protos.v1.event_batch_header_pb2 import EventBatchHeader
from protos.v1.event_batch_pb2 import EventBatch
from protos.v1.receipt_pb2 import Receipt
from tests.protos.samples import event_batch

Batch = EventBatch | EventBatchHeader


@given(
    boot=st.integers(1, 2**64 - 1),
    lane=st.sampled_from(Lane),
    first=st.integers(1, 2**63),
    cameras=st.lists(st.text(max_size=10), min_size=1, max_size=codec.MAX_EVENTS),
)
def test_batch_round_trip(boot: int, lane: Lane, first: int, cameras: list[str]) -> None:
    batch = EventBatch(
        schema=1,
        device="cam-1",
        boot=boot,
        lane=EventBatch.Lane.Name(lane),
        first_seq=first,
        count=len(cameras),
    )
    for offset, camera in enumerate(cameras):
        batch.events.add(seq=first + offset, camera=camera)
    payload = codec.encode(batch)
    assert codec.decode_batch(payload) == batch
    header = codec.read_header(payload)
    assert (header.boot, int(header.lane), header.first_seq, header.count) == (
        boot, int(lane), first, len(cameras),
    )  # fmt: skip


@pytest.mark.parametrize("read", [codec.read_header, codec.decode_batch])
@given(payload=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(read: Callable[[bytes], Batch], payload: bytes) -> None:
    with contextlib.suppress(InvalidPayloadError):
        assert read(payload).schema >= 1


@given(st.data())
def test_damaged_batch_is_read_or_refused(data: st.DataObject) -> None:
    payload = bytearray(codec.encode(event_batch()))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(InvalidPayloadError):
        assert codec.decode_batch(bytes(payload)).count >= 1


def test_header_is_read_though_an_event_is_broken() -> None:
    batch = codec.encode(
        EventBatch(schema=1, device="cam-1", boot=1, lane="LANE_ALARM", first_seq=1, count=1)
    )
    broken_event = b"\x82\x01\x02\x08\xff"
    assert codec.read_header(batch + broken_event).count == 1
    with pytest.raises(InvalidPayloadError, match="no EventBatch"):
        codec.decode_batch(batch + broken_event)


def test_size_is_checked_before_parsing() -> None:
    with pytest.raises(InvalidPayloadError, match="2000000 bytes is too large"):
        codec.read_header(b"\x00" * 2_000_000)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 0}, "no schema version"),
        ({"device": "Gate/01"}, "device 'Gate/01' is not allowed"),
        ({"boot": 0}, "boot is missing"),
        ({"lane": 0}, "lane 0 is unknown"),
        ({"lane": 9}, "lane 9 is unknown"),
        ({"first_seq": 0}, "first_seq is missing"),
        ({"count": 0}, "count 0 is not 1 to 100"),
        ({"count": 101}, "count 101 is not 1 to 100"),
    ],
)
def test_header_that_breaks_a_rule_is_refused(change: dict[str, object], message: str) -> None:
    fields: dict[str, object] = {
        "schema": 1, "device": "cam-1", "boot": 1, "lane": 1, "first_seq": 1, "count": 1, **change,
    }  # fmt: skip
    with pytest.raises(InvalidPayloadError, match=message):
        codec.read_header(codec.encode(EventBatchHeader(**fields)))  # type: ignore[arg-type]


@pytest.mark.parametrize("seqs", [[41], [41, 43], [42, 41], [41, 42, 43]])
def test_events_must_be_those_that_the_header_announces(seqs: list[int]) -> None:
    batch = event_batch()
    del batch.events[:]
    for seq in seqs:
        batch.events.add(seq=seq)
    with pytest.raises(InvalidPayloadError, match="announces seq 41 to 42"):
        codec.decode_batch(codec.encode(batch))


def test_wrong_type_is_refused() -> None:
    with pytest.raises(InvalidPayloadError):
        codec.decode(Receipt, codec.encode(event_batch()) + b"\xff")
