"""What a detector found in one picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: (height, width, 3), BGR, as OpenCV reads it."""


Masks = tuple[NDArray[np.bool_], ...]
"""A mask for each box, of the pixels that `pixels_of` the box says: (rows, columns)."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N boxes of one picture.

    Attributes:
        xyxy: (N, 4) float32, left, top, right, bottom in pixels of the picture.
        confidence: (N,) float32 in [0, 1].
        class_id: (N,) int32, index into the manifest's classes.
        masks: which pixels of each box are of its object; None where the network does not say.

    Raises:
        ValueError: an array has another shape or dtype.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]
    masks: Masks | None = None

    def __post_init__(self) -> None:
        count = len(self.xyxy)
        _expect("xyxy", self.xyxy, (count, 4), np.float32)
        _expect("confidence", self.confidence, (count,), np.float32)
        _expect("class_id", self.class_id, (count,), np.int32)
        if self.masks is not None:
            _expect_masks(self.masks, self.xyxy)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """The detections that a mask or an index array selects."""
        masks = self.masks
        if masks is not None:
            masks = tuple(masks[number] for number in np.arange(len(self))[index])
        return Detections(self.xyxy[index], self.confidence[index], self.class_id[index], masks)

    @classmethod
    def empty(cls) -> "Detections":
        """No detections."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))


def pixels_of(box: Sequence[float] | NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels of a box: the last two are not in it any more.

    A pixel belongs to a box (4,) xyxy when its number lies between the box's edges.
    """
    left, top, right, bottom = (math.ceil(float(edge)) for edge in box)
    return left, top, right, bottom


def _expect_masks(masks: Masks, xyxy: NDArray[np.float32]) -> None:
    if len(masks) != len(xyxy):
        raise ValueError(f"masks: expected {len(xyxy)}, got {len(masks)}")
    for number, (mask, box) in enumerate(zip(masks, xyxy, strict=True)):
        left, top, right, bottom = pixels_of(box)
        _expect(f"masks[{number}]", mask, (bottom - top, right - left), np.bool_)


def _expect(
    name: str, array: NDArray[np.generic], shape: tuple[int, ...], dtype: type[np.generic]
) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name}: expected {shape} {np.dtype(dtype).name}, got {array.shape} {array.dtype.name}"
        )
