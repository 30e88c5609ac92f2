"""What rules make: drafts of events, which get their seq when the outbox takes them."""

from dataclasses import dataclass

from edge.evidence.port import Name, Shot
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

Event = EventBatch.Event


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """An event without a seq, and the lane that it is meant for.

    Rule hits travel in ALARM, the life of objects, numbers of objects without a limit and the
    state of cameras in STATE, counts, shares and readings in STATS.

    Attributes:
        lane: as above.
        event: what is told.
        shot: a picture of it, which may be one of an earlier event's.
        name: where the outbox writes the event's id once it is durable.
    """

    lane: Lane
    event: Event
    shot: Shot | None = None
    name: Name | None = None
