"""EventBatch into EventRecords: what the store knows of an event, from its own bytes alone."""

from google.protobuf.message import DecodeError

from cloud.store.port import EventRecord
from protos.codec import encode
from protos.errors import InvalidPayloadError
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch

MAX_CAPTURED_NS = 2**63 // 1_000_000 * 1_000_000 - 1
"""Year 2262: the last time that InfluxDB can name, less what a point's time adds."""

MAX_SEQ = 2**63 - 1
"""The largest seq that an event id's text can carry and a store's integers can hold."""

_KINDS = {
    number: name.lower().replace("_", "-")
    for name, number in EventBatch.Kind.items()
    if number != EventBatch.KIND_UNSPECIFIED
}
_DIRECTIONS = {
    number: name.lower().replace("_", "-")
    for name, number in EventBatch.Direction.items()
    if number != EventBatch.DIRECTION_UNSPECIFIED
}


def records(batch: EventBatch) -> list[EventRecord]:
    """The events of a batch as the store takes them, in the batch's order.

    Each is marked, in place, with what the batch says of the device's clock: stored, it stands
    alone, and whoever reads it should know whether to believe its time.

    Raises:
        InvalidPayloadError: a time or a seq is beyond what a store can hold.
    """
    lane = Lane(batch.lane)
    for event in batch.events:
        event.clock_synced = batch.clock_synced
    return [
        _record(EventId(batch.device, batch.boot, lane, event.seq), event, encode(event))
        for event in batch.events
    ]


def record(event_id: EventId, payload: bytes) -> EventRecord:
    """The record of one stored event: the inverse of keeping its id and payload.

    Raises:
        InvalidPayloadError: the payload is no event.
    """
    try:
        event = EventBatch.Event.FromString(payload)
    except DecodeError as error:
        raise InvalidPayloadError(f"what is stored as {event_id} is no event: {error}") from error
    return _record(event_id, event, payload)


KINDS = frozenset(_KINDS.values())
"""Every kind that this release knows."""


def kind_slug(number: int) -> str:
    """`line-crossed` for LINE_CROSSED, `kind-77` for one that a newer peer sent."""
    return _KINDS.get(number) or f"kind-{number}"


def direction_slug(number: int) -> str:
    """`a-to-b` for A_TO_B, empty where there is none."""
    return _DIRECTIONS.get(number, "")


def _record(event_id: EventId, event: EventBatch.Event, payload: bytes) -> EventRecord:
    if event.captured_ns > MAX_CAPTURED_NS or event.seq > MAX_SEQ:
        raise InvalidPayloadError(
            f"event {event_id}: captured_ns {event.captured_ns} or its seq is beyond 63 bits"
        )
    seen = event.object if event.HasField("object") else None
    hit = event.rule_hit if event.HasField("rule_hit") else None
    return EventRecord(
        id=event_id,
        captured_ns=event.captured_ns,
        kind=kind_slug(event.kind),
        camera=event.camera,
        frame=event.frame,
        model=event.model,
        model_version=event.model_version,
        class_name=seen.class_name if seen is not None else "",
        track_id=seen.track_id if seen is not None else None,
        confidence=seen.confidence if seen is not None else None,
        box=_box(seen) if seen is not None else None,
        rule=hit.rule if hit is not None else "",
        target=hit.target if hit is not None else "",
        direction=direction_slug(hit.direction) if hit is not None else "",
        dwell_s=hit.dwell_s if hit is not None else None,
        value=hit.value if hit is not None else _reading(event),
        clock_synced=event.clock_synced if event.HasField("clock_synced") else None,
        payload=payload,
    )


def _box(seen: EventBatch.Object) -> tuple[float, float, float, float] | None:
    if not seen.HasField("box"):
        return None
    box = seen.box
    return box.top, box.left, box.width, box.height


def _reading(event: EventBatch.Event) -> float | None:
    """What a sensor measured."""
    return event.sensor.value if event.HasField("sensor") else None
