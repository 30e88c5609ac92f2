"""The messages themselves: one object, and what a rule says of it."""

from collections.abc import Sequence

from edge.rules.counts import Tally
from edge.rules.hit import NOBODY, Hit, Kind
from edge.rules.kinds import OccupancyRule
from edge.rules.latch import NS_PER_S
from edge.rules.line import direction_of
from edge.rules.names import ModelNames
from edge.rules.objects import Objects
from edge.rules.occupancy import has_limits
from edge.rules.port import Draft, Event
from edge.rules.settings import target_of
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch


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
        self._models = ModelNames(model, model_version)

    def follow(self, classes: Sequence[str], model: str, model_version: str, since_ns: int) -> None:
        """What frames from a captured time on show was found by another model."""
        self._classes = tuple(classes)
        self._models.follow(model, model_version, since_ns)

    def started(self, objects: Objects, column: int) -> Draft:
        """An object is there."""
        return Draft(Lane.STATE, self._seen(EventBatch.OBJECT_STARTED, objects, column))

    def updated(self, objects: Objects, column: int) -> Draft:
        """An object has changed."""
        return Draft(Lane.STATE, self._seen(EventBatch.OBJECT_UPDATED, objects, column))

    def ended(self, objects: Objects, column: int) -> Draft:
        """An object is gone; its dwell is the time between its first and its last frame."""
        event = self._seen(EventBatch.OBJECT_ENDED, objects, column)
        seen_ns = objects.last_seen_ns[column] - objects.first_seen_ns[column]
        event.rule_hit.dwell_s = float(seen_ns) / NS_PER_S
        return Draft(Lane.STATE, event)

    def hit(self, objects: Objects, hit: Hit) -> Draft:
        """A rule says something of an object."""
        event = self._seen(hit.kind, objects, hit.column)
        said = event.rule_hit
        said.rule, said.target = hit.rule.id, target_of(hit.rule)
        said.direction = hit.direction
        said.dwell_s = hit.dwell_s
        said.value = hit.value
        if hit.other != NOBODY:
            said.other_track_id = int(objects.track_id[hit.other])
        return Draft(Lane.ALARM, event)

    def occupancy(self, hit: Hit, now_ns: int, frame: int) -> Draft:
        """So many objects are in a zone: an alarm where that is a limit, else its state."""
        event = self._event(hit.kind, now_ns, frame)
        said = event.rule_hit
        said.rule, said.target, said.value = hit.rule.id, target_of(hit.rule), hit.value
        is_alarm = isinstance(hit.rule, OccupancyRule) and has_limits(hit.rule)
        return Draft(Lane.ALARM if is_alarm else Lane.STATE, event)

    def counts(self, tally: Tally) -> Draft:
        """What was counted in an interval."""
        event = self._event(EventBatch.COUNTS, tally.last_ns, tally.last_frame)
        event.rule_hit.rule, event.rule_hit.target = tally.rule.id, target_of(tally.rule)
        event.counts.interval_start_ns = tally.start_ns
        event.counts.interval_end_ns = tally.end_ns
        for class_id, way, number in tally.counts:
            count = event.counts.counts.add(class_name=self._classes[class_id], count=number)
            if way:
                count.direction = direction_of(way)
        return Draft(Lane.STATS, event)

    def _seen(self, kind: Kind, objects: Objects, column: int) -> Event:
        left, top, right, bottom, confidence, median, _ = objects.shown[:, column].tolist()
        event = self._event(
            kind, int(objects.last_seen_ns[column]), int(objects.last_frame[column])
        )
        event.object.MergeFrom(
            EventBatch.Object(
                track_id=int(objects.track_id[column]),
                class_name=self._classes[objects.class_id[column]],
                confidence=confidence,
                box=EventBatch.Box(top=top, left=left, width=right - left, height=bottom - top),
                first_seen_ns=int(objects.first_seen_ns[column]),
                speed_mps=float(objects.speed_mps[column]),
                stationary=bool(objects.stationary[column]),
                median_confidence=median,
            )
        )
        return event

    def _event(self, kind: Kind, captured_ns: int, frame: int) -> Event:
        model, model_version = self._models.at(captured_ns)
        return Event(
            camera=self._camera,
            captured_ns=captured_ns,
            frame=frame,
            kind=kind,
            model=model,
            model_version=model_version,
        )
