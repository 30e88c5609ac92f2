"""A model looked at and run, in a process that a stranger's file may take down: see `worker.py`.

What is cheap and touches least comes first, and what is wrong there ends it: the graph is read
before it is checked, checked before it is loaded, and loaded before its golden pictures are run.
"""

import math
from collections.abc import Callable
from pathlib import Path

from cloud.registry.report import MAX_FINDINGS, Examined, Facts, as_line
from models.engines.loading import load_engine
from models.errors import ModelError
from models.graph.limits import Content, Limits, content_of, excesses, oversized
from models.graph.read import check_graph, parse_graph
from models.graph.shapes import with_shapes
from models.record.reading import read_record
from models.record.record import Record
from models.record.selftest import self_test

ENGINE = "onnxruntime/CPU"

Tell = Callable[[str], None]
"""Is told what begins: where the process ends there, this is what ended it."""


def examine(folder: Path, limits: Limits, tell: Tell) -> Examined:
    """Look at a record's network and run its golden pictures.

    Args:
        folder: of the record, whose files are as recorded.
        limits: of the graph.
        tell: is told what begins.
    """
    tell("reading it")
    findings: list[str] = []
    try:
        record = read_record(folder).record
        findings += _unfit(record, limits)
        if findings:
            return _examined(findings)
        path = folder / record.network
        content = _graph(path, limits, tell, findings)
        if findings:
            return _examined(findings)
        return _golden(record, folder, content, tell)
    except ModelError as error:
        return _examined([*findings, str(error)])
    except MemoryError:
        return _examined([*findings, "needs more memory than it may have"])


def _unfit(record: Record, limits: Limits) -> list[str]:
    """Why it is not even looked at."""
    found = []
    spec = record.manifest.input
    # The graph may leave its sides free; then it is the manifest that says how large they are.
    input_bytes = math.prod(spec.shape) * (1 if spec.dtype == "uint8" else 4)
    if input_bytes > limits.max_input_bytes:
        found.append(
            f"its input is of {input_bytes:,} bytes a picture, allowed are "
            f"{limits.max_input_bytes:,}"
        )
    if record.network.endswith(".tflite"):
        found.append(
            "is a TensorFlow Lite network, whose graph nobody looks into: register the ONNX file "
            "that it was converted from"
        )
    if record.golden is None:
        found.append(
            "has no golden pictures, so nobody can tell whether it does what it should: register "
            "it with --golden"
        )
    return found


def _graph(path: Path, limits: Limits, tell: Tell, findings: list[str]) -> Content:
    """What the graph holds; what is wrong with it is added to the findings."""
    tell("reading its graph")
    model = parse_graph(path)
    content = content_of(model)
    findings += excesses(model, content, limits)
    if not findings:
        tell("checking its graph")
        check_graph(path, model)
        findings += oversized(with_shapes(model), limits)
    return content


def _golden(record: Record, folder: Path, content: Content, tell: Tell) -> Examined:
    assert record.golden is not None
    tell("loading it")
    engine = load_engine(record.manifest, folder / record.network, engine=ENGINE)
    try:
        tell("running its golden pictures")
        outcome = self_test(record, folder, engine)
        facts = Facts(
            engine=engine.name, opset=content.opset, nodes=content.nodes,
            weight_bytes=content.weight_bytes, cases=outcome.cases, agreement=outcome.agreement,
            difference=outcome.difference if _is_number(outcome.difference) else None,
        )  # fmt: skip
    finally:
        engine.close()
    return _examined(outcome.problems(record.golden), facts)


def _is_number(value: float | None) -> bool:
    return value is not None and value < float("inf")


def _examined(findings: list[str], facts: Facts | None = None) -> Examined:
    return Examined(findings=tuple(map(as_line, findings[:MAX_FINDINGS])), facts=facts)
