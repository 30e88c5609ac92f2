"""Decoding and NMS of a YOLOv8 of 640x640, 8,400 boxes of 80 classes, against plain numpy.

The reference is what tutorials show: the argmax of every box, a mask, and the greedy loop that
looks at the boxes one by one, class by class. Both find the same, or there is no figure. The
boxes lie as a street's do: 60 objects, each seen by a dozen boxes, and the rest unsure.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Row, interleaved, markdown
from models.families import YoloV8Head
from models.heads.yolov8 import YoloV8Decoder
from models.manifest import InputSpec, Letterbox, Thresholds
from models.preprocess import geometry

BOXES, CLASSES, OBJECTS, SEEN_BY = 8400, 80, 60, 12
BOUND = 1 / 3
"""At least three times as fast."""

_SIDE = 640
_THRESHOLDS = Thresholds(confidence=0.25, nms_iou=0.45)


def street(seed: int = 3) -> NDArray[np.float32]:
    """(1, 84, 8400): as the network returns it."""
    random = np.random.default_rng(seed)
    found = np.zeros((4 + CLASSES, BOXES), np.float32)
    found[:2] = random.uniform(0, _SIDE, (2, BOXES))
    found[2:4] = random.uniform(10, 200, (2, BOXES))
    found[4:] = random.beta(0.3, 20, (CLASSES, BOXES)).clip(0, 0.2)
    boxes = random.choice(BOXES, (OBJECTS, SEEN_BY), replace=False)
    for seen_by in boxes:
        centre = random.uniform(50, _SIDE - 50, 2)
        size = random.uniform(30, 150, 2)
        class_id = random.integers(0, CLASSES)
        found[:2, seen_by] = centre[:, None] + random.normal(0, 2, (2, SEEN_BY))
        found[2:4, seen_by] = size[:, None] * random.uniform(0.9, 1.1, (2, SEEN_BY))
        found[4 + class_id, seen_by] = random.uniform(0.3, 0.95, SEEN_BY)
    return found[None]


def naive(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, 6): xyxy in px of the input, score and class, the surest first."""
    rows = output[0].T
    class_id = rows[:, 4:].argmax(axis=1)
    score = rows[:, 4:].max(axis=1)
    sure = score > _THRESHOLDS.confidence
    rows, class_id, score = rows[sure], class_id[sure], score[sure]
    x, y, w, h = rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]
    boxes = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1)
    area = w * h
    kept: list[int] = []
    for one in np.unique(class_id):
        of_class = np.flatnonzero(class_id == one)
        order = of_class[np.argsort(-score[of_class])]
        while len(order):
            first, rest = order[0], order[1:]
            kept.append(int(first))
            low = np.maximum(boxes[first, :2], boxes[rest, :2])
            high = np.minimum(boxes[first, 2:], boxes[rest, 2:])
            shared = np.prod(np.clip(high - low, 0, None), axis=1)
            overlap = shared / (area[first] + area[rest] - shared)
            order = rest[overlap <= _THRESHOLDS.nms_iou]
    chosen = np.array(kept)[np.argsort(-score[kept])]
    return np.column_stack([boxes[chosen], score[chosen], class_id[chosen]])


def measure() -> list[Row]:
    """One row.

    Raises:
        RuntimeError: the two do not find the same, so that times say nothing.
    """
    spec = InputSpec(width=_SIDE, height=_SIDE, resize=Letterbox())
    decoder = YoloV8Decoder(YoloV8Head(family="yolov8"), spec, CLASSES)
    place = geometry(spec, _SIDE, _SIDE)
    output = street()
    ours: Callable[[], object] = lambda: decoder.decode([output], place, _THRESHOLDS)  # noqa: E731
    found = decoder.decode([output], place, _THRESHOLDS)
    expected = naive(output)
    expected[:, :4] = np.clip(expected[:, :4], 0, _SIDE)
    ours_rows = np.column_stack([found.xyxy, found.confidence, found.class_id])
    if ours_rows.shape != expected.shape or not np.allclose(ours_rows, expected, atol=1e-2):
        raise RuntimeError("decoding: the reference finds something else")
    name = f"decode and NMS of {BOXES} boxes (plain numpy)"
    return [interleaved(name, ours, lambda: naive(output), units=1, bound=BOUND)]


if __name__ == "__main__":
    print(markdown(measure()))
