"""Do tensors fit what a network takes?"""

from collections.abc import Sequence

from models.engines.port import Tensor, TensorSpec
from models.errors import EngineError

Shape = tuple[int | None, ...]


def require_fit(what: object, specs: Sequence[TensorSpec], tensors: Sequence[Tensor]) -> None:
    """Return when a network can be run on tensors as they are.

    For libraries that convert, cut or read past the end instead of refusing.

    Args:
        what: is to run, for the message: a path or an engine's name.
        specs: what it takes.
        tensors: what it is given.

    Raises:
        EngineError: their number, a shape or a dtype is another.
    """
    if len(specs) != len(tensors):
        raise EngineError(f"{what}: takes {len(specs)} inputs, {len(tensors)} were given")
    for spec, tensor in zip(specs, tensors, strict=True):
        if tensor.dtype != spec.dtype or not shapes_fit(spec.shape, tensor.shape):
            raise EngineError(
                f"{what}: {spec.name!r} takes {shown(spec.shape)} {spec.dtype}, "
                f"{shown(tensor.shape)} {tensor.dtype} was given"
            )


def shapes_fit(expected: Shape, actual: Shape) -> bool:
    """True when the shapes can be the same; a free dimension, None, is of any size."""
    return len(expected) == len(actual) and all(
        want is None or size is None or want == size
        for want, size in zip(expected, actual, strict=True)
    )


def most_at_once(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> int | None:
    """Pictures that a network takes together, from what it takes and returns.

    Returns:
        None where the first dimension of every input and output is free, else 1.
    """
    specs = (*inputs, *outputs)
    is_free = all(spec.shape and spec.shape[0] is None for spec in specs)
    return None if is_free else 1


def shown(shape: Shape) -> str:
    """A shape for a message: `1x3x?x416`."""
    return "x".join("?" if size is None else str(size) for size in shape)
