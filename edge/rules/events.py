"""The messages themselves: one object, and what a rule says of it."""

from collections.abc import Sequence

from edge.rules.line import LineHit
from edge.rules.objects import Objects
from edge.rules.port import Draft, Event
from edge.rules.scope import NS_PER_S
from edge.rules.settings import target_of
from edge.rules.zone import ZoneHit
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

Kind = EventBatch.Kind


class Drafter:
    """Writes the events of one camera. An event shows its object as it was last seen.

    Args:
        camera: id of the camera.
        classes: of the model.
        model: its name.
        model_version: its version.
    """

    def __init__(self, camera: str, classes: Sequence[str], model: str, model_version: str) -> None:
        self._camera = camera
        self._classes = tuple(classes)
        self._model = model
        self._model_version = model_version

    def started(self, objects: Objects, column: int) -> Draft:
        """An object is there."""
        return Draft(Lane.STATE, self._event(EventBatch.OBJECT_STARTED, objects, column))

    def updated(self, objects: Objects, column: int) -> Draft:
        """An object has changed."""
        return Draft(Lane.STATE, self._event(EventBatch.OBJECT_UPDATED, objects, column))

    def ended(self, objects: Objects, column: int) -> Draft:
        """An object is gone; its dwell is the time between its first and its last frame."""
        event = self._event(EventBatch.OBJECT_ENDED, objects, column)
        seen_ns = objects.last_seen_ns[column] - objects.first_seen_ns[column]
        event.rule_hit.dwell_s = float(seen_ns) / NS_PER_S
        return Draft(Lane.STATE, event)

    def zone(self, objects: Objects, hit: ZoneHit) -> Draft:
        """An object has entered or left a zone."""
        kind = EventBatch.ZONE_ENTERED if hit.has_entered else EventBatch.ZONE_EXITED
        event = self._event(kind, objects, hit.column)
        event.rule_hit.rule = hit.rule.id
        event.rule_hit.target = target_of(hit.rule)
        event.rule_hit.dwell_s = hit.dwell_s
        return Draft(Lane.ALARM, event)

    def line(self, objects: Objects, hit: LineHit) -> Draft:
        """An object has crossed a line."""
        event = self._event(EventBatch.LINE_CROSSED, objects, hit.column)
        event.rule_hit.rule = hit.rule.id
        event.rule_hit.target = target_of(hit.rule)
        event.rule_hit.direction = EventBatch.A_TO_B if hit.is_a_to_b else EventBatch.B_TO_A
        return Draft(Lane.ALARM, event)

    def _event(self, kind: Kind, objects: Objects, column: int) -> Event:
        left, top, right, bottom = objects.ltrb[:, column].tolist()
        return Event(
            camera=self._camera,
            captured_ns=int(objects.last_seen_ns[column]),
            frame=int(objects.last_frame[column]),
            kind=kind,
            model=self._model,
            model_version=self._model_version,
            object=EventBatch.Object(
                track_id=int(objects.track_id[column]),
                class_name=self._classes[objects.class_id[column]],
                confidence=float(objects.confidence[column]),
                box=EventBatch.Box(top=top, left=left, width=right - left, height=bottom - top),
                first_seen_ns=int(objects.first_seen_ns[column]),
            ),
        )
