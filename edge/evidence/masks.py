"""Polygons painted out of pictures: a solid colour, and nothing of what was there.

A blur or a mosaic can be undone, or guessed through; a colour cannot. It is painted at the frame's
full size, before anything scales or compresses it, so that no pixel beside the mask takes from one
within.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge.evidence import opencv
from edge.rules.fields import Point
from models.detections import Image


class Masks:
    """Parts of a camera's pictures that nobody may see. Any thread may use it.

    Args:
        polygons: corners as shares of the picture.
    """

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self._polygons = [np.array(polygon, np.float64) for polygon in polygons]
        self._known: tuple[tuple[int, int], list[NDArray[np.int32]]] = ((0, 0), [])

    def __bool__(self) -> bool:
        return bool(self._polygons)

    def paint(self, image: Image) -> Image:
        """The picture with its masks: itself, painted in place where it can be written.

        Args:
            image: (H, W, 3), the whole frame.
        """
        if not self._polygons:
            return image
        if not image.flags.writeable:
            image = image.copy()
        height_px, width_px = image.shape[:2]
        opencv.paint(image, self._outlines(width_px, height_px))
        return image

    def painted(self, image: Image, box: tuple[int, int, int, int]) -> Image:
        """A part of the picture with its masks; a copy where there are any.

        Args:
            image: (H, W, 3), the whole frame, which stays as it is.
            box: left, top, right and bottom of the part in pixels; the last two are outside.
        """
        left, top, right, bottom = box
        part: Image = image[top:bottom, left:right]
        if not self._polygons:
            return part
        part = part.copy()
        height_px, width_px = image.shape[:2]
        origin = np.array((left, top), np.int32)
        opencv.paint(part, [one - origin for one in self._outlines(width_px, height_px)])
        return part

    def _outlines(self, width_px: int, height_px: int) -> list[NDArray[np.int32]]:
        size = (width_px, height_px)
        known_size, outlines = self._known
        if known_size != size:
            outlines = [np.floor(one * size).astype(np.int32) for one in self._polygons]
            self._known = (size, outlines)
        return outlines
