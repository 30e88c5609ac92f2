"""Non-maximum suppression: of boxes that show the same object, the surest stays."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 256
"""Boxes compared with each other at once: bounds the memory for any number of boxes."""

_MAX_PAIRS = 500_000
"""Pairs held at once: some 50 MB."""

_FAR = 1e6
"""Px; no picture is as wide."""

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
    overlap = intersection(a, b)
    union = area(a)[:, None] + area(b)
    union -= overlap
    overlap /= np.maximum(union, _TINY, out=union)
    np.minimum(overlap, _ONE, out=overlap)
    return overlap


def intersection(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M): the area that every box of `a` (N, 4) shares with every box of `b` (M, 4), xyxy."""
    # One edge at a time and in place: the inner loops run over whole rows.
    shared = _shared_length(a, b, 0)
    shared *= _shared_length(a, b, 1)
    return shared


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
    pairs = _pairs(xyxy[order], class_id[order])
    if pairs is not None:
        return order[_kept_of(len(order), *_overlapping(xyxy[order], *pairs, iou_threshold))]
    return _by_blocks(xyxy, class_id, order, iou_threshold)


def _pairs(
    xyxy: NDArray[np.float32], class_id: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Pairs (P,) and (P,) of boxes of one class whose widths overlap, and perhaps a few more.

    Boxes are sorted by class and left edge, so that those which begin before a box ends are its
    neighbours in that order. None where there are too many pairs to hold at once.
    """
    if len(xyxy) < 2:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    # Edges beyond any picture, or NaN, of a broken network: whoever they belong to stays a pair.
    edges = np.clip(np.nan_to_num(xyxy[:, [0, 2]].astype(np.float64)), -_FAR, _FAR)
    begin, end = edges[:, 0] + class_id * (4 * _FAR), edges[:, 1] + class_id * (4 * _FAR)
    place = np.argsort(begin, kind="stable")
    behind = np.searchsorted(begin[place], end[place], side="right")
    first = np.arange(1, len(place) + 1)
    count = np.maximum(behind - first, 0)
    total = int(count.sum())
    if total > _MAX_PAIRS:
        return None
    left = np.repeat(np.arange(len(place)), count)
    within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    return place[left], place[left + 1 + within]


def _overlapping(
    xyxy: NDArray[np.float32], a: NDArray[np.intp], b: NDArray[np.intp], iou_threshold: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of pairs, those that cannot both stay, as the surer and the other one of each."""
    edges = np.ascontiguousarray(xyxy.T)
    of_a, of_b = edges.take(a, axis=1), edges.take(b, axis=1)
    wide = np.minimum(of_a[2], of_b[2]) - np.maximum(of_a[0], of_b[0])
    high = np.minimum(of_a[3], of_b[3]) - np.maximum(of_a[1], of_b[1])
    shared = np.maximum(wide, _ZERO) * np.maximum(high, _ZERO)
    areas = area(xyxy)
    union = areas[a] + areas[b] - shared
    rivals = np.minimum(shared / np.maximum(union, _TINY), _ONE) > iou_threshold
    a, b = a[rivals], b[rivals]
    return np.minimum(a, b), np.maximum(a, b)


def _kept_of(count: int, surer: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.intp]:
    """Which of so many boxes stay, when of each pair the other goes if the surer one stays.

    In rounds: who has no surer rival left stays, and its rivals go with their pairs.
    """
    goes = np.zeros(count, np.bool_)
    while len(surer):
        waits = np.zeros(count, np.bool_)
        waits[other] = True
        decided = ~waits[surer]  # the surer one stays: nobody is left who could end it
        goes[other[decided]] = True
        open_ = ~(goes[surer] | goes[other])
        surer, other = surer[open_], other[open_]
    return np.flatnonzero(~goes)


def _by_blocks(
    xyxy: NDArray[np.float32],
    class_id: NDArray[np.int32],
    order: NDArray[np.intp],
    iou_threshold: float,
) -> NDArray[np.intp]:
    """As `nms`, in memory that does not grow with the number of pairs."""
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
