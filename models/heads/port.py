"""A head reads a network's raw outputs."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from models.engines.port import Tensor
from models.manifest import Thresholds
from models.preprocess import Geometry

Found_co = TypeVar("Found_co", covariant=True)
"""What a family of networks finds: Detections, Areas or a Ranking."""


class Head(Protocol[Found_co]):
    """Decodes outputs of one family of networks. Any number of threads may share one."""

    @property
    def output_shapes(self) -> Sequence[tuple[int | None, ...]]:
        """Shapes of the outputs that `decode` takes, in the engine's order; None: any size."""

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Found_co:
        """What the network found in one picture.

        Detections are the surest first, their boxes in pixels of the picture, cut at its edges,
        and none of them is empty.

        Args:
            outputs: of the engine, batch size 1, shapes as `output_shapes`.
            geometry: where the picture lies in the input.
            thresholds: what counts.
        """
