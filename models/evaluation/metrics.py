"""A network's figures on labelled pictures, as a whole and by class.

detection        `map-50-95`, the mean over the classes of the average precision at IoUs from 0.5 to
                 0.95 by 0.05 (COCO's first figure, but over all points of the curve), and `map-50`
segmentation     `mean-iou`, the mean over the classes of intersection over union
classification   `accuracy`, the share of pictures whose first class is right

At the network's own threshold, with which it is used: what is less sure is not found. Figures of
papers are taken at a threshold of nearly 0, and are higher.
Reference: https://cocodataset.org/#detection-eval
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.areas import NOTHING, Areas
from models.detections import Detections
from models.evaluation.agreement import IOU, of_areas, of_boxes
from models.evaluation.truth import Shown, Truth
from models.manifest import Manifest
from models.network import Network
from models.prediction.rows import Found
from models.ranking import Ranking

_IOUS = tuple(float(one) for one in np.linspace(0.5, 0.95, 10).round(2))


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one class.

    Attributes:
        labelled: objects of it, or pictures that show it.
        figures: by name, in [0, 1].
    """

    labelled: int
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of a network.

    Attributes:
        pictures: how many were looked at.
        figures: by name, in [0, 1]; the first is the one to judge by. None of them where the
            pictures show nothing of its classes and it finds nothing.
        by_class: by the manifest's names, of the labelled classes that there is something of.
    """

    pictures: int
    figures: Mapping[str, float]
    by_class: Mapping[str, ClassFigures]

    @property
    def first(self) -> float:
        """The figure to judge by, 0 where there is none."""
        return next(iter(self.figures.values()), 0.0)


def evaluate(
    network: Network[Any],
    truth: Truth,
    progress: Callable[[int, int | None], None] = lambda _done, _total: None,
) -> Metrics:
    """What a network finds of what pictures show.

    Args:
        network: with its own threshold.
        truth: of the pictures.
        progress: told after each picture, how many are done of how many.

    Raises:
        EngineError: the network failed.
    """
    shown: list[Shown] = []
    found: list[Found] = []
    for frame, of_frame in truth:
        shown.append(of_frame)
        found.append(network.find(frame))
        progress(len(found), len(truth))
    return measured(network.manifest, truth.judged, shown, found)


def measured(
    manifest: Manifest, classes: frozenset[int], shown: Sequence[Shown], found: Sequence[Found]
) -> Metrics:
    """The figures of what was found.

    Args:
        manifest: of the network.
        classes: that are labelled at all.
        shown: by the pictures.
        found: in each of them.
    """
    expected = [one.expected for one in shown]
    judged = [_judged(one, classes) for one in found]
    if manifest.head.task == "classification":
        return _of_rankings(manifest, expected, found)
    if manifest.head.task == "segmentation":
        by_figure = {"iou": of_areas(expected, judged)}
    else:
        ignored = [one.ignored for one in shown]
        at = {iou: of_boxes(expected, judged, ignored, iou) for iou in _IOUS}
        mean = {one: float(np.mean([at[iou].get(one, 0.0) for iou in _IOUS])) for one in at[IOU]}
        by_figure = {"ap-50-95": mean, "ap-50": at[IOU]}
    names = {"iou": "mean-iou", "ap-50-95": "map-50-95", "ap-50": "map-50"}
    shown_classes = sorted({one for values in by_figure.values() for one in values})
    labelled = _labelled(expected)
    return Metrics(
        len(found),
        {
            names[name]: float(np.mean(list(values.values())))
            for name, values in by_figure.items()
            if values
        },
        {
            manifest.classes[one]: ClassFigures(
                labelled.get(one, 0),
                {name: values[one] for name, values in by_figure.items() if one in values},
            )
            for one in shown_classes
        },
    )


def _judged(found: Found, classes: frozenset[int]) -> Found:
    """What was found of classes that are labelled."""
    if isinstance(found, Detections):
        return found[np.isin(found.class_id, sorted(classes))]
    if isinstance(found, Areas):
        others = [one for one in found.classes if one not in classes]
        return Areas(
            tuple(np.where(np.isin(one, others), np.uint8(NOTHING), one) for one in found.maps),
            found.geometry,
        )
    return found


def _labelled(expected: Sequence[Found]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for one in expected:
        if isinstance(one, Areas):
            shown = [class_id for class_id in one.classes if class_id != NOTHING]
        else:
            shown = one.class_id.tolist()
        for class_id in shown:
            counts[class_id] = counts.get(class_id, 0) + 1
    return counts


def _of_rankings(manifest: Manifest, expected: Sequence[Found], found: Sequence[Found]) -> Metrics:
    """A picture may have several right classes; for each of them it counts."""
    right: list[bool] = []
    by_class: dict[int, list[bool]] = {}
    for a, b in zip(expected, found, strict=True):
        if not isinstance(a, Ranking) or not isinstance(b, Ranking) or not len(a):
            continue
        is_right = bool(np.isin(b.class_id[:1], a.class_id).any())
        right.append(is_right)
        for class_id in a.class_id.tolist():
            by_class.setdefault(class_id, []).append(is_right)
    return Metrics(
        len(found),
        {"accuracy": float(np.mean(right))} if right else {},
        {
            manifest.classes[one]: ClassFigures(len(values), {"accuracy": float(np.mean(values))})
            for one, values in sorted(by_class.items())
        },
    )
