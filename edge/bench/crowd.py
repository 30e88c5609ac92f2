"""Twenty objects on their way, for tracker and rules: the same ones each time."""

from collections.abc import Sequence

import numpy as np

from edge.rules.settings import CameraRulesSettings
from models.detections import Detections

OBJECTS = 20

_CONFIDENCE = 0.99
"""High enough for the tracker of any model."""

_SPEEDS = (0.05, 0.08, 0.13)
"""Widths of the picture a second."""


class Crowd:
    """Objects that walk to and fro through a picture, in lanes that never touch.

    Args:
        width_px: of the picture.
        height_px: of the picture.
        class_ids: of the objects, in turn.
        objects: how many.
    """

    def __init__(
        self, width_px: int, height_px: int, class_ids: Sequence[int], objects: int = OBJECTS
    ) -> None:
        number = np.arange(objects)
        self._size_px = np.array((width_px, height_px), np.float64)
        self._lane = (number + 0.5) / objects
        self._half = np.array((0.02, 0.4 / objects))
        self._speed = np.array(_SPEEDS)[number % len(_SPEEDS)]
        self._start = number * 0.618 % 1.0  # the golden ratio's part spreads them evenly
        self._classes = np.array(class_ids, np.int32)[number % len(class_ids)]

    def at(self, elapsed_s: float) -> Detections:
        """What a network would find after so many seconds."""
        way = (self._start + self._speed * elapsed_s) % 2.0
        x = 0.05 + 0.9 * np.where(way < 1.0, way, 2.0 - way)
        centre = np.stack((x, self._lane), axis=1)
        xyxy = np.concatenate(
            ((centre - self._half) * self._size_px, (centre + self._half) * self._size_px), axis=1
        )
        scores = np.full(len(x), _CONFIDENCE, np.float32)
        return Detections(xyxy.astype(np.float32), scores, self._classes)


def watched_classes(settings: CameraRulesSettings, classes: Sequence[str]) -> list[int]:
    """Ids of the classes that a camera's rules name; the first one where they name none."""
    named = {name for rule in settings.rules for name in rule.classes}
    return [number for number, name in enumerate(classes) if name in named] or [0]
