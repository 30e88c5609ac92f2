"""An engine runs a network: tensors in, tensors out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape and dtype of an input or output; None is a free dimension."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[np.generic]


class Engine(Protocol):
    """A loaded network. `run` may be called by several threads at once."""

    @property
    def name(self) -> str:
        """Engine and device really in use, `onnxruntime/CPU`.

        Where some of the network runs elsewhere, that follows after a comma:
        `onnxruntime/CUDA, 3 of 120 operators on CPU`.
        """

    @property
    def inputs(self) -> Sequence[TensorSpec]:
        """What `run` takes."""

    @property
    def outputs(self) -> Sequence[TensorSpec]:
        """What `run` returns, in this order."""

    @property
    def most_at_once(self) -> int | None:
        """Pictures that one `run` takes; None: any number, 1 where the batch is fixed."""

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        """The network's outputs.

        Raises:
            EngineError: the inputs do not fit, or the network failed.
        """

    def close(self) -> None:
        """Give memory and device back."""
