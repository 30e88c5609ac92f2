"""Non-maximum suppression: of boxes that show the same object, the surest stays."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256
"""Boxes compared with each other at once: bounds the memory for any number of boxes."""

_ZERO = np.float32(0)
_ONE = np.float32(1)
_TINY = np.finfo(np.float32).tiny


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every box of `a` with every box of `b`.

    Args:
        a: (N, 4) xyxy.
        b: (M, 4) xyxy, in the same unit.

    Returns:
        (N, M) float32 in [0, 1]; a box without area overlaps nothing.
    """
    # One edge at a time and in place: the inner loops run over whole rows.
    overlap = _shared_length(a, b, 0)
    overlap *= _shared_length(a, b, 1)
    union = area(a)[:, None] + area(b)
    union -= overlap
    overlap /= np.maximum(union, _TINY, out=union)
    np.minimum(overlap, _ONE, out=overlap)
    return overlap


def _shared_length(
    a: NDArray[np.float32], b: NDArray[np.float32], axis: int
) -> NDArray[np.float32]:
    """(N, M): how far every box of `a` and every box of `b` share one axis, 0 for x, 1 for y."""
    length: NDArray[np.float32] = np.minimum(a[:, axis + 2, None], b[:, axis + 2])
    length -= np.maximum(a[:, axis, None], b[:, axis])
    np.maximum(length, _ZERO, out=length)
    return length


def area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) areas of boxes (N, 4); a box with its edges the wrong way round has none."""
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], _ZERO)
    product: NDArray[np.float32] = sides[:, 0] * sides[:, 1]
    return product


def nms(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    class_id: NDArray[np.int32],
    iou_threshold: float,
) -> NDArray[np.intp]:
    """Indices of the boxes that stay, the surest first.

    Greedy and class by class: a box goes when a surer one of its class, which stays, overlaps
    it by more than the threshold. Of equally sure boxes the first in the input counts as surer.

    Args:
        xyxy: (N, 4).
        confidence: (N,).
        class_id: (N,).
        iou_threshold: in [0, 1].
    """
    order = np.argsort(-confidence, kind="stable")
    kept = np.empty(0, np.intp)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        block = block[~_rivals(xyxy, class_id, block, kept, iou_threshold).any(axis=1)]
        rivals = _rivals(xyxy, class_id, block, block, iou_threshold)
        kept = np.concatenate([kept, block[_survivors(rivals)]])
    return kept


def _rivals(
    xyxy: NDArray[np.float32],
    class_id: NDArray[np.int32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    iou_threshold: float,
) -> NDArray[np.bool_]:
    """(len(rows), len(columns)): True where two boxes cannot both stay."""
    same: NDArray[np.bool_] = class_id[rows][:, None] == class_id[columns][None, :]
    return same & (iou(xyxy[rows], xyxy[columns]) > iou_threshold)


def _survivors(rivals: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of N boxes stay, in order of confidence, when rivals (N, N) cannot both."""
    later = np.triu(rivals, k=1)
    alive = np.ones(len(rivals), np.bool_)
    for row in np.flatnonzero(later.any(axis=1)):
        if alive[row]:
            alive &= ~later[row]
    return alive
