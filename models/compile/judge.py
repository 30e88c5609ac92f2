"""Whether a network that was changed still finds what it found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.checksum import sha256_of
from models.compile.pictures import require_pictures
from models.detections import Image
from models.errors import GraphError
from models.evaluation.agreement import agreement
from models.evaluation.metrics import measured
from models.evaluation.truth import Shown, Truth
from models.manifest import Manifest
from models.prediction.rows import Found
from models.selection import network_class

_MOST_LOST = 0.25

AGREEMENT = "agreement"
"""The figure where the original's own finds are the truth."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a network reaches of what the original does.

    Attributes:
        figure: what was measured: AGREEMENT, or a figure of `metrics`.
        frames: on how many frames.
        original: what the original reaches, in [0, 1]; 1 of AGREEMENT.
        reached: what this one reaches.
    """

    figure: str
    frames: int
    original: float
    reached: float

    def demanded(self, allowed_points: float) -> float:
        """What must be reached when so many hundredths may be lost.

        Where the original reaches little, a few points are most of it: a quarter of what it
        reaches may be lost at most, unless more of all was allowed.
        """
        share = max(_MOST_LOST, allowed_points / 100)
        return max(self.original - allowed_points / 100, self.original * (1 - share))

    def accepts(self, allowed_points: float) -> bool:
        """True where no more is lost than may be."""
        return self.reached >= self.demanded(allowed_points)

    def refusal(self, allowed_points: float) -> str:
        """In words, what was reached and what is demanded."""
        demanded = self.demanded(allowed_points)
        if self.figure == AGREEMENT:
            return f"it finds {self.reached:.1%} of what it found, and {demanded:.1%} is demanded"
        return (
            f"its {self.figure} on {self.frames} labelled pictures is {self.reached:.1%}, the "
            f"original's {self.original:.1%}, and {demanded:.1%} is demanded"
        )


class Judge:
    """Compares with the original: by the truth where pictures are labelled, else by its own finds.

    Args:
        manifest: of the original.
        path: its ONNX file.
        check: frames on which both look, or labelled pictures.

    Raises:
        AssetError, ChecksumError: the file is not the manifest's.
        EngineError: it cannot be run.
        GraphError: it finds nothing on these frames, so that nothing could be lost.
        MediaError: the frames are no pictures.
    """

    def __init__(self, manifest: Manifest, path: Path, check: Sequence[Image] | Truth) -> None:
        self._manifest = manifest
        self._judged = check.judged if isinstance(check, Truth) else None
        self._shown: list[Shown] = []
        self._frames: list[Image] = []
        for one in check:
            if isinstance(one, tuple):
                self._shown.append(one[1])
            self._frames.append(one[0] if isinstance(one, tuple) else one)
        require_pictures(self._frames)
        self._expected = self._finds(manifest, path)
        if self._judged is None:
            self._figure = AGREEMENT
            self._original = agreement(self._expected, self._expected) or 0.0
        else:
            metrics = measured(manifest, self._judged, self._shown, self._expected)
            self._original = metrics.first
            self._figure = next(iter(metrics.figures), "")
        if not self._original > 0:
            what = "nothing" if self._judged is None else "nothing of what is labelled"
            raise GraphError(
                f"{path}: the network finds {what} on {len(self._frames)} frames, so nobody could "
                "tell what is lost; name frames that show what it knows"
            )

    def verdict(self, candidate: Path) -> Verdict:
        """What another network with the original's manifest reaches.

        Raises:
            EngineError: it cannot be run.
        """
        # At the manifest's own threshold, with which it would be used: what is no longer sure
        # enough for it is lost, however sure it is.
        manifest = self._manifest.model_copy(update={"sha256": sha256_of(candidate)})
        found = self._finds(manifest, candidate)
        if self._judged is None:
            reached = agreement(self._expected, found) or 0.0
        else:
            reached = measured(manifest, self._judged, self._shown, found).first
        return Verdict(self._figure, len(self._frames), self._original, reached)

    def _finds(self, manifest: Manifest, path: Path) -> list[Found]:
        network = network_class(manifest).load(manifest, path)
        try:
            return [network.find(frame) for frame in self._frames]
        finally:
            network.close()
