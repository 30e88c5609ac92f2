"""DETR (Carion et al. 2020, arXiv:2005.12872) and RT-DETR (Zhao et al. 2023, arXiv:2304.08069).

A query is a box and its scores, and the training sees to it that no object has two: there is
no suppression. DETR's scores are logits over the classes and "no object", the last one; those of
RT-DETR are logits of their own, which some exports have put through the sigmoid.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.engines.port import Tensor
from models.families import DetrHead
from models.heads.boxes import corners, finish, sigmoid, softmax
from models.manifest import Thresholds
from models.preprocess import Geometry


class DetrDecoder:
    """Boxes cx, cy, w, h in [0, 1] of the input, and scores of each class.

    Separate   scores (1, queries, classes), with softmax one more; boxes (1, queries, 4)
    Joined     (1, queries, 4 + classes), the box first, as ultralytics exports RT-DETR

    Args:
        head: the manifest's parameters.
        classes: number of classes.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: DetrHead, classes: int) -> None:
        self._head = head
        self._classes = classes
        scores = classes + (head.activation == "softmax")
        shapes = {"scores": (1, None, scores), "boxes": (1, None, 4)}
        joined = ((1, None, 4 + scores),)
        self.output_shapes = tuple(shapes[name] for name in head.order) or joined

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`."""
        arrays = [np.asarray(out, np.float32)[0] for out in outputs]
        found = dict(zip(self._head.order, arrays, strict=False))
        boxes = found.get("boxes", arrays[0][:, :4])
        scores = self._activated(found.get("scores", arrays[0][:, 4:]))[:, : self._classes]
        class_id = scores.argmax(axis=1)
        score = scores[np.arange(len(scores)), class_id]
        sure = score >= thresholds.confidence
        width, height = np.float32(geometry.input_width), np.float32(geometry.input_height)
        cx, cy, w, h = boxes[sure].T
        return finish(
            corners(cx * width, cy * height, w * width, h * height),
            score[sure],
            class_id[sure].astype(np.int32),
            geometry,
            None,
        )

    def _activated(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._head.activation == "softmax":
            return softmax(scores)
        return sigmoid(scores) if self._head.activation == "sigmoid" else scores
