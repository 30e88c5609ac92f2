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
from models.nms import area, intersection, iou
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
    first = [
        (a.class_id[:1].tolist(), b.class_id[:1].tolist())
        for a, b in pairs
        if isinstance(a, Ranking) and isinstance(b, Ranking) and (len(a) or len(b))
    ]
    if first:
        return float(np.mean([a == b for a, b in first]))
    values = of_boxes(expected, found) or of_areas(expected, found)
    return float(np.mean(list(values.values()))) if values else None


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


def of_boxes(
    expected: Sequence[Found],
    found: Sequence[Found],
    ignored: Sequence[Detections] | None = None,
    iou_at_least: float = IOU,
) -> dict[int, float]:
    """The average precision of each class that either shows; nothing where these are no boxes.

    Args:
        expected: by frame.
        found: in the same frames.
        ignored: by frame, regions in which finds count neither for nor against.
        iou_at_least: of a find and an object, to be the same.
    """
    frames = [
        (a, b, of_frame)
        for a, b, of_frame in zip(expected, found, ignored or [Detections.empty()] * len(found),
                                  strict=True)
        if isinstance(a, Detections) and isinstance(b, Detections)
    ]  # fmt: skip
    classes = sorted({int(one) for a, b, _ in frames for each in (a, b) for one in each.class_id})
    values = {}
    for class_id in classes:
        scores, rights, count = [], [], 0
        for frame in frames:
            objects, others, regions = (one[one.class_id == class_id] for one in frame)
            right = _matched(objects, others, iou_at_least)
            counts = right | ~_within(others, regions, iou_at_least)
            count += len(objects)
            scores.append(others.confidence[counts])
            rights.append(right[counts])
        score, is_right = np.concatenate(scores), np.concatenate(rights)
        if count or len(score):
            values[class_id] = average_precision(score, is_right, count) if count else 0.0
    return values


def of_areas(expected: Sequence[Found], found: Sequence[Found]) -> dict[int, float]:
    """The intersection over union of each class that either shows, by the pictures' pixels.

    Args:
        expected: by frame.
        found: in the same frames.
    """
    shared: dict[int, int] = {}
    either: dict[int, int] = {}
    for a, b in zip(expected, found, strict=True):
        if not isinstance(a, Areas) or not isinstance(b, Areas):
            continue
        for class_id in sorted((a.classes | b.classes) - {NOTHING}):
            left, right = a.mask(class_id), b.mask(class_id)
            shared[class_id] = shared.get(class_id, 0) + int((left & right).sum())
            either[class_id] = either.get(class_id, 0) + int((left | right).sum())
    return {one: shared[one] / count for one, count in sorted(either.items()) if count}


def _matched(objects: Detections, found: Detections, iou_at_least: float) -> NDArray[np.bool_]:
    """(N,): which finds are objects; the surest takes first, and each object once."""
    overlap = iou(found.xyxy, objects.xyxy)
    if found.masks is not None and objects.masks is not None:
        for row, column in np.argwhere(overlap > 0):
            overlap[row, column] = _mask_iou(
                found.masks[row], found.xyxy[row], objects.masks[column], objects.xyxy[column]
            )
    right = np.zeros(len(found), np.bool_)
    for number in np.argsort(-found.confidence, kind="stable"):
        if overlap.shape[1] and overlap[number].max() >= iou_at_least:
            right[number] = True
            overlap[:, overlap[number].argmax()] = 0
    return right


def _within(found: Detections, regions: Detections, share: float) -> NDArray[np.bool_]:
    """(N,): which finds lie in a region, by so much of themselves."""
    if not len(regions) or not len(found):
        return np.zeros(len(found), np.bool_)
    shared = intersection(found.xyxy, regions.xyxy).max(axis=1)
    inside: NDArray[np.bool_] = shared >= share * np.maximum(area(found.xyxy), np.float32(1e-6))
    return inside


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
