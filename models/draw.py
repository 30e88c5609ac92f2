"""What was found onto a picture: boxes, masks, areas and classes; zones and lines."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.areas import Areas
from models.detections import Detections, Image, pixels_of
from models.ranking import Ranking

Colour = tuple[int, int, int]
"""Blue, green, red."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GOLDEN_RATIO = 0.618033988749895
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A zone or a line to draw.

    Attributes:
        name: written beside its first point.
        points: (N, 2) x and y in pixels of the picture.
        closed: True for a zone, False for a line.
    """

    name: str
    points: NDArray[np.float32]
    closed: bool


def draw(
    image: Image,
    detections: Detections,
    classes: Sequence[str],
    *,
    track_ids: Sequence[int] | NDArray[np.int64] | None = None,
    shapes: Sequence[Shape] = (),
) -> Image:
    """A copy of the picture with what was seen in it.

    Args:
        image: (H, W, 3) uint8, BGR.
        detections: in its pixels.
        classes: names, by class id.
        track_ids: one for each detection, written before the class.
        shapes: zones and lines, drawn under the boxes.
    """
    canvas: Image = image.copy()
    scale = _scale(image)
    for shape in shapes:
        _draw_shape(canvas, shape, scale)
    # The surest last, so that it lies on top.
    surest_last = np.argsort(detections.confidence, kind="stable")
    if detections.masks is not None:
        for index in surest_last:
            left, top, right, bottom = pixels_of(detections.xyxy[index])
            colour = colour_of(int(detections.class_id[index]))
            _tint(canvas[top:bottom, left:right], detections.masks[index], colour)
    for index in surest_last:
        class_id = int(detections.class_id[index])
        text = f"{classes[class_id]} {detections.confidence[index]:.0%}"
        if track_ids is not None:
            text = f"#{track_ids[index]} {text}"
        _draw_box(canvas, detections.xyxy[index], text, colour_of(class_id), scale)
    return canvas


def draw_areas(image: Image, areas: Areas, classes: Sequence[str]) -> Image:
    """A copy of the picture with its areas tinted, and what takes which share of it.

    Args:
        image: (H, W, 3) uint8, BGR.
        areas: in its pixels.
        classes: names, by class id.
    """
    canvas: Image = image.copy()
    shares = [areas.share(class_id) for class_id in range(len(classes))]
    seen = [class_id for class_id, share in enumerate(shares) if share]
    for class_id in seen:
        _tint(canvas, areas.mask(class_id), colour_of(class_id))
    _list(canvas, [(f"{classes[one]} {shares[one]:.0%}", colour_of(one)) for one in seen])
    return canvas


def draw_ranking(image: Image, ranking: Ranking, classes: Sequence[str], top: int = 5) -> Image:
    """A copy of the picture with the surest of its classes written on it.

    Args:
        image: (H, W, 3) uint8, BGR.
        ranking: of the picture.
        classes: names, by class id.
        top: so many at most.
    """
    canvas: Image = image.copy()
    shown = zip(ranking.class_id[:top].tolist(), ranking.confidence[:top], strict=True)
    _list(canvas, [(f"{classes[one]} {sure:.0%}", colour_of(one)) for one, sure in shown])
    return canvas


def colour_of(class_id: int) -> Colour:
    """The colour of a class: neighbours in the list differ clearly, and it never changes."""
    hue = (class_id * _GOLDEN_RATIO + 0.33) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 0.95)
    return round(blue * 255), round(green * 255), round(red * 255)


def _tint(region: NDArray[np.uint8], mask: NDArray[np.bool_], colour: Colour) -> None:
    """Mix a colour into the pixels of a mask, in place."""
    share = 0.45
    mixed = region[mask] * (1 - share) + np.array(colour, np.float32) * share
    region[mask] = mixed.astype(np.uint8)


def _list(canvas: Image, lines: Sequence[tuple[str, Colour]]) -> None:
    """Lines of text, one below the other, from the top left corner."""
    scale = _scale(canvas)
    for number, (text, colour) in enumerate(lines, 1):
        _label(canvas, text, 0, round(number * 30 * scale), colour, scale)


def _scale(image: Image) -> float:
    """Factor for strokes and letters: 1 for a picture of 720 lines, never too small to read."""
    shorter: int = min(image.shape[:2])
    return max(0.6, shorter / 720)


def _thickness(scale: float) -> int:
    return max(2, round(2 * scale))


def _draw_box(
    canvas: Image, xyxy: NDArray[np.float32], text: str, colour: Colour, scale: float
) -> None:
    left, top, right, bottom = (round(float(edge)) for edge in xyxy)
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, _thickness(scale))
    _label(canvas, text, left, top, colour, scale)


def _draw_shape(canvas: Image, shape: Shape, scale: float) -> None:
    points = np.round(shape.points).astype(np.int32)
    cv2.polylines(
        canvas, [points.reshape(-1, 1, 2)], shape.closed, _WHITE, _thickness(scale), cv2.LINE_AA
    )
    _label(canvas, shape.name, int(points[0, 0]), int(points[0, 1]), _WHITE, scale)


def _label(canvas: Image, text: str, left: int, bottom: int, ground: Colour, scale: float) -> None:
    """Text on its own ground, above (left, bottom), kept inside of the picture."""
    size = 0.6 * scale
    weight = max(1, round(1.4 * scale))
    (width, height), base = cv2.getTextSize(text, _FONT, size, weight)
    pad = max(2, round(3 * scale))
    box_width, box_height = width + 2 * pad, height + base + 2 * pad
    left = max(0, min(left, canvas.shape[1] - box_width))
    top = max(0, min(bottom - box_height, canvas.shape[0] - box_height))
    cv2.rectangle(canvas, (left, top), (left + box_width, top + box_height), ground, cv2.FILLED)
    origin = (left + pad, top + pad + height)
    cv2.putText(canvas, text, origin, _FONT, size, _ink(ground), weight, cv2.LINE_AA)


def _ink(ground: Colour) -> Colour:
    """Black on light ground, white on dark (luma of ITU-R BT.601)."""
    blue, green, red = ground
    return _BLACK if 0.114 * blue + 0.587 * green + 0.299 * red > 128 else _WHITE
