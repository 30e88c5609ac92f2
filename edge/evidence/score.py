"""How well a picture shows an object: how sure, large, whole, free and sharp it is. Pure."""

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

ENOUGH_PX = 200.0
"""Side of a square as large as the object from which on more pixels are no merit."""

CUT = 0.5
"""Factor of an object that the picture's edge cuts off."""

COVERED = 0.8
"""Share of its score that an object loses that others hide altogether."""

BLURRED = 0.4
"""Factor of a picture without any edge."""

SHARP = 150.0
"""Variance of the Laplacian at which half of what a blur costs is gone."""

_EDGE_PX = 2.0


def sights(xyxy: F32, confidence: F32, width_px: int, height_px: int) -> F32:
    """(N,) scores in [0, 1] of objects in one frame, before their sharpness is known.

    Args:
        xyxy: (N, 4) float32 in px.
        confidence: (N,) float32.
        width_px: of the picture.
        height_px: of the picture.
    """
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1e-3)
    area = size[:, 0] * size[:, 1]
    large = np.minimum(1.0, np.sqrt(area) / ENOUGH_PX)
    right_bottom = np.array((width_px, height_px), np.float32)
    is_cut = (xyxy[:, :2] < _EDGE_PX).any(axis=1) | (xyxy[:, 2:] > right_bottom - _EDGE_PX).any(
        axis=1
    )
    whole = np.where(is_cut, CUT, 1.0)
    free = 1.0 - COVERED * _covered(xyxy, area)
    score: F32 = (confidence * large * whole * free).astype(np.float32)
    return score


def with_sharpness(score: float, sharpness: float) -> float:
    """The whole score in [0, 1]; never more than `score`, so what cannot win need not be measured.

    Args:
        score: of `sights`.
        sharpness: variance of the Laplacian.
    """
    return score * (BLURRED + (1.0 - BLURRED) * sharpness / (sharpness + SHARP))


def _covered(xyxy: F32, area: F32) -> F32:
    """(N,) the largest share of each box that a box in front of it hides.

    In front is who stands lower in the picture: cameras look down.
    """
    count = len(xyxy)
    if count < 2:
        return np.zeros(count, np.float32)
    low = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])
    high = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    is_behind = xyxy[:, None, 3] < xyxy[None, :, 3]
    covered: F32 = np.where(is_behind, shared / area[:, None], 0.0).max(axis=1)
    return np.minimum(covered, 1.0).astype(np.float32)
