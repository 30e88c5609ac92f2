"""What a graph holds against what it may hold: for a file that comes from a stranger.

Bodies of control flow and functions of the file's own are looked into as well, where `onnx`'s
checker does not look for everything. Nothing is run.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from models.graph.shapes import inputs, tensors

STANDARD = "ai.onnx"
"""The standard's own domain, which most files call by the empty name."""

_NAMED = 5
"""Of many, so many are named in a line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a graph may hold.

    Attributes:
        domains: of operators; `ai.onnx` is the standard's own.
        operators: names that may stand in it; None: all of these domains.
        refused: names that may not, whatever is said above.
        max_nodes: operators, all bodies together.
        max_weight_bytes: of all weights, as they stand in the file.
        max_input_bytes: of all inputs, free dimensions taken as 1.
        max_tensor_bytes: of one tensor between two operators.
        min_opset: of the standard's operators.
        max_opset: of the standard's operators.
    """

    domains: frozenset[str]
    operators: frozenset[str] | None
    refused: frozenset[str]
    max_nodes: int
    max_weight_bytes: int
    max_input_bytes: int
    max_tensor_bytes: int
    min_opset: int
    max_opset: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a graph holds, all bodies together.

    Attributes:
        opset: of the standard's operators; 0 where the file names none.
        operators: how many there are of each domain and name.
        weight_bytes: of all weights, as they stand in the file.
        elsewhere: weights that lie in another file, each with where.
        sparse: weights that the file says in short.
    """

    opset: int
    operators: Counter[tuple[str, str]]
    weight_bytes: int
    elsewhere: tuple[str, ...]
    sparse: int

    @property
    def nodes(self) -> int:
        """How many operators there are."""
        return self.operators.total()


def content_of(model: ModelProto) -> Content:
    """What stands in a model that was parsed, checked or not."""
    operators: Counter[tuple[str, str]] = Counter()
    weight_bytes, elsewhere, sparse = 0, [], 0
    for part in _parts(model):
        if isinstance(part, NodeProto):
            operators[part.domain or STANDARD, part.op_type] += 1
        elif isinstance(part, TensorProto):
            weight_bytes += part.ByteSize()
            if part.data_location == TensorProto.EXTERNAL or part.external_data:
                places = [one.value for one in part.external_data if one.key == "location"]
                elsewhere.append(f"{part.name!r} in {places[0] if places else ''!r}")
        else:
            sparse += 1
    opsets = [one.version for one in model.opset_import if one.domain in ("", STANDARD)]
    return Content(max(opsets, default=0), operators, weight_bytes, tuple(elsewhere), sparse)


def excesses(model: ModelProto, content: Content, limits: Limits) -> list[str]:
    """What a model holds that it may not, each in a line; looks at no shape but its inputs'."""
    found = []
    if content.elsewhere:
        found.append(
            f"weights lie in other files ({_some(content.elsewhere)}), which no sha256 of the "
            "record covers: export it as one file"
        )
    if content.sparse:
        found.append(
            f"{content.sparse} weights are sparse, which boards do not run: export it dense"
        )
    found += _operator_excesses(content.operators, limits)
    if not limits.min_opset <= content.opset <= limits.max_opset:
        found.append(
            f"its operator set is {content.opset}, allowed are {limits.min_opset} to "
            f"{limits.max_opset}"
        )
    for what, size, most in (
        ("operators", content.nodes, limits.max_nodes),
        ("bytes of weights", content.weight_bytes, limits.max_weight_bytes),
    ):
        if size > most:
            found.append(f"it has {size:,} {what}, allowed are {most:,}")
    return found + _input_excesses(model, limits)


def oversized(model: ModelProto, limits: Limits) -> list[str]:
    """The tensors of a model with shapes (`shapes.with_shapes`) that are too large, in a line."""
    large = [
        str(one) for one in tensors(model).values()
        if (one.size_bytes() or 0) > limits.max_tensor_bytes
    ]  # fmt: skip
    if not large:
        return []
    return [f"tensors of more than {limits.max_tensor_bytes:,} bytes: {_some(large)}"]


def _operator_excesses(operators: Counter[tuple[str, str]], limits: Limits) -> list[str]:
    found = []
    strange = sorted({f"{domain}::{name}" for domain, name in operators
                      if domain not in limits.domains})  # fmt: skip
    if strange:
        found.append(
            f"operators of domains that are not allowed: {_some(strange)}; allowed are "
            f"{', '.join(sorted(limits.domains))}"
        )
    refused = sorted({
        name for domain, name in operators
        if domain in limits.domains
        and (name in limits.refused
             or (limits.operators is not None and name not in limits.operators))
    })  # fmt: skip
    if refused:
        found.append(f"operators that are not allowed: {_some(refused)}")
    return found


def _input_excesses(model: ModelProto, limits: Limits) -> list[str]:
    size = 0
    for tensor in inputs(model):
        of_tensor = tensor.size_bytes()
        if of_tensor is None:
            return [f"its input {tensor.name!r} has no shape"]
        size += of_tensor
    if size > limits.max_input_bytes:
        return [f"its input is of {size:,} bytes a picture, allowed are {limits.max_input_bytes:,}"]
    return []


def _some(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(one[:100] for one in names[:_NAMED])
    return shown + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _parts(model: ModelProto) -> Iterator[NodeProto | TensorProto | None]:
    """Every operator and weight of a model, and None for each weight that is sparse."""
    graphs, nodes = [model.graph], [node for one in model.functions for node in one.node]
    while graphs or nodes:
        while nodes:
            node = nodes.pop()
            yield node
            for attribute in node.attribute:
                yield from _weights(attribute)
                graphs += [attribute.g] if attribute.HasField("g") else []
                graphs += attribute.graphs
        if graphs:
            graph: GraphProto = graphs.pop()
            yield from graph.initializer
            yield from (None for _ in graph.sparse_initializer)
            nodes += graph.node


def _weights(attribute: AttributeProto) -> Iterator[TensorProto | None]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    if attribute.HasField("sparse_tensor"):
        yield None
    yield from (None for _ in attribute.sparse_tensors)
