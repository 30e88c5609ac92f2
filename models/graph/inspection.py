"""What an ONNX file holds: for a person who has it and wants to run it."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from models.checksum import sha256_of
from models.errors import GraphError
from models.graph.cost import Cost, cost
from models.graph.draft import draft
from models.graph.read import read_graph
from models.graph.recognise import Belief, class_names, picture_size, recognise
from models.graph.shapes import Tensor, inputs, outputs, tensors, with_shapes
from models.manifest import Manifest

MAX_TENSOR_BYTES = 2**30
"""Larger tensors do not belong into a network for a small board, and would drown one."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file holds.

    Attributes:
        belief: the family, or None where the outputs look like none that is known.
        manifest: to start from; None where there is no belief, or it makes no manifest.
    """

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    opset: int
    producer: str
    cost: Cost
    belief: Belief | None
    manifest: Manifest | None


def inspect(path: Path) -> Inspection:
    """Look into an ONNX file, without running it.

    Raises:
        GraphError: it is damaged, or holds what no board can run; see `read_graph`.
    """
    model = read_graph(path)
    try:
        model = with_shapes(model)
    except GraphError as error:
        raise GraphError(f"{path}: {error}") from error
    _check_sizes(path, tensors(model).values())
    belief = recognise(model)
    size = picture_size(inputs(model))
    manifest = None
    if belief is not None and size is not None:
        with contextlib.suppress(ValidationError):  # a belief that makes no manifest
            manifest = draft(path.stem, size, belief, class_names(model), sha256_of(path))
    return Inspection(
        inputs(model),
        outputs(model),
        max(one.version for one in model.opset_import),
        " ".join(filter(None, (model.producer_name, model.producer_version))),
        cost(model),
        belief,
        manifest,
    )


def _check_sizes(path: Path, found: Iterable[Tensor]) -> None:
    for tensor in found:
        size = tensor.size_bytes()
        if size is not None and size > MAX_TENSOR_BYTES:
            raise GraphError(
                f"{path}: tensor {tensor} would take {size / 2**30:.1f} GiB; more than "
                f"{MAX_TENSOR_BYTES / 2**30:.0f} GiB does not run on a board"
            )
