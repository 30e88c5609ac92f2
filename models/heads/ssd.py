"""SSD (Liu et al. 2016, arXiv:1512.02325), and other networks with NMS in the graph.

How the outputs lie differs by exporter, so the manifest says it:

TensorFlow    boxes yxyx in [0, 1], classes, scores, count, all batched; class 1 is the first
ONNX zoo      boxes xyxy in [0, 1], classes, scores, all batched; class 1 is the first
torchvision   boxes xyxy in px, classes, scores, not batched; class 1 is the first

Many of these graphs keep 100 or 200 boxes; ours adds no limit to theirs.
"""

from collections.abc import Sequence

import numpy as np

from models.detections import Detections
from models.engines.port import Tensor
from models.families import SsdHead
from models.heads.boxes import finish
from models.manifest import Thresholds
from models.preprocess import Geometry


class SsdDecoder:
    """Boxes (N, 4), classes (N,) and scores (N,) as outputs; how many count, perhaps, besides.

    Args:
        head: the manifest's parameters.
        classes: number of classes; a box of another class, as of the background, is left out.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: SsdHead, classes: int) -> None:
        self._head = head
        self._classes = classes
        batch: tuple[int, ...] = (1,) if head.batched else ()
        shapes = {"boxes": (*batch, None, 4), "count": (1,)}
        self.output_shapes = tuple(shapes.get(name, (*batch, None)) for name in head.order)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`."""
        head = self._head
        found = dict(zip(head.order, map(np.asarray, outputs), strict=True))
        count = None
        if "count" in found:  # a broken network says NaN
            count = int(np.clip(np.nan_to_num(found["count"].item()), 0, 2**31))
        boxes, scores, classes = (
            (found[name][0] if head.batched else found[name])[:count].astype(np.float32)
            for name in ("boxes", "scores", "classes")
        )
        class_id = classes - head.first_class
        sure = (scores >= thresholds.confidence) & (class_id >= 0) & (class_id < self._classes)
        xyxy = boxes[sure]
        if head.corners == "yxyx":
            xyxy = xyxy[:, [1, 0, 3, 2]]
        if head.normalised:
            size = geometry.input_width, geometry.input_height
            xyxy = xyxy * np.array([*size, *size], np.float32)
        return finish(xyxy, scores[sure], class_id[sure].astype(np.int32), geometry, None)
