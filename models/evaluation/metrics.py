"""A network's figures on labelled pictures, as a whole and by class.

detection        `map-50-95`, the mean over the classes of the average precision at IoUs from 0.5 to
                 0.95 by 0.05 (COCO's first figure, but over all points of the curve), and `map-50`
segmentation     `mean-iou`, the mean over the classes of intersection over union
classification   `accuracy`, the share of pictures whose first class is right

A class that the pictures do not show has no figure, as COCO has it. At the network's own
threshold, with which it is used: what is less sure is not found. Figures of papers are taken at a
threshold of nearly 0, and are higher.
Reference: https://cocodataset.org/#detection-eval
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.areas import NOTHING, Areas
from models.detections import Detections
from models.evaluation.agreement import IOU, AreaScore, BoxScore
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
            pictures show nothing of its classes.
        by_class: by the manifest's names, of the classes that the pictures show.
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
    """What a network finds of what pictures show; no picture is kept.

    Args:
        network: with its own threshold.
        truth: of the pictures.
        progress: told after each picture, how many are done of how many.

    Raises:
        EngineError: the network failed.
        LabelError: a label contradicts its picture.
        MediaError: a picture cannot be read.
    """
    scores = _Scores(network.manifest, truth.judged)
    for number, (frame, shown) in enumerate(truth, 1):
        scores.add(shown, network.find(frame))
        progress(number, len(truth))
    return scores.metrics()


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
    scores = _Scores(manifest, classes)
    for of_picture, in_picture in zip(shown, found, strict=True):
        scores.add(of_picture, in_picture)
    return scores.metrics()


class _Scores:
    """Figures on their way, picture by picture."""

    def __init__(self, manifest: Manifest, judged: frozenset[int]) -> None:
        self._manifest = manifest
        self._judged = judged
        self._pictures = 0
        self._boxes = {iou: BoxScore(iou) for iou in _IOUS}
        self._areas = AreaScore()
        self._right: list[bool] = []
        self._right_of: dict[int, list[bool]] = {}

    def add(self, shown: Shown, found: Found) -> None:
        self._pictures += 1
        expected = shown.expected
        if isinstance(expected, Detections) and isinstance(found, Detections):
            judged = found[np.isin(found.class_id, sorted(self._judged))]
            for score in self._boxes.values():
                score.add(expected, judged, shown.ignored)
        elif isinstance(expected, Areas) and isinstance(found, Areas):
            self._areas.add(expected, self._judged_areas(found))
        elif isinstance(expected, Ranking) and isinstance(found, Ranking):
            self._add_ranking(expected, found)

    def metrics(self) -> Metrics:
        task = self._manifest.head.task
        if task == "classification":
            return self._of(
                {one: len(values) for one, values in self._right_of.items()},
                {"accuracy": {one: _mean(values) for one, values in self._right_of.items()}},
                {"accuracy": _mean(self._right)} if self._right else {},
            )
        if task == "segmentation":
            labelled = _some(self._areas.pictures)
            iou = {one: self._areas.values()[one] for one in labelled}
            return self._of(labelled, {"iou": iou}, {"mean-iou": _mean([*iou.values()])})
        labelled = _some(self._boxes[IOU].objects)
        at = {iou: score.values() for iou, score in self._boxes.items()}
        by_figure = {
            "ap-50-95": {one: _mean([at[iou][one] for iou in _IOUS]) for one in labelled},
            "ap-50": {one: at[IOU][one] for one in labelled},
        }
        return self._of(
            labelled,
            by_figure,
            {f"m{name}": _mean([*by_figure[name].values()]) for name in by_figure},
        )

    def _of(
        self,
        labelled: Mapping[int, int],
        by_figure: Mapping[str, Mapping[int, float]],
        figures: Mapping[str, float],
    ) -> Metrics:
        by_class = {
            self._manifest.classes[one]: ClassFigures(
                count, {name: values[one] for name, values in by_figure.items()}
            )
            for one, count in sorted(labelled.items())
        }
        return Metrics(self._pictures, figures if labelled else {}, by_class)

    def _judged_areas(self, found: Areas) -> Areas:
        others = [one for one in found.classes if one not in self._judged]
        return Areas(
            tuple(np.where(np.isin(one, others), np.uint8(NOTHING), one) for one in found.maps),
            found.geometry,
        )

    def _add_ranking(self, expected: Ranking, found: Ranking) -> None:
        """A picture may have several right classes; for each of them it counts."""
        if not len(expected):
            return
        is_right = bool(np.isin(found.class_id[:1], expected.class_id).any())
        self._right.append(is_right)
        for class_id in expected.class_id.tolist():
            self._right_of.setdefault(class_id, []).append(is_right)


def _some(counts: Mapping[int, int]) -> dict[int, int]:
    """Those of which there is any."""
    return {one: count for one, count in counts.items() if count}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
