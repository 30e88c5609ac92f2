"""One camera's tracks into drafts of events, frame by frame.

Every time is that of frames, and every decision follows from the tracks alone: the same
tracks make the same events, at any speed and any frame rate.
"""

from collections.abc import Container, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.rules.events import Drafter
from edge.rules.fields import require_none
from edge.rules.ground import Ground
from edge.rules.lifecycle import LifeWatch
from edge.rules.objects import Objects
from edge.rules.port import Draft
from edge.rules.scene import Scene
from edge.rules.settings import CameraRulesSettings, unknown_classes
from edge.rules.shapes import GroundSettings
from edge.rules.watches import Watches
from edge.track.port import Tracks


class CameraRules:
    """The rules of one camera, and what they remember of its living objects.

    Args:
        camera_id: id of the camera.
        classes: of the model, by class id.
        model: name of the model.
        model_version: its version.
        settings: zones, lines, ground, rules and the objects' life.

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
        require_none(camera_id, unknown_classes(settings, classes))
        self._settings = settings
        self._camera, self._classes = camera_id, tuple(classes)
        self._drafter = Drafter(camera_id, classes, model, model_version)
        self._objects = Objects.none()
        self._latest = (0, 0)
        self._life = LifeWatch(settings.objects)
        self._ground: Ground | None = None
        self._ground_settings: GroundSettings | None = None
        self._watch_by(settings)

    def __len__(self) -> int:
        """Number of living objects."""
        return len(self._objects)

    def step(self, tracks: Tracks, width_px: int, height_px: int) -> list[Draft]:
        """The events of one frame.

        An object that has ended is told as it was in the last frame that showed it, and with
        the time of that frame. Frames that show nobody count as well: numbers of objects
        settle and intervals end with them.

        Args:
            tracks: of the frame; frames come in the order of their time.
            width_px: of the frame.
            height_px: of the frame.
        """
        watches, draft, now_ns = self._watches, self._drafter, tracks.captured_ns
        self._latest = now_ns, tracks.frame
        drafts = [draft.counts(tally) for tally in watches.begin(now_ns, tracks.frame)]
        drafts += self._end(self._objects.columns_of(tracks.ended))
        if len(tracks):
            drafts += self._see(tracks, width_px, height_px)
        drafts += [draft.occupancy(hit, now_ns, tracks.frame) for hit in watches.numbers(now_ns)]
        return drafts

    def change(self, settings: CameraRulesSettings) -> list[Draft]:
        """Watch by other settings from the next frame on; the objects live on.

        A rule that is the same as before, with its zone or line, goes on with all that it knows.

        Returns:
            what the other rules until now had left to say: as at the end of the source, but for
            the objects, which do not end.

        Raises:
            SettingsError: a rule names a class that the model does not have.
        """
        require_none(self._camera, unknown_classes(settings, self._classes))
        objects, draft, before = self._objects, self._drafter, self._watches
        self._settings = settings
        self._watch_by(settings)
        self._life.follow(settings.objects)
        goes_on = self._watches.inherit(before)
        hits = before.end(np.arange(len(objects)), objects.last_seen_ns)
        drafts = [draft.hit(objects, hit) for hit in hits if hit.rule.id not in goes_on]
        return drafts + self._finish(before, goes_on)

    def follow(
        self, classes: Sequence[str], model: str, model_version: str, since_ns: int
    ) -> list[Draft]:
        """Another model finds what frames from a captured time on show; the objects live on.

        Args:
            classes: by the class ids of the tracks from now on; those until now stay as they are.
            model: name of the model.
            model_version: its version.
            since_ns: captured time of the first frame that it looked at.

        Returns:
            what the rules until now had left to say: nothing, as each goes on.
        """
        self._drafter.follow(classes, model, model_version, since_ns)
        if tuple(classes) == self._classes:
            return []
        self._classes = tuple(classes)
        return self.change(self._settings)

    def finish(self) -> list[Draft]:
        """The events of the source's end: every living object ends, and is forgotten."""
        drafts = self._end(np.arange(len(self._objects)))
        return drafts + self._finish(self._watches)

    def _finish(self, watches: Watches, goes_on: Container[str] = ()) -> list[Draft]:
        """What was counted until now by the rules that end, and that they count no more."""
        draft = self._drafter
        hits = [hit for hit in watches.no_numbers() if hit.rule.id not in goes_on]
        tallies = [tally for tally in watches.finish() if tally.rule.id not in goes_on]
        drafts = [draft.occupancy(hit, *self._latest) for hit in hits]
        return drafts + [draft.counts(tally) for tally in tallies]

    def _watch_by(self, settings: CameraRulesSettings) -> None:
        known = len(self._objects)
        self._watches = Watches(settings, self._classes)
        self._watches.grow(known)
        if settings.ground != self._ground_settings:
            self._ground = Ground(settings.ground) if settings.ground else None
            self._ground_settings = settings.ground
            if self._ground:
                self._ground.grow(known)

    def _see(self, tracks: Tracks, width_px: int, height_px: int) -> list[Draft]:
        known = len(self._objects)
        sight = self._objects.see(tracks, width_px, height_px)
        if added := len(self._objects) - known:
            self._watches.grow(added)
            self._life.grow(added)
            if self._ground:
                self._ground.grow(added)
        objects, draft = self._objects, self._drafter
        places, speeds_mps = self._ground.step(sight, objects) if self._ground else (None, None)
        moves, crossings = self._watches.look(sight)
        scene = Scene(sight, objects, moves, crossings, places, speeds_mps)
        drafts = [draft.started(objects, column) for column in sight.new.tolist()]
        drafts += [draft.hit(objects, hit) for hit in self._watches.step(scene)]
        drafts += [draft.updated(objects, column) for column in self._life.step(sight, objects)]
        return drafts

    def _end(self, columns: NDArray[np.intp]) -> list[Draft]:
        if not len(columns):
            return []
        objects, draft = self._objects, self._drafter
        hits = self._watches.end(columns, objects.last_seen_ns[columns])
        drafts = [draft.hit(objects, hit) for hit in hits]
        drafts += [draft.ended(objects, column) for column in columns.tolist()]
        stays = np.ones(len(objects), np.bool_)
        stays[columns] = False
        objects.keep(stays)
        self._watches.keep(stays)
        self._life.keep(stays)
        if self._ground:
            self._ground.keep(stays)
        return drafts
