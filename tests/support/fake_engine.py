"""An engine that runs a Python function; the contract suite holds it to the port."""

from collections.abc import Callable, Sequence

import numpy as np

from models.engines.fit import most_at_once, require_fit
from models.engines.port import Tensor, TensorSpec
from models.errors import EngineError


class FakeEngine:
    """See `models.engines.port.Engine`.

    Args:
        inputs: what `run` takes.
        outputs: what `compute` returns.
        compute: the network.
    """

    name = "fake/CPU"

    def __init__(
        self,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
        compute: Callable[..., Sequence[Tensor]],
    ) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.most_at_once = most_at_once(self.inputs, self.outputs)
        self.closed = False
        self._compute = compute

    def run(self, *inputs: Tensor) -> Sequence[Tensor]:
        if self.closed:
            raise EngineError("the engine is closed")
        require_fit(self.name, self.inputs, inputs)
        return self._compute(*inputs)

    def close(self) -> None:
        self.closed = True


def constant_engine(input_shape: tuple[int, ...], *answers: Tensor) -> FakeEngine:
    """An engine that gives the same answers to every float32 input of one shape."""
    return FakeEngine(
        [TensorSpec("input", input_shape, np.dtype(np.float32))],
        [
            TensorSpec(f"output{number}", answer.shape, answer.dtype)
            for number, answer in enumerate(answers)
        ],
        lambda _: [answer.copy() for answer in answers],
    )
