"""One camera's evidence, between its reader, its rules and the outbox.

    reader ──passed──> masks that the network may not see past; a frame now and then to the recorder
    rules ──look──> drafts with pictures; what happened to the recorder

Where a camera has neither masks nor pictures nor clips there is no such thing, and nobody asks.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from edge.capture.port import Frame
from edge.errors import EvidenceError
from edge.evidence.cutter import Cause, Clip
from edge.evidence.masks import Masks
from edge.evidence.port import Name, Shot
from edge.evidence.recorder import Recorder
from edge.evidence.settings import CameraEvidenceSettings
from edge.evidence.shots import Shots
from edge.evidence.stats import CameraEvidenceStats, RecorderStats
from edge.rules.port import Draft
from edge.track.port import Tracks
from models.detections import Image
from protos.ids import Lane
from protos.v1.event_batch_pb2 import EventBatch


class KeepClip(Protocol):
    """Takes clips over, as the writer does."""

    def __call__(self, camera: str, is_masked: bool, clip: Clip, *, waits: bool) -> None:
        """Take the clip of a camera; `waits`: rather wait for room than lose one."""


_log = structlog.get_logger(__name__)


class CameraEvidence:
    """What is kept of one camera. As a context it works until the block is left.

    Args:
        camera: id of the camera.
        settings: masks, pictures, clips.
        keep_clip: takes clips; None: none are made.
        is_lossless: the camera is a file of which every frame counts.
    """

    def __init__(
        self,
        camera: str,
        settings: CameraEvidenceSettings,
        keep_clip: KeepClip | None,
        *,
        is_lossless: bool = False,
    ) -> None:
        masks = settings.privacy
        self._masks = Masks([mask.polygon for mask in masks if mask.before_inference])
        later = Masks([mask.polygon for mask in masks if not mask.before_inference])
        kept = settings.evidence
        self._camera = camera
        self._has_failed = False
        self._clips = kept.clips
        self._pictures = kept.pictures
        self._shots = Shots(camera, kept.pictures, later) if kept.pictures.enabled else None
        self._recorder = None
        if kept.clips.enabled and keep_clip is not None:
            is_masked = bool(masks)
            self._recorder = Recorder(
                camera, kept.clips, later,
                lambda clip: keep_clip(camera, is_masked, clip, waits=is_lossless),
                is_lossless=is_lossless,
            )  # fmt: skip

    def __enter__(self) -> "CameraEvidence":
        if self._recorder:
            self._recorder.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._recorder:
            self._recorder.stop()
        if self._shots:
            self._shots.clear()

    @property
    def wants_pictures(self) -> bool:
        """True where `look` needs the frame itself."""
        return self._shots is not None

    @property
    def stats(self) -> CameraEvidenceStats:
        """Its figures now."""
        return CameraEvidenceStats(
            self._shots.taken if self._shots else 0,
            self._shots.dropped if self._shots else 0,
            self._recorder.stats if self._recorder else RecorderStats(),
        )

    @property
    def held_bytes(self) -> int:
        """What pictures of objects that live, and of the last seconds, occupy."""
        shots = self._shots.bytes if self._shots else 0
        return shots + (self._recorder.held_bytes if self._recorder else 0)

    def passed(self, frame: Frame) -> Frame:
        """The frame as everybody else may see it. The reader's thread calls it, for each frame."""
        image = self._masks.paint(frame.image)
        if image is not frame.image:
            frame = replace(frame, image=image)
        if self._recorder:
            self._recorder.offer(frame)
        return frame

    def look(self, image: Image | None, tracks: Tracks, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts of a frame, with what belongs to them.

        Args:
            image: (H, W, 3), the frame as `passed` gave it; None where it was not kept.
            tracks: that it shows.
            drafts: of the rules.
        """
        shots = self._shots
        if shots is not None and image is not None and len(tracks):
            try:
                shots.see(image, tracks)
            except EvidenceError as error:
                self._tell_once(error)
        told = [self._told(draft, image) for draft in drafts]
        if shots is not None and tracks.ended:
            shots.forget(tracks.ended)
        return told

    def beside(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Drafts of networks for areas, which have clips and no pictures. Any thread calls it."""
        if self._recorder is None:
            return list(drafts)
        return [replace(draft, name=self._cause(self._recorder, draft)) for draft in drafts]

    def finish(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The drafts of the source's end, or of rules' end, with what belongs to them."""
        return [self._told(draft, None) for draft in drafts]

    def _told(self, draft: Draft, image: Image | None) -> Draft:
        shot = None if self._shots is None else self._shot(self._shots, draft, image)
        name = self._cause(self._recorder, draft) if self._recorder else None
        return draft if shot is None and name is None else replace(draft, shot=shot, name=name)

    def _shot(self, shots: Shots, draft: Draft, image: Image | None) -> Shot | None:
        """The picture that belongs to an event: of its object, or of all where it has none."""
        event = draft.event
        if draft.lane is Lane.ALARM:
            if event.HasField("object"):
                return shots.of(event.object.track_id, is_sent=False)
            return None if image is None else self._whole(shots, image, event.captured_ns)
        if event.kind == EventBatch.OBJECT_ENDED:
            return shots.of(event.object.track_id, is_sent=self._pictures.of == "hits")
        return None

    def _whole(self, shots: Shots, image: Image, captured_ns: int) -> Shot | None:
        try:
            return shots.whole(image, captured_ns)
        except EvidenceError as error:
            self._tell_once(error)
            return None

    def _tell_once(self, error: EvidenceError) -> None:
        """A picture that cannot be made keeps no event back."""
        if not self._has_failed:
            _log.error("no picture", camera_id=self._camera, error=str(error))
        self._has_failed = True

    def _cause(self, recorder: Recorder, draft: Draft) -> Name | None:
        event, kinds = draft.event, self._clips.kinds
        kind = EventBatch.Kind.Name(event.kind).lower().replace("_", "-")
        if kind not in kinds if kinds is not None else draft.lane is not Lane.ALARM:
            return None
        name = Name()
        hit = event.rule_hit
        recorder.tell(
            Cause(event.captured_ns, kind, hit.rule, hit.target, event.object.track_id, name)
        )
        return name
