"""What a detector found in one picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: (height, width, 3), BGR, as OpenCV reads it."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N boxes of one picture.

    Attributes:
        xyxy: (N, 4) float32, left, top, right, bottom in pixels of the picture.
        confidence: (N,) float32 in [0, 1].
        class_id: (N,) int32, index into the manifest's classes.

    Raises:
        ValueError: an array has another shape or dtype.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __post_init__(self) -> None:
        count = len(self.xyxy)
        _expect("xyxy", self.xyxy, (count, 4), np.float32)
        _expect("confidence", self.confidence, (count,), np.float32)
        _expect("class_id", self.class_id, (count,), np.int32)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> "Detections":
        """The detections that a mask or an index array selects."""
        return Detections(self.xyxy[index], self.confidence[index], self.class_id[index])

    @classmethod
    def empty(cls) -> "Detections":
        """No detections."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))


def _expect(
    name: str, array: NDArray[np.generic], shape: tuple[int, ...], dtype: type[np.generic]
) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"{name}: expected {shape} {np.dtype(dtype).name}, got {array.shape} {array.dtype.name}"
        )
