"""YOLOv5 (G. Jocher, github.com/ultralytics/yolov5), YOLOv7 (Wang et al. 2022, arXiv:2207.02696).

Both decode alike: `Detect.forward` of the one, `IDetect.forward` of the other.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.engines.port import Tensor
from models.families import YoloV5Head
from models.heads.boxes import by_objectness, cells, corners, finish, sigmoid
from models.manifest import InputSpec, Thresholds
from models.preprocess import Geometry


class YoloV5Decoder:
    """Boxes with an objectness, decoded by the graph or by us.

    Decoded   one output (1, boxes, 5 + classes): cx, cy, w, h in px of the input, objectness and
              classes in [0, 1]
    Raw       for each stride (1, boxes per cell, rows, columns, 5 + classes), before the sigmoid

    The score is objectness times class.

    Args:
        head: the manifest's parameters.
        spec: the manifest's input.
        classes: number of classes.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: YoloV5Head, spec: InputSpec, classes: int) -> None:
        self._raw = bool(head.anchors)
        grids = [cells(spec.width, spec.height, stride) for stride in head.strides]
        if not self._raw:
            boxes = head.boxes_per_cell * sum(map(len, grids))
            self.output_shapes = ((1, boxes, 5 + classes),)
            return
        self.output_shapes = tuple(
            (1, head.boxes_per_cell, spec.height // stride, spec.width // stride, 5 + classes)
            for stride in head.strides
        )
        self._cell = np.concatenate([np.tile(grid, (head.boxes_per_cell, 1)) for grid in grids])
        anchors = [np.repeat(np.array(anchor, np.float32), len(grid), axis=0)
                   for anchor, grid in zip(head.anchors, grids, strict=True)]  # fmt: skip
        self._anchor = np.concatenate(anchors)
        counts = [head.boxes_per_cell * len(grid) for grid in grids]
        self._stride = np.repeat(np.array(head.strides, np.float32), counts)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`."""
        rows = np.concatenate(
            [np.asarray(out, np.float32)[0].reshape(-1, out.shape[-1]) for out in outputs]
        )
        objectness = sigmoid(rows[:, 4]) if self._raw else rows[:, 4]
        index, score, class_id = by_objectness(
            objectness, rows[:, 5:], thresholds.confidence, sigmoid if self._raw else None
        )
        boxes = self._boxes(rows[index, :4], index)
        return finish(boxes, score, class_id, geometry, thresholds.nms_iou)

    def _boxes(self, found: NDArray[np.float32], index: NDArray[np.intp]) -> NDArray[np.float32]:
        if not self._raw:
            return corners(found[:, 0], found[:, 1], found[:, 2], found[:, 3])
        share = sigmoid(found)
        centre = share[:, :2] * 2 - np.float32(0.5) + self._cell[index]
        centre *= self._stride[index, None]
        size = (share[:, 2:] * 2) ** 2 * self._anchor[index]
        return corners(centre[:, 0], centre[:, 1], size[:, 0], size[:, 1])
