"""Records to store, made of wire events as ingest makes them."""

from cloud.store.port import EventRecord
from cloud.store.records import records
from protos.codec import SCHEMA
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

Event = EventBatch.Event
START_NS = 1_750_000_000_000_000_000


def batch_of(
    *events: Event, device: str = "cam-box", boot: int = 7, lane: Lane = Lane.STATE
) -> EventBatch:
    """A batch with a header that fits its events."""
    return EventBatch(
        schema=SCHEMA,
        device=device,
        boot=boot,
        lane=f"LANE_{lane.name}",
        first_seq=events[0].seq,
        count=len(events),
        events=events,
    )


def person(seq: int, captured_ns: int = 0, *, camera: str = "door", class_name: str = "person",
           kind: "EventBatch.Kind" = EventBatch.OBJECT_STARTED) -> Event:  # fmt: skip
    """An object event; by default one a millisecond."""
    return Event(
        seq=seq,
        camera=camera,
        captured_ns=captured_ns or START_NS + seq * 1_000_000,
        kind=kind,
        model="fastestdet",
        model_version="1",
        frame=seq,
        object=EventBatch.Object(
            track_id=seq,
            class_name=class_name,
            confidence=0.75,
            box={"top": 0.25, "left": 0.5, "width": 0.125, "height": 0.0625},
        ),
    )


def crossing(seq: int, captured_ns: int = 0, *, rule: str = "door-line",
             target: str = "line-a", camera: str = "door") -> Event:  # fmt: skip
    """A line that was crossed."""
    event = person(seq, captured_ns, camera=camera, kind=EventBatch.LINE_CROSSED)
    event.rule_hit.rule = rule
    event.rule_hit.target = target
    event.rule_hit.direction = EventBatch.A_TO_B
    event.rule_hit.dwell_s = 1.5
    return event


def stored(
    *events: Event, device: str = "cam-box", boot: int = 7, lane: Lane = Lane.STATE
) -> list[EventRecord]:
    """The records of some events."""
    return [
        one
        for event in events
        for one in records(batch_of(event, device=device, boot=boot, lane=lane))
    ]
