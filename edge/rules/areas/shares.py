"""How much of the picture each class has and where, every so often."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.rules.areas.outlines import Outline, edge_count, simplify, trace
from edge.rules.areas.places import Places
from edge.rules.areas.settings import SegmentationRule
from edge.rules.latch import NS_PER_S
from models.areas import Areas

_MAX_EDGES = 40_000
"""Of pixels around a mask; one with more is noise, and its outlines would take a second."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassArea:
    """What a picture shows of a class.

    Attributes:
        class_id: of the class.
        share: of the picture, in [0, 1].
        outlines: in shares of the picture, the largest first.
    """

    class_id: int
    share: float
    outlines: tuple[Outline, ...]


class SharesWatch:
    """One segmentation rule of a camera.

    Args:
        rule: its settings.
        class_ids: that it tells of.

    Attributes:
        rule: as above.
    """

    def __init__(self, rule: SegmentationRule, class_ids: tuple[int, ...]) -> None:
        self.rule = rule
        self._class_ids = class_ids
        self._every_ns = round(rule.every_s * NS_PER_S)
        self._told: int | None = None

    def step(self, areas: Areas, now_ns: int, is_on: bool) -> list[ClassArea] | None:
        """What is told with a frame, None where nothing is.

        Args:
            areas: of the frame.
            now_ns: time of the frame.
            is_on: the rule looks.
        """
        if not is_on or now_ns // self._every_ns == self._told:
            return None
        self._told = now_ns // self._every_ns
        return [
            ClassArea(class_id, areas.share(class_id), self._outlines(areas, class_id))
            for class_id in self._class_ids
        ]

    def _outlines(self, areas: Areas, class_id: int) -> tuple[Outline, ...]:
        rule = self.rule
        if not rule.max_outlines:
            return ()
        found = [
            outline
            for one in areas.maps
            for outline in _of_mask(one == class_id, Places.of(areas.geometry, one.shape))
            if abs(outline.area) >= rule.min_share
        ]
        found.sort(key=lambda outline: -abs(outline.area))
        simple = (simplify(one, rule.tolerance) for one in found[: rule.max_outlines])
        # What is thinner than the tolerance may be left with two corners, and is no area.
        return tuple(one for one in simple if len(one.points) > 2)


def _of_mask(mask: NDArray[np.bool_], places: Places) -> list[Outline]:
    """Outlines of what the picture shows of a mask, in shares of the picture."""
    rows, columns = mask.shape
    y, x = places.y(np.arange(0.5, rows)), places.x(np.arange(0.5, columns))
    # What lies on the padding around the picture is none of it.
    seen = mask & ((y > 0.0) & (y < 1.0))[:, None] & ((x > 0.0) & (x < 1.0))
    if edge_count(seen) > _MAX_EDGES:
        return []
    found = []
    for outline in trace(seen):
        points = outline.points
        turned = np.stack((places.x(points[:, 0]), places.y(points[:, 1])), axis=1)
        found.append(Outline.of(np.clip(turned, 0.0, 1.0)))
    return found
