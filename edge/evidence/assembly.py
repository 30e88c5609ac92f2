"""The evidence of all cameras put together; only here its parts are named, and imported late."""

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.camera_settings import CameraSettings
from edge.settings import EdgeSettings

if TYPE_CHECKING:
    from edge.evidence.camera import CameraEvidence, KeepClip
    from edge.evidence.writer import ClipWriter

CLIPS_FOLDER = "clips"


class CamerasEvidence:
    """What is hidden and kept, camera by camera. As a context it works until the block is left.

    Leaving it, every clip that is open is ended and written: leave it once the cameras have
    stopped, and while the outbox can still say what the events are called.

    Args:
        settings: of the agent.
    """

    def __init__(self, settings: EdgeSettings) -> None:
        self._cameras: dict[str, CameraEvidence] = {}
        self._writer: ClipWriter | None = None
        self._ends = ExitStack()
        if any(camera.evidence.clips.enabled for camera in settings.cameras):
            self._writer = _writer(settings)
        keep_clip = self._writer.put if self._writer else None
        for camera in settings.cameras:
            if _wants_any(camera):
                self._cameras[camera.id] = _evidence(camera, keep_clip)

    def __enter__(self) -> "CamerasEvidence":
        with ExitStack() as ends:
            if self._writer:
                ends.enter_context(self._writer)
            for evidence in self._cameras.values():
                ends.enter_context(evidence)
            self._ends = ends.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ends.close()

    def of(self, camera: str) -> "CameraEvidence | None":
        """A camera's, None where nothing is hidden or kept of it."""
        return self._cameras.get(camera)

    def stats(self) -> dict[str, Any]:
        """What the status file says of it; empty where there is none."""
        return {
            **({"clips": asdict(self._writer.stats)} if self._writer else {}),
            **{name: evidence.stats for name, evidence in self._cameras.items()},
        }


def clips_folder(settings: EdgeSettings) -> Path:
    """Where the device's clips are kept."""
    return settings.clips.folder or settings.data_dir / CLIPS_FOLDER


def _wants_any(camera: CameraSettings) -> bool:
    kept = camera.evidence
    return bool(camera.privacy) or kept.pictures.enabled or kept.clips.enabled


def _writer(settings: EdgeSettings) -> "ClipWriter":
    from edge.evidence.folder import ClipFolder
    from edge.evidence.writer import ClipWriter

    folder = ClipFolder(clips_folder(settings), settings.clips)
    return ClipWriter(settings.device, folder, settings.clips)


def _evidence(camera: CameraSettings, keep_clip: "KeepClip | None") -> "CameraEvidence":
    from edge.evidence.camera import CameraEvidence

    return CameraEvidence(camera.id, camera, keep_clip, is_lossless=camera.lossless)
