"""Rows into payloads: an EventBatch of many, or one Snapshot as it is.

The rows hold serialised events already. An EventBatch is its header followed by its events,
each with tag and length (Protocol Buffers encoding, "Message Structure"), so they are joined
here without being parsed: the bytes are those that `codec.encode` makes of the whole message.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.publish.ledger import varint
from edge.publish.rows import Row, Stream
from protos.codec import SCHEMA, encode
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

_EVENTS_TAG = b"\x82\x01"  # field 16, length-delimited: EventBatch.events
_MAX_HEADER_BYTES = 192


@dataclass(frozen=True, slots=True)
class Batch:
    """A payload for the wire and the events that are in it."""

    first: int
    last: int
    payload: bytes


def make_batch(
    device: str, stream: Stream, rows: Sequence[Row], *, max_events: int, max_bytes: int
) -> Batch:
    """The longest batch that the rows begin with; of lane EVIDENCE the first picture, alone.

    It ends before a gap in seq, before a change of the clock, and at the limits; a first
    event that is larger than `max_bytes` travels alone.

    Args:
        device: id of the device.
        stream: where the rows are from.
        rows: at least one, in order of seq.
        max_events: events at most.
        max_bytes: bytes of the payload at most.
    """
    head = rows[0]
    if stream.lane is Lane.EVIDENCE:
        return Batch(head.seq, head.seq, head.payload)
    parts: list[bytes] = []
    size = _MAX_HEADER_BYTES
    for row in rows[:max_events]:
        follows = row.seq == head.seq + len(parts) and row.clock == head.clock
        prefix = _EVENTS_TAG + varint(len(row.payload))
        size += len(prefix) + len(row.payload)
        if not follows or (parts and size > max_bytes):
            break
        parts.append(prefix + row.payload)
    header = EventBatch(
        schema=SCHEMA,
        device=device,
        boot=stream.boot,
        lane=EventBatch.Lane.Name(stream.lane),
        first_seq=head.seq,
        count=len(parts),
        clock_synced=head.clock.synced,
        anchor_id=head.clock.anchor_id,
    )
    return Batch(head.seq, head.seq + len(parts) - 1, encode(header) + b"".join(parts))
