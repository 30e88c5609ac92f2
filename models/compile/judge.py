"""Whether a network that was changed still finds what it found."""

from collections.abc import Sequence
from pathlib import Path

from models.checksum import sha256_of
from models.compile.agreement import agreement
from models.compile.pictures import require_pictures
from models.detections import Image
from models.errors import GraphError
from models.manifest import Manifest
from models.prediction.rows import Found
from models.selection import network_class


class Judge:
    """Compares with the original's own finds on frames.

    Args:
        manifest: of the original.
        path: its ONNX file.
        frames: on which both look.

    Raises:
        AssetError, ChecksumError: the file is not the manifest's.
        EngineError: it cannot be run.
        GraphError: it finds nothing on these frames, so that nothing could be lost.
        MediaError: the frames are no pictures.
    """

    def __init__(self, manifest: Manifest, path: Path, frames: Sequence[Image]) -> None:
        require_pictures(frames)
        self._manifest = manifest
        self._frames = frames
        self._expected = self._finds(manifest, path)
        if agreement(self._expected, self._expected) is None:
            raise GraphError(
                f"{path}: the network finds nothing on {len(frames)} frames, so nobody could tell "
                "what is lost; name frames that show what it knows"
            )

    def agreement(self, candidate: Path) -> float:
        """How much of what the original finds another network with its manifest finds, in [0, 1].

        Raises:
            EngineError: it cannot be run.
        """
        # At the manifest's own threshold, with which it would be used: what is no longer sure
        # enough for it is lost, however sure it is.
        manifest = self._manifest.model_copy(update={"sha256": sha256_of(candidate)})
        return agreement(self._expected, self._finds(manifest, candidate)) or 0.0

    def _finds(self, manifest: Manifest, path: Path) -> list[Found]:
        network = network_class(manifest).load(manifest, path)
        try:
            return [network.find(frame) for frame in self._frames]
        finally:
            network.close()
