"""One camera's tracks into drafts of events, frame by frame.

Every time is that of frames, and every decision follows from the tracks alone: the same
tracks make the same events, at any speed and any frame rate.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.events import Drafter
from edge.rules.lifecycle import LifeWatch
from edge.rules.line import LineWatch
from edge.rules.objects import Objects
from edge.rules.port import Draft
from edge.rules.settings import CameraRulesSettings, LineRule, ZoneRule, unknown_classes
from edge.rules.zone import ZoneWatch
from edge.track.port import Tracks
from wayside.errors import Problem, SettingsError
from wayside.settings import dotted


class CameraRules:
    """The rules of one camera, and what they remember of its living objects.

    Args:
        camera_id: id of the camera.
        classes: of the model, by class id.
        model: name of the model.
        model_version: its version.
        settings: zones, lines, rules and the objects' life.

    Raises:
        SettingsError: a rule names a class that the model does not have.
    """

    def __init__(
        self,
        camera_id: str,
        classes: Sequence[str],
        model: str,
        model_version: str,
        settings: CameraRulesSettings,
    ) -> None:
        if unknown := unknown_classes(settings, classes):
            source = f"camera {camera_id}"
            raise SettingsError([Problem(source, 0, dotted(at), text) for at, text in unknown])
        zone_rules = [rule for rule in settings.rules if isinstance(rule, ZoneRule)]
        line_rules = [rule for rule in settings.rules if isinstance(rule, LineRule)]
        outlines = {zone.id: zone.points for zone in settings.zones}
        lines = {line.id: line.points for line in settings.lines}
        self._drafter = Drafter(camera_id, classes, model, model_version)
        self._objects = Objects.none()
        self._zones = ZoneWatch(zone_rules, outlines, classes)
        self._lines = LineWatch(line_rules, lines, classes)
        self._life = LifeWatch(settings.objects)

    def __len__(self) -> int:
        """Number of living objects."""
        return len(self._objects)

    def step(self, tracks: Tracks, width_px: int, height_px: int) -> list[Draft]:
        """The events of one frame.

        An object that has ended is told as it was in the last frame that showed it, and with
        the time of that frame.

        Args:
            tracks: of the frame; frames come in the order of their time.
            width_px: of the frame.
            height_px: of the frame.
        """
        drafts = self._end(self._objects.columns_of(tracks.ended))
        if not len(tracks):
            return drafts
        known = len(self._objects)
        sight = self._objects.see(tracks, width_px, height_px)
        if added := len(self._objects) - known:
            for watch in (self._zones, self._lines, self._life):
                watch.grow(added)
        objects, draft = self._objects, self._drafter
        drafts += [draft.started(objects, column) for column in sight.columns[sight.is_new]]
        drafts += [draft.zone(objects, hit) for hit in self._zones.step(sight)]
        drafts += [draft.line(objects, hit) for hit in self._lines.step(sight)]
        drafts += [draft.updated(objects, column) for column in self._life.step(sight, objects)]
        return drafts

    def finish(self) -> list[Draft]:
        """The events of the source's end: every living object ends, and is forgotten."""
        return self._end(np.arange(len(self._objects)))

    def _end(self, columns: NDArray[np.intp]) -> list[Draft]:
        if not len(columns):
            return []
        objects, draft = self._objects, self._drafter
        hits = self._zones.end(columns, objects.last_seen_ns[columns])
        drafts = [draft.zone(objects, hit) for hit in hits]
        drafts += [draft.ended(objects, column) for column in columns.tolist()]
        stays = np.ones(len(objects), np.bool_)
        stays[columns] = False
        for part in (objects, self._zones, self._lines, self._life):
            part.keep(stays)
        return drafts
