"""YOLOX (Ge et al. 2021, arXiv:2107.08430), decoded as in the authors' `demo_postprocess`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.engines.port import Tensor
from models.families import YoloxHead
from models.heads.boxes import by_objectness, cells, corners, finish
from models.manifest import InputSpec, Thresholds
from models.preprocess import Geometry

_MAX_LOG_SIZE = np.float32(12)
"""exp(12) strides are wider than any picture: a broken network must not overflow float32."""


class YoloxDecoder:
    """Output (1, anchors, 5 + classes): cx, cy, w, h raw, objectness and classes in [0, 1].

    Args:
        head: the manifest's parameters.
        spec: the manifest's input.
        classes: number of classes.
    """

    def __init__(self, head: YoloxHead, spec: InputSpec, classes: int) -> None:
        grids = [cells(spec.width, spec.height, stride) for stride in head.strides]
        self._cell = np.concatenate(grids)
        self._stride = np.repeat(np.array(head.strides, np.float32), [len(grid) for grid in grids])
        self.output_shapes = ((1, len(self._cell), 5 + classes),)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`; the score is objectness times class."""
        rows = np.asarray(outputs[0], np.float32)[0]
        index, score, class_id = by_objectness(rows[:, 4], rows[:, 5:], thresholds.confidence)
        boxes = self._boxes(rows[index, :4], index)
        return finish(boxes, score, class_id, geometry, thresholds.nms_iou)

    def _boxes(self, raw: NDArray[np.float32], index: NDArray[np.intp]) -> NDArray[np.float32]:
        stride = self._stride[index, None]
        centre = (raw[:, :2] + self._cell[index]) * stride
        size = np.exp(np.minimum(raw[:, 2:], _MAX_LOG_SIZE)) * stride
        return corners(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
