"""A prepared network against the original, on the same frames."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.detections import Image
from models.engines.port import Tensor

FLOOR = 0.01
"""Of a tensor's largest value."""

Run = Callable[[Image], Sequence[Tensor]]
"""A network's raw outputs for a frame."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two networks differ.

    Attributes:
        frames: that were compared.
        largest: the largest `difference` of an output.
        output: where that was.
    """

    frames: int
    largest: float
    output: int

    def holds(self, tolerance: float) -> bool:
        """True where something was compared and nothing differed by more."""
        return self.frames > 0 and self.largest <= tolerance


def compare(original: Run, prepared: Run, frames: Iterable[Image]) -> Parity:
    """How far the prepared network's outputs are from the original's.

    A value that is NaN in one of them alone counts as an infinite difference.
    """
    count, largest, at = 0, 0.0, 0
    for frame in frames:
        count += 1
        for number, (a, b) in enumerate(zip(original(frame), prepared(frame), strict=True)):
            share = difference(a, b)
            if share > largest:
                largest, at = share, number
    return Parity(count, largest, at)


def difference(a: Tensor, b: Tensor) -> float:
    """The largest difference of two tensors' values, as a share of what stands there in `a`.

    Values below a hundredth of the tensor's largest count as that: where px and scores share an
    output, scores are still weighed, and what is rounded near zero is not.
    """
    if a.shape != b.shape:
        return float("inf")
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    both = (np.isnan(left) & np.isnan(right)) | (left == right)
    away = np.abs(np.subtract(left, right, where=~both, out=np.zeros_like(left)))
    if not np.isfinite(away).all():
        return float("inf")
    size = np.abs(left)
    is_number = np.isfinite(size)
    largest = float(np.max(size[is_number], initial=0.0)) or 1.0
    size[~is_number] = largest
    return float(np.max(away / np.maximum(size, largest * FLOOR), initial=0.0))
