"""How far the finds of two engines agree, where what is near the threshold doesn't count.

Boxes: what is sure must be found by the other engine, by class and an IoU of a half at least,
however sure; what is sure there must be in what is known here. The agreement is the share of those
that are, over all pictures together. An object just above the threshold may fall below it in
FP16 and is no fault of the engine.

Areas and rankings agree as `models.evaluation.agreement` has it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.evaluation.agreement import IOU, AreaScore, agreement
from models.families import Task
from models.nms import iou
from models.prediction.rows import Row, mask_of
from models.preprocess import Geometry
from models.ranking import Ranking

Size = tuple[int, int]
"""Width and height of a picture, px."""


def agreement_of(
    task: Task,
    expected: Sequence[Sequence[Row]],
    found: Sequence[Sequence[Row]],
    sizes: Sequence[Size],
    sure: float,
) -> float:
    """The agreement in [0, 1]; 1 where nothing was to be found and nothing was.

    Args:
        task: what the network is for.
        expected: the rows of each picture, down to a margin below the threshold.
        found: those of the other engine.
        sizes: of the pictures.
        sure: the confidence from which on a find counts.
    """
    if task == "segmentation":
        classes = sorted({row["class"] for rows in (*expected, *found) for row in rows})
        score = AreaScore()  # picture by picture: maps of all of them at once may be large
        for a, b, size in zip(expected, found, sizes, strict=True):
            score.add(_area(a, classes, size), _area(b, classes, size))
        values = list(score.values().values())
        return float(np.mean(values)) if values else 1.0
    if task == "classification":
        pairs = [
            pair for pair in zip(map(_ranking, expected), map(_ranking, found), strict=True)
            if len(pair[0]) and pair[0].confidence[0] >= sure
        ]  # fmt: skip
        return _or_all(agreement([a for a, _ in pairs], [b for _, b in pairs]))
    right = count = 0
    for a, b in zip(expected, found, strict=True):
        for one, other in ((a, b), (b, a)):
            matched = _matched(one, other, sure)
            right, count = right + sum(matched), count + len(matched)
    return right / count if count else 1.0


def _or_all(reached: float | None) -> float:
    return 1.0 if reached is None else reached


def _matched(rows: Sequence[Row], others: Sequence[Row], sure: float) -> list[bool]:
    """Of each sure row, whether one of the others is the same; each of them stands for one."""
    demanded = [row for row in rows if row["confidence"] >= sure]
    if not demanded:
        return []
    overlap = iou(_boxes(demanded), _boxes(others))
    classes = [row["class"] for row in others]
    matched = []
    for number, row in enumerate(demanded):
        overlap[number, np.array(classes, np.int64) != row["class"]] = 0
        best = int(overlap[number].argmax()) if others else -1
        is_found = best >= 0 and bool(overlap[number, best] >= IOU)
        if is_found:
            overlap[:, best] = 0
        matched.append(is_found)
    return matched


def _boxes(rows: Sequence[Row]) -> NDArray[np.float32]:
    return np.array([row["box"] for row in rows], np.float32).reshape(-1, 4)


def _area(rows: Sequence[Row], classes: Sequence[int], size: Size) -> Areas:
    """Each class as a map of its own, of the picture's size, so that classes may lie together."""
    width, height = size
    masks = {row["class"]: row["mask"] for row in rows}
    maps = []
    for class_id in classes:
        one = np.full((height, width), NOTHING, np.uint8)
        if class_id in masks:
            one[mask_of(masks[class_id], width, height)] = class_id
        maps.append(one)
    return Areas(tuple(maps), Geometry(width, height, width, height, 1.0, 1.0))


def _ranking(rows: Sequence[Row]) -> Ranking:
    return Ranking(
        np.array([row["class"] for row in rows], np.int32),
        np.array([row["confidence"] for row in rows], np.float32),
    )
