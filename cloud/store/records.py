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
    device, boot, lane, synced = batch.device, batch.boot, Lane(batch.lane), batch.clock_synced
    found = []
    for event in batch.events:
        event.clock_synced = synced
        found.append(_record(EventId(device, boot, lane, event.seq), event, encode(event)))
    return found


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
    class_name, track_id, confidence, box = _seen(event)
    rule, target, direction, dwell_s, value = _found(event)
    # By position and without a detour: each event passes here, and names cost half as much again.
    return EventRecord(
        event_id,
        event.captured_ns,
        kind_slug(event.kind),
        event.camera,
        event.frame,
        event.model,
        event.model_version,
        class_name,
        track_id,
        confidence,
        box,
        rule,
        target,
        direction,
        dwell_s,
        value,
        event.clock_synced if event.HasField("clock_synced") else None,
        payload,
    )


def _seen(
    event: EventBatch.Event,
) -> tuple[str, int | None, float | None, tuple[float, float, float, float] | None]:
    """Class, track, confidence and box of what was seen."""
    if not event.HasField("object"):
        return "", None, None, None
    seen = event.object
    if not seen.HasField("box"):
        return seen.class_name, seen.track_id, seen.confidence, None
    box = seen.box
    place = box.top, box.left, box.width, box.height
    return seen.class_name, seen.track_id, seen.confidence, place


def _found(event: EventBatch.Event) -> tuple[str, str, str, float | None, float | None]:
    """Rule, target, direction, dwell and value of what a rule found; a value is a sensor's, too."""
    if not event.HasField("rule_hit"):
        value = event.sensor.value if event.HasField("sensor") else None
        return "", "", "", None, value
    hit = event.rule_hit
    return hit.rule, hit.target, direction_slug(hit.direction), hit.dwell_s, hit.value
