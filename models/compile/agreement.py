"""How much of what one network finds another finds as well, in [0, 1].

Where frames have no truth, the original's own finds stand for it: what is asked is not how good a
network is but what was lost on the way from it.

detections   mean over the classes of the average precision at an IoU of 0.5 (Everingham et al.
             2010, the PASCAL VOC challenge; all points of the curve)
areas        mean over the classes of intersection over union, over all frames together
rankings     the share of frames with the same first class
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.detections import Detections
from models.nms import iou
from models.prediction.rows import Found
from models.ranking import Ranking

IOU = 0.5


def agreement(expected: Sequence[Found], found: Sequence[Found]) -> float | None:
    """The agreement over frames; None where nothing was expected in any.

    Args:
        expected: by frame, of the original.
        found: of the other network, in the same frames; of detections, also such as are less
            sure, as the curve of precision needs them.
    """
    pairs = list(zip(expected, found, strict=True))
    boxes = [(a, b) for a, b in pairs if isinstance(a, Detections) and isinstance(b, Detections)]
    if boxes:
        return _of_boxes(boxes)
    areas = [(a, b) for a, b in pairs if isinstance(a, Areas) and isinstance(b, Areas)]
    if areas:
        return _of_areas(areas)
    first = [
        (a.class_id[:1].tolist(), b.class_id[:1].tolist())
        for a, b in pairs
        if isinstance(a, Ranking) and isinstance(b, Ranking) and len(a)
    ]
    return sum(a == b for a, b in first) / len(first) if first else None


def average_precision(score: NDArray[np.float32], is_right: NDArray[np.bool_], truth: int) -> float:
    """The area under the curve of precision over recall.

    Args:
        score: (N,) of each box that was found.
        is_right: (N,) whether it is an object that no surer box was matched with.
        truth: how many objects there are, at least 1.
    """
    order = np.argsort(-score, kind="stable")
    right = np.cumsum(is_right[order])
    precision = right / np.arange(1, len(order) + 1)
    # At each recall the best precision at it or beyond.
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], right / truth])
    return float(np.sum(np.diff(recall) * best))


def _of_boxes(pairs: Sequence[tuple[Detections, Detections]]) -> float | None:
    classes = sorted({int(one) for truth, _ in pairs for one in truth.class_id})
    values = []
    for class_id in classes:
        scores, rights, count = [], [], 0
        for truth, found in pairs:
            objects = truth.xyxy[truth.class_id == class_id]
            of_class = found.class_id == class_id
            count += len(objects)
            scores.append(found.confidence[of_class])
            rights.append(_matched(objects, found.xyxy[of_class], found.confidence[of_class]))
        values.append(average_precision(np.concatenate(scores), np.concatenate(rights), count))
    return float(np.mean(values)) if values else None


def _matched(
    objects: NDArray[np.float32], boxes: NDArray[np.float32], score: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """(N,): which boxes are objects; the surest takes first, and each object once."""
    overlap = iou(boxes, objects)
    right = np.zeros(len(boxes), np.bool_)
    for number in np.argsort(-score, kind="stable"):
        if overlap.shape[1] and overlap[number].max() >= IOU:
            right[number] = True
            overlap[:, overlap[number].argmax()] = 0
    return right


def _of_areas(pairs: Sequence[tuple[Areas, Areas]]) -> float | None:
    shared: dict[int, int] = {}
    either: dict[int, int] = {}
    for a, b in pairs:
        for left, right in zip(a.maps, b.maps, strict=True):
            for class_id in np.union1d(left, right).tolist():
                in_left, in_right = left == class_id, right == class_id
                shared[class_id] = shared.get(class_id, 0) + int((in_left & in_right).sum())
                either[class_id] = either.get(class_id, 0) + int((in_left | in_right).sum())
    either.pop(NOTHING, None)
    return float(np.mean([shared[one] / either[one] for one in either])) if either else None
