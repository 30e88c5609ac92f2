"""The evidence of all cameras put together; only here its parts are named, and imported late."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edge.camera_settings import CameraSettings
from edge.evidence.stats import EvidenceStats
from edge.settings import EdgeSettings

if TYPE_CHECKING:
    from edge.evidence.camera import CameraEvidence
    from edge.evidence.writer import ClipWriter

CLIPS_FOLDER = "clips"


class CamerasEvidence:
    """Makes what is hidden and kept of each camera, and writes the clips of all of them.

    As a context: leaving it, every clip that waits is written. Leave it once the cameras have
    stopped, and while the outbox can still say what the events are called. One thread at a time
    calls `of`.

    Args:
        settings: of the agent.
    """

    def __init__(self, settings: EdgeSettings) -> None:
        self._settings = settings
        self._cameras: dict[str, CameraEvidence] = {}
        self._writer: ClipWriter | None = None

    def __enter__(self) -> "CamerasEvidence":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer:
            self._writer.__exit__(*exception)

    def hurry(self) -> None:
        """The agent is about to stop its cameras: none may wait for long to get rid of a clip."""
        if self._writer:
            self._writer.hurry()

    def of(self, camera: CameraSettings) -> "CameraEvidence | None":
        """A camera's, for as long as its pipeline runs; None where nothing is hidden or kept."""
        self._cameras.pop(camera.id, None)
        kept = camera.evidence
        if not (camera.privacy or kept.pictures.enabled or kept.clips.enabled):
            return None
        from edge.evidence.camera import CameraEvidence

        keep_clip = self._clip_writer().put if kept.clips.enabled else None
        made = CameraEvidence(camera.id, camera, keep_clip, is_lossless=camera.lossless)
        self._cameras[camera.id] = made
        return made

    def stats(self, cameras: Iterable[str]) -> EvidenceStats:
        """Figures of the cameras that there are."""
        known = dict(self._cameras)  # another thread calls `of` meanwhile
        return EvidenceStats(
            self._writer.stats if self._writer else None,
            {name: known[name].stats for name in cameras if name in known},
        )

    def _clip_writer(self) -> "ClipWriter":
        """At work from the first camera on that has clips, which may come while the agent runs."""
        if self._writer is None:
            from edge.evidence.folder import ClipFolder
            from edge.evidence.writer import ClipWriter

            told = self._settings.clips
            folder = ClipFolder(clips_folder(self._settings), told)
            self._writer = ClipWriter(self._settings.device, folder, told).__enter__()
        return self._writer


def clips_folder(settings: EdgeSettings) -> Path:
    """Where the device's clips are kept."""
    return settings.clips.folder or settings.data_dir / CLIPS_FOLDER
