"""How much of what one network finds another finds as well, in [0, 1].

Where frames have no truth, the original's own finds stand for it: what is asked is not how good a
network is but what was lost on the way from it. What is invented costs as what is lost does.

detections   mean over the classes of the average precision at an IoU of 0.5 (Everingham et al.
             2010, the PASCAL VOC challenge; all points of the curve), of boxes, or of masks where
             both have them; a class that only the other network shows counts as 0
areas        mean over the classes of intersection over union, over all frames together
rankings     the share of frames with the same first class
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.detections import Detections, pixels_of
from models.nms import iou
from models.prediction.rows import Found
from models.ranking import Ranking

IOU = 0.5


def agreement(expected: Sequence[Found], found: Sequence[Found]) -> float | None:
    """The agreement over frames; None where neither network found anything in any.

    Args:
        expected: by frame, of the original.
        found: of the other network, in the same frames.
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
        if isinstance(a, Ranking) and isinstance(b, Ranking) and (len(a) or len(b))
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
    classes = sorted({int(one) for pair in pairs for each in pair for one in each.class_id})
    values = []
    for class_id in classes:
        scores, rights, count = [], [], 0
        for truth, found in pairs:
            objects, others = (one[one.class_id == class_id] for one in (truth, found))
            count += len(objects)
            scores.append(others.confidence)
            rights.append(_matched(objects, others))
        score, right = np.concatenate(scores), np.concatenate(rights)
        values.append(average_precision(score, right, count) if count else 0.0)
    return float(np.mean(values)) if values else None


def _matched(objects: Detections, found: Detections) -> NDArray[np.bool_]:
    """(N,): which finds are objects; the surest takes first, and each object once."""
    overlap = iou(found.xyxy, objects.xyxy)
    if found.masks is not None and objects.masks is not None:
        for row, column in np.argwhere(overlap > 0):
            overlap[row, column] = _mask_iou(
                found.masks[row], found.xyxy[row], objects.masks[column], objects.xyxy[column]
            )
    right = np.zeros(len(found), np.bool_)
    for number in np.argsort(-found.confidence, kind="stable"):
        if overlap.shape[1] and overlap[number].max() >= IOU:
            right[number] = True
            overlap[:, overlap[number].argmax()] = 0
    return right


def _mask_iou(
    a: NDArray[np.bool_],
    a_box: NDArray[np.float32],
    b: NDArray[np.bool_],
    b_box: NDArray[np.float32],
) -> float:
    """Intersection over union of two masks, each of the pixels of its box; 0 of empty ones."""
    left, top, right, bottom = pixels_of(a_box)
    of_left, of_top, of_right, of_bottom = pixels_of(b_box)
    x, y = max(left, of_left), max(top, of_top)
    end_x, end_y = min(right, of_right), min(bottom, of_bottom)
    shared = 0
    if x < end_x and y < end_y:
        both = a[y - top : end_y - top, x - left : end_x - left]
        shared = int((both & b[y - of_top : end_y - of_top, x - of_left : end_x - of_left]).sum())
    either = int(a.sum()) + int(b.sum()) - shared
    return shared / either if either else 0.0


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
