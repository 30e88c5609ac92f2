"""Polygons painted out of pictures: a solid colour, and nothing of what was there.

A blur or a mosaic can be undone, or guessed through; a colour cannot. It is painted at the frame's
full size, before anything scales or compresses it, so that no pixel beside the mask takes from one
within.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.evidence import opencv
from edge.rules.fields import Point
from models.detections import Image

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are outside."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stencil:
    """What is painted in pictures of one size, cut to the part where anything is."""

    size: tuple[int, int]
    box: Box
    bits: Image


class Masks:
    """Parts of a camera's pictures that nobody may see. Any thread may use it.

    Args:
        polygons: corners as shares of the picture.
    """

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self._polygons = [np.array(polygon, np.float64) for polygon in polygons]
        self._known: _Stencil | None = None

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
        self._paint(image, (0, 0, width_px, height_px), (width_px, height_px))
        return image

    def painted(self, image: Image, box: Box) -> Image:
        """A part of the picture with its masks; a copy where there are any.

        Args:
            image: (H, W, 3), the whole frame, which stays as it is.
            box: the part.
        """
        left, top, right, bottom = box
        part: Image = image[top:bottom, left:right]
        if not self._polygons:
            return part
        part = part.copy()
        height_px, width_px = image.shape[:2]
        self._paint(part, box, (width_px, height_px))
        return part

    def _paint(self, part: Image, box: Box, size: tuple[int, int]) -> None:
        stencil = self._stencil(size)
        left, top = max(box[0], stencil.box[0]), max(box[1], stencil.box[1])
        right, bottom = min(box[2], stencil.box[2]), min(box[3], stencil.box[3])
        if left < right and top < bottom:
            x, y = stencil.box[:2]
            opencv.paint(
                part[top - box[1] : bottom - box[1], left - box[0] : right - box[0]],
                stencil.bits[top - y : bottom - y, left - x : right - x],
            )

    def _stencil(self, size: tuple[int, int]) -> _Stencil:
        """Of the whole frame and made once a size: what is cut from it fits wherever it is laid."""
        known = self._known
        if known is None or known.size != size:
            corners = [np.floor(one * size).astype(np.int32) for one in self._polygons]
            bits = opencv.stencil(corners, *size)
            rows = (bits[:, :, 0] == 0).any(axis=1).nonzero()[0].tolist()
            columns = (bits[:, :, 0] == 0).any(axis=0).nonzero()[0].tolist()
            left, right = (columns[0], columns[-1] + 1) if columns else (0, 0)
            top, bottom = (rows[0], rows[-1] + 1) if rows else (0, 0)
            bits = bits[top:bottom, left:right].copy()
            known = self._known = _Stencil(size, (left, top, right, bottom), bits)
        return known
