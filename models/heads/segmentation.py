"""Semantic segmentation: the class of each place is that of its largest logit (Long et al. 2015,
arXiv:1411.4038), or what the graph's own argmax says.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.engines.port import Tensor
from models.families import SegmentationHead
from models.manifest import Thresholds
from models.preprocess import Geometry


class SegmentationDecoder:
    """For each output of the manifest's head:

    Logits   (1, channels, rows, columns): the largest channel; of a single one, its sign
    Labels   (1, rows, columns): numbers of channels

    Any number of rows and columns, over the whole input.

    Args:
        head: the manifest's parameters.
        classes: names, in the manifest's order.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: SegmentationHead, classes: Sequence[str]) -> None:
        self._head = head
        self._class_of = [
            np.array([NOTHING if name is None else classes.index(name) for name in channels]
                     + [NOTHING], np.uint8)
            for channels in head.outputs
        ]  # fmt: skip
        self.output_shapes = tuple(
            (1, None, None) if head.kind == "labels" else (1, len(channels), None, None)
            for channels in head.outputs
        )

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Areas:
        """See `Head.decode`; thresholds count for nothing."""
        maps = [
            class_of[self._channel(np.asarray(out)[0], len(class_of) - 1)]
            for out, class_of in zip(outputs, self._class_of, strict=True)
        ]
        return Areas(tuple(maps), geometry)

    def _channel(self, found: Tensor, channels: int) -> NDArray[np.intp]:
        """(rows, columns) numbers of channels; `channels` itself is none of them."""
        if self._head.kind == "labels":
            labels = found.astype(np.intp)
            return np.where((labels >= 0) & (labels < channels), labels, channels)
        if channels == 1:
            is_class = found[0].astype(np.float32) > self._head.positive_above
            return np.where(is_class, 0, 1)
        if channels == 2:  # the commonest, and a comparison is much faster than an argmax
            return np.where(found[1] > found[0], 1, 0)
        largest: NDArray[np.intp] = found.argmax(axis=0)
        return largest
