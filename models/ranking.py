"""What a picture shows as a whole, as classification finds it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Classes of one picture, the surest first.

    Attributes:
        class_id: (N,) int32, index into the manifest's classes.
        confidence: (N,) float32 in [0, 1].

    Raises:
        ValueError: an array has another shape or dtype.
    """

    class_id: NDArray[np.int32]
    confidence: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name, array, dtype in (
            ("class_id", self.class_id, np.int32),
            ("confidence", self.confidence, np.float32),
        ):
            if array.ndim != 1 or len(array) != len(self.class_id) or array.dtype != dtype:
                raise ValueError(
                    f"{name}: expected ({len(self.class_id)},) {np.dtype(dtype).name}, got "
                    f"{array.shape} {array.dtype.name}"
                )

    def __len__(self) -> int:
        return len(self.class_id)
