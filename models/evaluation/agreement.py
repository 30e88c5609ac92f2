"""How much of what is expected is found, in [0, 1].

What is expected is what people labelled, or what another network found: where frames have no
truth, the original's own finds stand for it, and what is asked is not how good a network is but
what was lost on the way from it. What is invented costs as what is lost does.

boxes        the average precision of each class at an IoU (Everingham et al. 2010, the PASCAL VOC
             challenge; all points of the curve), of boxes, or of masks where both have them
areas        the intersection over union of each class, over all pictures together
rankings     the share of pictures with the same first class

Figures are added up picture by picture, so that none has to be kept.
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

    Of boxes and areas the mean over the classes that either shows, of boxes at an IoU of 0.5.

    Args:
        expected: by frame, of the original.
        found: of the other network, in the same frames.
    """
    boxes, areas = BoxScore(), AreaScore()
    first: list[bool] = []
    for a, b in zip(expected, found, strict=True):
        if isinstance(a, Detections) and isinstance(b, Detections):
            boxes.add(a, b)
        elif isinstance(a, Areas) and isinstance(b, Areas):
            areas.add(a, b)
        elif isinstance(a, Ranking) and isinstance(b, Ranking) and (len(a) or len(b)):
            first.append(a.class_id[:1].tolist() == b.class_id[:1].tolist())
    values = [*boxes.values().values(), *areas.values().values(), *map(float, first)]
    return float(np.mean(values)) if values else None


class BoxScore:
    """Average precision by class, added up picture by picture.

    Args:
        iou_at_least: of a find and an object, to be the same.
    """

    def __init__(self, iou_at_least: float = IOU) -> None:
        self._iou = iou_at_least
        self._scores: dict[int, list[NDArray[np.float32]]] = {}
        self._rights: dict[int, list[NDArray[np.bool_]]] = {}
        self.objects: dict[int, int] = {}
        """How many were expected, by class, of the classes that either showed."""

    def add(
        self, expected: Detections, found: Detections, ignored: Detections | None = None
    ) -> None:
        """One more picture.

        Args:
            expected: in it.
            found: in it.
            ignored: regions in which finds count neither for nor against.
        """
        shown = {int(one) for each in (expected, found) for one in each.class_id}
        for class_id in shown:
            objects, others = (one[one.class_id == class_id] for one in (expected, found))
            right = _matched(objects, others, self._iou)
            counts = np.ones(len(others), np.bool_)
            if ignored is not None:
                regions = ignored[ignored.class_id == class_id]
                counts = right | ~_within(others, regions, self._iou)
            if not len(objects) and not counts.any():
                continue
            self.objects[class_id] = self.objects.get(class_id, 0) + len(objects)
            self._scores.setdefault(class_id, []).append(others.confidence[counts])
            self._rights.setdefault(class_id, []).append(right[counts])

    def values(self) -> dict[int, float]:
        """By class; 0 of one that was found and never expected."""
        found = {}
        for class_id, count in sorted(self.objects.items()):
            score = np.concatenate(self._scores[class_id])
            right = np.concatenate(self._rights[class_id])
            found[class_id] = average_precision(score, right, count) if count else 0.0
        return found


class AreaScore:
    """Intersection over union by class, by the pictures' pixels, added up picture by picture."""

    def __init__(self) -> None:
        self._shared: dict[int, int] = {}
        self._either: dict[int, int] = {}
        self.pictures: dict[int, int] = {}
        """In how many it was expected, by class, of the classes that either showed."""

    def add(self, expected: Areas, found: Areas) -> None:
        """One more picture."""
        for class_id in (expected.classes | found.classes) - {NOTHING}:
            left, right = expected.mask(class_id), found.mask(class_id)
            either = int((left | right).sum())
            if either:
                self._shared[class_id] = self._shared.get(class_id, 0) + int((left & right).sum())
                self._either[class_id] = self._either.get(class_id, 0) + either
                self.pictures[class_id] = self.pictures.get(class_id, 0) + int(left.any())

    def values(self) -> dict[int, float]:
        """By class."""
        return {one: self._shared[one] / count for one, count in sorted(self._either.items())}


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
