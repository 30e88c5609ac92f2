"""The last steps that every head of boxes shares."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.nms import nms
from models.preprocess import Geometry

_MAX_LOGIT = np.float32(60)
"""sigmoid(-60) is 0 in every picture: a broken network must not overflow float32."""


def finish(
    input_xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int32],
    geometry: Geometry,
    nms_iou: float | None,
) -> Detections:
    """Boxes of the input, already above the threshold, as detections of the picture.

    Args:
        input_xyxy: (N, 4) in pixels of the network's input.
        confidence: (N,).
        class_id: (N,).
        geometry: where the picture lies in the input.
        nms_iou: threshold of the suppression; None: the network has done it, or needs none.
    """
    xyxy, kept = kept_boxes(input_xyxy, confidence, class_id, geometry, nms_iou)
    return Detections(xyxy, confidence[kept], class_id[kept])


def kept_boxes(
    input_xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int32],
    geometry: Geometry,
    nms_iou: float | None,
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """As `finish`: (M, 4) boxes of the picture, the surest first, and which of the N they are.

    Suppression comes before the cut at the edges: cut boxes overlap more than their objects do.
    """
    xyxy = geometry.to_source(input_xyxy)
    if nms_iou is None:
        kept = np.argsort(-confidence, kind="stable")
    else:
        kept = nms(xyxy, confidence, class_id, nms_iou)
    cut = geometry.clip(xyxy[kept])
    seen = (cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])
    return cut[seen], kept[seen]


def by_objectness(
    objectness: NDArray[np.float32],
    classes: NDArray[np.float32],
    confidence: float,
    activate: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.int32]]:
    """Which boxes are sure enough, and the score and class of each of these.

    Args:
        objectness: (N,) in [0, 1].
        classes: (N, C) scores, which times the objectness are a box's.
        confidence: the threshold.
        activate: what is still to be done to `classes`, where that keeps their order.
    """
    # No class lifts a score above its objectness, so most boxes go by one comparison.
    likely = np.flatnonzero(objectness >= confidence)
    scores = classes[likely]
    class_id = scores.argmax(axis=1)
    surest = scores[np.arange(len(likely)), class_id]
    score = objectness[likely] * (surest if activate is None else activate(surest))
    sure = score >= confidence
    return likely[sure], score[sure], class_id[sure].astype(np.int32)


def corners(
    cx: NDArray[np.float32],
    cy: NDArray[np.float32],
    width: NDArray[np.float32],
    height: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(N, 4) xyxy of boxes given by centre and size, (N,) each."""
    half_width, half_height = width / 2, height / 2
    return np.stack([cx - half_width, cy - half_height, cx + half_width, cy + half_height], axis=1)


def sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 / (1 + exp(-x)), of any shape."""
    value: NDArray[np.float32] = np.reciprocal(1 + np.exp(np.minimum(-x, _MAX_LOGIT)))
    return value


def softmax(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """exp(x) by the sum of exp(x), along the last axis."""
    value: NDArray[np.float32] = np.exp(x - x.max(axis=-1, keepdims=True))
    value /= value.sum(axis=-1, keepdims=True)
    return value


def cells(width: int, height: int, stride: int) -> NDArray[np.float32]:
    """(rows * columns, 2): x and y of each cell of one grid over an input in px, row by row.

    Where a side is no multiple of the stride, the last cell sticks out.
    """
    x, y = np.meshgrid(np.arange(-(-width // stride)), np.arange(-(-height // stride)))
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
