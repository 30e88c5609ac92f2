"""YOLOv8, YOLO11 (ultralytics) and YOLOv9 (Wang et al. 2024, arXiv:2402.13616), as exported.

The graph has decoded the boxes (distribution focal loss of arXiv:2006.04388, distances to the
sides) and done the classes' sigmoid. Masks are those of YOLACT (Bolya et al. 2019,
arXiv:1904.02689): a box's coefficients weigh the picture's prototypes.
"""

from collections.abc import Sequence

import numpy as np

from models.detections import Detections
from models.engines.port import Tensor
from models.families import YoloV8Head
from models.heads.boxes import corners, kept_boxes
from models.heads.masks import box_masks
from models.manifest import InputSpec, Thresholds
from models.preprocess import Geometry


class YoloV8Decoder:
    """Output (1, 4 + classes + masks, boxes): cx, cy, w, h in px of the input, classes in [0, 1].

    With masks a second output (1, masks, rows, columns) has the prototypes, and each box's
    coefficients follow its classes.

    Args:
        head: the manifest's parameters.
        spec: the manifest's input.
        classes: number of classes.
    """

    output_shapes: Sequence[tuple[int | None, ...]]

    def __init__(self, head: YoloV8Head, spec: InputSpec, classes: int) -> None:
        self._classes = classes
        self._mask_stride = head.mask_stride
        boxes = sum((spec.width // s) * (spec.height // s) for s in head.strides)
        found = (1, 4 + classes + head.masks, boxes)
        grid = spec.height // head.mask_stride, spec.width // head.mask_stride
        self.output_shapes = (found, (1, head.masks, *grid)) if head.masks else (found,)

    def decode(
        self, outputs: Sequence[Tensor], geometry: Geometry, thresholds: Thresholds
    ) -> Detections:
        """See `Head.decode`; the score is the class's."""
        channels = np.asarray(outputs[0], np.float32)[0]
        scores = channels[4 : 4 + self._classes]
        # Rows lie together, so the maximum over them is fast, and the argmax is not.
        index = np.flatnonzero(scores.max(axis=0) >= thresholds.confidence)
        found = channels[:, index]
        class_id = found[4 : 4 + self._classes].argmax(axis=0)
        score = found[4 + class_id, np.arange(len(index))]
        classes = class_id.astype(np.int32)
        xyxy, kept = kept_boxes(corners(*found[:4]), score, classes, geometry, thresholds.nms_iou)
        masks = None
        if len(outputs) > 1:
            prototypes = np.asarray(outputs[1], np.float32)[0]
            weights = found[4 + self._classes :, kept].T
            masks = box_masks(weights, prototypes, self._mask_stride, xyxy, geometry)
        return Detections(xyxy, score[kept], classes[kept], masks)
