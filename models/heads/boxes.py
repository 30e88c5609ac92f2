"""The last steps that every head of boxes shares."""

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.nms import nms
from models.preprocess import Geometry


def finish(
    input_xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int32],
    geometry: Geometry,
    nms_iou: float,
) -> Detections:
    """Boxes of the input, already above the threshold, as detections of the picture.

    Suppression comes before the cut at the edges: cut boxes overlap more than their objects do.

    Args:
        input_xyxy: (N, 4) in pixels of the network's input.
        confidence: (N,).
        class_id: (N,).
        geometry: where the picture lies in the input.
        nms_iou: threshold of the suppression.
    """
    xyxy = geometry.to_source(input_xyxy)
    kept = nms(xyxy, confidence, class_id, nms_iou)
    xyxy = geometry.clip(xyxy[kept])
    seen = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return Detections(xyxy[seen], confidence[kept][seen], class_id[kept][seen])


def corners(
    cx: NDArray[np.float32],
    cy: NDArray[np.float32],
    width: NDArray[np.float32],
    height: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(N, 4) xyxy of boxes given by centre and size, (N,) each."""
    half_width, half_height = width / 2, height / 2
    return np.stack([cx - half_width, cy - half_height, cx + half_width, cy + half_height], axis=1)
