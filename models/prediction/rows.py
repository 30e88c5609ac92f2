"""What one frame showed, as rows of plain values: for files, and to be counted."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.detections import Detections, pixels_of
from models.ranking import Ranking

Found = Detections | Areas | Ranking

Row = TypedDict(
    "Row",
    {
        "class": int,
        "confidence": float,
        "box": list[float],
        "share": float,
        "mask": list[int],
    },
    total=False,
)
"""A thing that was found: its class always, and what there is to say of it.

confidence   in [0, 1]
box          left, top, right, bottom in px of the picture
share        of the picture's pixels, in [0, 1]
mask         lengths of runs outside and inside by turns, column by column, over the whole picture
             (COCO's uncompressed RLE)
"""


def rows_of(found: Found, width: int, height: int) -> list[Row]:
    """The rows of one frame; of areas, those classes that take a share.

    Args:
        found: in it.
        width: of the frame, px.
        height: of the frame, px.
    """
    if isinstance(found, Ranking):
        return [
            {"class": class_id, "confidence": _short(sure)}
            for class_id, sure in zip(found.class_id.tolist(), found.confidence, strict=True)
        ]
    if isinstance(found, Areas):
        return _areas(found)
    rows: list[Row] = []
    for number in range(len(found)):
        box = found.xyxy[number]
        row: Row = {
            "class": int(found.class_id[number]),
            "confidence": _short(found.confidence[number]),
            "box": [round(float(edge), 2) for edge in box],
        }
        if found.masks is not None:
            whole = np.zeros((height, width), np.bool_)
            left, top, right, bottom = pixels_of(box)
            whole[top:bottom, left:right] = found.masks[number]
            row["mask"] = runs_of(whole)
        rows.append(row)
    return rows


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    """Lengths of runs, beginning with one outside that may be 0, column by column."""
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths


def mask_of(runs: Sequence[int], width: int, height: int) -> NDArray[np.bool_]:
    """(height, width): the mask that `runs_of` made the runs of."""
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(height, width, order="F")


def _areas(found: Areas) -> list[Row]:
    rows: list[Row] = []
    for class_id in sorted(found.classes - {NOTHING}):
        mask = found.mask(class_id)
        if mask.any():
            rows.append(
                {"class": class_id, "share": round(float(mask.mean()), 6), "mask": runs_of(mask)}
            )
    return rows


def _short(value: float | np.floating) -> float:
    return round(float(value), 6)
