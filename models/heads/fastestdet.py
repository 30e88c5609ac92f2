"""FastestDet (X. Ma, github.com/dog-qiuqiu/FastestDet), decoded as in the authors' example."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.engines.port import Tensor
from models.families import FastestDetHead
from models.heads.boxes import corners, finish, sigmoid
from models.manifest import InputSpec, Thresholds
from models.preprocess import Geometry


class FastestDetDecoder:
    """Output (1, 5 + classes, rows, columns): objectness, tx, ty, tw, th, classes.

    Objectness and classes are in [0, 1]; the rest is raw, one box a cell.

    Args:
        head: the manifest's parameters.
        spec: the manifest's input.
        classes: number of classes.
    """

    def __init__(self, head: FastestDetHead, spec: InputSpec, classes: int) -> None:
        self._head = head
        self._rows, self._columns = spec.height // head.stride, spec.width // head.stride
        self.output_shapes = ((1, 5 + classes, self._rows, self._columns),)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`; the score is objectness ** a * class ** b."""
        channels = np.asarray(outputs[0], np.float32)[0].reshape(-1, self._rows * self._columns)
        a, b = self._head.objectness_exponent, self._head.class_exponent
        # No class lifts a score above objectness ** a, so most cells go by one comparison.
        likely = np.flatnonzero(channels[0] >= thresholds.confidence ** (1 / a))
        scores = channels[5:, likely]
        class_id = scores.argmax(axis=0)
        surest = np.maximum(scores[class_id, np.arange(len(likely))], np.float32(0))
        score = channels[0, likely] ** np.float32(a) * surest ** np.float32(b)
        sure = score >= thresholds.confidence
        index = likely[sure]
        return finish(
            self._boxes(channels[1:5, index], index, geometry),
            score[sure],
            class_id[sure].astype(np.int32),
            geometry,
            thresholds.nms_iou,
        )

    def _boxes(
        self, raw: NDArray[np.float32], index: NDArray[np.intp], geometry: Geometry
    ) -> NDArray[np.float32]:
        width, height = np.float32(geometry.input_width), np.float32(geometry.input_height)
        row, column = np.divmod(index, self._columns)
        return corners(
            (column.astype(np.float32) + np.tanh(raw[0])) * (width / self._columns),
            (row.astype(np.float32) + np.tanh(raw[1])) * (height / self._rows),
            sigmoid(raw[2]) * width,
            sigmoid(raw[3]) * height,
        )
