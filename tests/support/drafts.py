"""Drafts of events, as rules make them."""

from edge.rules.port import Draft, Event
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

START_NS = 1_800_000_000_000_000_000


def drafts(count: int, lane: Lane = Lane.STATE, *, first: int = 0, detail: str = "") -> list[Draft]:
    """Drafts whose `frame` counts from `first`; `detail` makes them larger."""
    return [
        Draft(
            lane,
            Event(
                camera="gate",
                captured_ns=START_NS + frame,
                kind=EventBatch.CAMERA_STATE,
                camera_status=EventBatch.CameraStatus(state="open", detail=detail),
                frame=frame,
            ),
        )
        for frame in range(first, first + count)
    ]
