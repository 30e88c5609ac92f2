"""How far apart the answers of two engines are that should run the same network.

FP16 and TF32 round each value a little, so the largest difference of a single value says little,
and where px and scores share an output the px drown the scores. What is weighed is each slice along
the axis of an output's channels, by root mean square. Which one that is does not stand in the
output: of two axes it is the shorter one, for there are fewer channels than places; of more, as of
grids with anchors, each is tried, and the one that shows most counts.

Measured by ONNX Runtime on the networks of the zoo: FP16 is off by 0.002 to 0.08, a picture with
red and blue swapped by 0.18 to 1.5.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.engines.port import Tensor

FLOOR = 0.01
"""Below this root mean square a slice holds nothing: scores that nobody would call seen."""


def deviation(expected: Sequence[Tensor], actual: Sequence[Tensor]) -> float:
    """The largest share by which a slice of an output is off; infinite where shapes differ.

    Also infinite where one has a value that is no number and the other has not.
    """
    if len(expected) != len(actual):
        return float("inf")
    return max((_of_tensor(a, b) for a, b in zip(expected, actual, strict=True)), default=0.0)


def _of_tensor(expected: Tensor, actual: Tensor) -> float:
    if expected.shape != actual.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    a, b = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    is_number = np.isfinite(a)
    if (is_number != np.isfinite(b)).any():
        return float("inf")
    a, b = np.where(is_number, a, 0), np.where(is_number, b, 0)
    return max(_of_slices(_sliced(a, axis), _sliced(b, axis)) for axis in _axes(a.shape))


def _of_slices(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    floor = min(FLOOR, float(np.sqrt(np.mean(a**2)))) or FLOOR
    size, off = np.sqrt(np.mean(a**2, axis=1)), np.sqrt(np.mean((a - b) ** 2, axis=1))
    return float(np.max(off / np.maximum(size, floor)))


def _axes(shape: tuple[int, ...]) -> list[int | None]:
    """Those that may be of the channels; None: the whole is one slice."""
    axes = [axis for axis in range(1, len(shape)) if shape[axis] > 1]
    if not axes:
        return [None]
    return [min(axes, key=lambda one: shape[one])] if len(axes) < 3 else [*axes]


def _sliced(values: NDArray[np.float64], axis: int | None) -> NDArray[np.float64]:
    """(slices, values) along an axis."""
    if axis is None:
        return values.reshape(1, -1)
    return np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
