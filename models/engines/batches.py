"""More pictures than an engine takes at once."""

from collections.abc import Sequence

import numpy as np

from models.engines.port import Engine, Tensor


def run_in_parts(engine: Engine, *inputs: Tensor) -> Sequence[Tensor]:
    """An engine's outputs for any number of pictures, in as few runs as it allows.

    Args:
        engine: runs.
        inputs: of the engine, each with its pictures in the first dimension.

    Raises:
        EngineError: the inputs do not fit, or the network failed.
    """
    most, count = engine.most_at_once, max((len(one) for one in inputs if one.ndim), default=0)
    if most is None or count <= most:
        return engine.run(*inputs)
    parts = [
        engine.run(*(one[begin : begin + most] for one in inputs))
        for begin in range(0, count, most)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]
