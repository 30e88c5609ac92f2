"""NanoDet and NanoDet-Plus (R. Lyu, github.com/RangiLyu/nanodet): a head of GFL.

The distance to each side of a box is the mean of a distribution over 0 to `max_distance` strides
(Generalized Focal Loss, Li et al. 2020, arXiv:2006.04388).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.engines.port import Tensor
from models.families import NanoDetHead
from models.heads.boxes import cells, finish, softmax
from models.manifest import InputSpec, Thresholds
from models.preprocess import Geometry


class NanoDetDecoder:
    """Output (1, cells, classes + 4 * (max_distance + 1)): classes in [0, 1], then logits.

    The distributions are those of left, top, right and bottom.

    Args:
        head: the manifest's parameters.
        spec: the manifest's input.
        classes: number of classes.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: NanoDetHead, spec: InputSpec, classes: int) -> None:
        self._classes = classes
        self._distances = np.arange(head.max_distance + 1, dtype=np.float32)
        grids = [cells(spec.width, spec.height, stride) for stride in head.strides]
        strides = np.array(head.strides, np.float32)
        self._stride = np.repeat(strides, [len(grid) for grid in grids])[:, None]
        offset = np.float32(0.5 if head.centred else 0)
        self._centre = (np.concatenate(grids) + offset) * self._stride
        width = classes + 4 * len(self._distances)
        self.output_shapes = ((1, len(self._centre), width),)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`."""
        rows = np.asarray(outputs[0], np.float32)[0]
        scores = rows[:, : self._classes]
        index = np.flatnonzero(scores.max(axis=1) >= thresholds.confidence)
        class_id = scores[index].argmax(axis=1)
        return finish(
            self._boxes(rows[index, self._classes :], index),
            scores[index, class_id],
            class_id.astype(np.int32),
            geometry,
            thresholds.nms_iou,
        )

    def _boxes(self, logits: NDArray[np.float32], index: NDArray[np.intp]) -> NDArray[np.float32]:
        share = softmax(logits.reshape(len(index), 4, len(self._distances)))
        distance = (share @ self._distances) * self._stride[index]
        centre = self._centre[index]
        return np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], axis=1)
