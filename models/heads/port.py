"""A head reads a network's raw outputs."""

from collections.abc import Sequence
from typing import Protocol

from models.detections import Detections
from models.engines.port import Tensor
from models.manifest import Thresholds
from models.preprocess import Geometry


class Head(Protocol):
    """Decodes outputs of one family of networks. Any number of threads may share one."""

    @property
    def output_shapes(self) -> Sequence[tuple[int, ...]]:
        """Shapes of the outputs that `decode` takes, in the engine's order."""

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """What the network found in one picture, the surest first.

        Args:
            outputs: of the engine, batch size 1, shapes as `output_shapes`.
            geometry: where the picture lies in the input.
            thresholds: what counts.

        Returns:
            Boxes in pixels of the picture, cut at its edges; none is empty.
        """
