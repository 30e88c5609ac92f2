"""One camera's areas into drafts of events, frame by frame.

As with tracks, every time is that of frames, and the same areas make the same events. The frames
need not be all of a camera's: a segmentation model may look at fewer than its detector does.
"""

from collections.abc import Sequence

from edge.rules.areas.departure import Departure, DepartureWatch
from edge.rules.areas.lanes import find_lane
from edge.rules.areas.settings import (
    AreaRulesSettings,
    DepartureRule,
    SegmentationRule,
    unknown_area_classes,
)
from edge.rules.areas.shares import ClassArea, SharesWatch
from edge.rules.fields import require_none
from edge.rules.port import Draft, Event
from edge.rules.schedule import Schedules
from models.areas import Areas
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch

LEFT, RIGHT = "left", "right"
"""Targets of a lane departure: the side to which the lane is left."""


class CameraAreaRules:
    """The rules about areas of one camera.

    Args:
        camera_id: id of the camera.
        classes: of the segmentation model, by class id.
        model: name of the model.
        model_version: its version.
        settings: the rules.

    Raises:
        SettingsError: a rule names a class that the model does not have.
    """

    def __init__(
        self,
        camera_id: str,
        classes: Sequence[str],
        model: str,
        model_version: str,
        settings: AreaRulesSettings,
    ) -> None:
        require_none(camera_id, unknown_area_classes(settings, classes))
        self._camera, self._classes = camera_id, tuple(classes)
        self._model, self._model_version = model, model_version
        rules = settings.rules
        self._schedules = Schedules([rule.schedule for rule in rules])
        self._departures = [
            (row, rule, self._classes.index(rule.lines), DepartureWatch(rule))
            for row, rule in enumerate(rules)
            if isinstance(rule, DepartureRule)
        ]
        self._shares = [
            (row, SharesWatch(rule, self._class_ids(rule)))
            for row, rule in enumerate(rules)
            if isinstance(rule, SegmentationRule)
        ]

    def step(self, areas: Areas, captured_ns: int, frame: int) -> list[Draft]:
        """The events of one frame.

        Args:
            areas: of the frame; frames come in the order of their time.
            captured_ns: of the frame.
            frame: its number.
        """
        is_on = self._schedules.is_on(captured_ns)[:, 0].tolist()
        drafts = []
        for row, rule, class_id, departures in self._departures:
            lane = find_lane(areas, class_id, rule.top, rule.centre)
            if departure := departures.step(lane, captured_ns, is_on[row]):
                event = self._event(EventBatch.LANE_DEPARTURE, captured_ns, frame)
                drafts.append(self._departed(event, rule, departure))
        for row, shares in self._shares:
            if (found := shares.step(areas, captured_ns, is_on[row])) is not None:
                event = self._event(EventBatch.SEGMENTATION, captured_ns, frame)
                drafts.append(self._shown(event, found))
        return drafts

    def follow(self, classes: Sequence[str], model: str, model_version: str) -> None:
        """Another model finds the areas from the next frame on.

        Args:
            classes: of the model, by class id; all that rules name are among them.
            model: name of the model.
            model_version: its version.
        """
        self._model, self._model_version = model, model_version
        if tuple(classes) == self._classes:
            return
        self._classes = tuple(classes)
        self._departures = [
            (row, rule, self._classes.index(rule.lines), watch)
            for row, rule, _, watch in self._departures
        ]
        self._shares = [
            (row, SharesWatch(watch.rule, self._class_ids(watch.rule)))
            for row, watch in self._shares
        ]

    def _class_ids(self, rule: SegmentationRule) -> tuple[int, ...]:
        names = rule.classes or self._classes
        return tuple(self._classes.index(name) for name in names)

    def _departed(self, event: Event, rule: DepartureRule, departure: Departure) -> Draft:
        event.rule_hit.rule = rule.id
        event.rule_hit.target = LEFT if departure.is_left else RIGHT
        event.rule_hit.value = departure.place
        return Draft(Lane.ALARM, event)

    def _shown(self, event: Event, found: list[ClassArea]) -> Draft:
        for one in found:
            area = event.segmentation.areas.add(
                class_name=self._classes[one.class_id], share=one.share
            )
            for outline in one.outlines:
                polygon = area.polygons.add(is_hole=outline.area < 0.0)
                for x, y in outline.points.tolist():
                    polygon.points.add(x=x, y=y)
        return Draft(Lane.STATS, event)

    def _event(self, kind: EventBatch.Kind, captured_ns: int, frame: int) -> Event:
        return Event(
            camera=self._camera,
            captured_ns=captured_ns,
            frame=frame,
            kind=kind,
            model=self._model,
            model_version=self._model_version,
        )
