"""Batches are what the codec would have made, within their limits."""

from hypothesis import given
from hypothesis import strategies as st

from edge.publish.batches import make_batch
from edge.publish.clock import ClockState
from edge.publish.rows import Row, Stream
from protos import codec
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

STREAM = Stream(Lane.STATE, 3, 0xFEDCBA9876543210)


def row(seq: int, size: int = 10, *, synced: bool = True) -> Row:
    event = EventBatch.Event(seq=seq, camera="x" * size, captured_ns=7)
    return Row(seq, 7, ClockState(synced, 1), codec.encode(event))


def batch(rows: list[Row], *, max_events: int = 100, max_bytes: int = 65536) -> EventBatch:
    made = make_batch("gate-1", STREAM, rows, max_events=max_events, max_bytes=max_bytes)
    decoded = codec.decode_batch(made.payload)
    assert (made.first, made.last) == (
        decoded.first_seq,
        decoded.first_seq + decoded.count - 1,
    )
    assert codec.encode(decoded) == made.payload
    return decoded


@given(
    first=st.integers(1, 2**40),
    sizes=st.lists(st.integers(0, 400), min_size=1, max_size=30),
    max_events=st.integers(1, 100),
    max_bytes=st.integers(1024, 4096),
)
def test_a_batch_keeps_its_limits_and_holds_what_fits(
    first: int, sizes: list[int], max_events: int, max_bytes: int
) -> None:
    rows = [row(first + index, size) for index, size in enumerate(sizes)]
    made = batch(rows, max_events=max_events, max_bytes=max_bytes)
    assert made.boot == STREAM.boot
    assert made.lane == EventBatch.LANE_STATE
    assert made.traceparent == ""
    assert [event.seq for event in made.events] == [r.seq for r in rows[: made.count]]
    assert made.count <= max_events
    assert len(codec.encode(made)) <= max_bytes or made.count == 1


def test_a_batch_ends_before_a_gap() -> None:
    assert batch([row(4), row(5), row(7)]).count == 2


def test_a_batch_ends_where_the_clock_was_disciplined() -> None:
    rows = [row(1, synced=False), row(2, synced=False), row(3)]
    assert batch(rows).count == 2
    assert not batch(rows).clock_synced
    assert batch(rows[2:]).clock_synced


def test_an_event_that_is_too_large_for_a_batch_travels_alone() -> None:
    rows = [row(1, 90_000), row(2)]
    assert batch(rows).count == 1


def test_fields_of_a_newer_agent_are_kept() -> None:
    unknown = b"\xfa\x7f\x03abc"  # field 2047
    made = batch([Row(1, 7, ClockState(True, 1), row(1).payload + unknown)])
    assert codec.encode(made.events[0]).endswith(unknown)
