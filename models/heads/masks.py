"""Masks of boxes out of prototypes (Bolya et al. 2019, arXiv:1904.02689)."""

import numpy as np
from numpy.typing import NDArray

from models.detections import Masks, pixels_of
from models.preprocess import Geometry


def box_masks(
    weights: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    stride: int,
    xyxy: NDArray[np.float32],
    geometry: Geometry,
) -> Masks:
    """A mask for each box: where the weighted sum of the prototypes is positive.

    The sum is interpolated linearly at the middle of each of the picture's pixels, within the
    box alone, so that what is computed grows with the boxes and not with the picture.

    Args:
        weights: (N, K) coefficients.
        prototypes: (K, rows, columns), over the whole input.
        stride: px of the input for one of a prototype.
        xyxy: (N, 4) boxes, in pixels of the picture.
        geometry: where the picture lies in the input.
    """
    count, rows, columns = prototypes.shape
    flat = prototypes.reshape(count, rows * columns)
    masks = []
    for weight, box in zip(weights, xyxy, strict=True):
        left, top, right, bottom = pixels_of(box)
        logits = (weight @ flat).reshape(rows, columns)
        x = (np.arange(left, right, dtype=np.float32) + np.float32(0.5)) * np.float32(
            geometry.scale_x
        ) + np.float32(geometry.pad_left)
        y = (np.arange(top, bottom, dtype=np.float32) + np.float32(0.5)) * np.float32(
            geometry.scale_y
        ) + np.float32(geometry.pad_top)
        masks.append(_at(_at(logits.T, x / stride).T, y / stride) > 0)
    return tuple(masks)


def _at(values: NDArray[np.float32], place: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of (R, C) values at places in [0, R], linearly; row r has its middle at r + 0.5.

    Returns:
        (P, C).
    """
    last = len(values) - 1
    at = np.clip(place - np.float32(0.5), 0, last)
    low = np.minimum(at.astype(np.intp), max(0, last - 1))
    share = (at - low).astype(np.float32)[:, None]
    mixed: NDArray[np.float32] = values[low] * (1 - share)
    mixed += values[np.minimum(low + 1, last)] * share
    return mixed
