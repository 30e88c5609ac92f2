"""A network in FP16, that is kept only when it still sees.

Its inputs and outputs stay as they are, so that nobody who runs it need know. It is made by the
converter that ONNX Runtime ships; where the pre-processing is to be baked in, that comes after
(the other way round the converter fails).

Reference: https://onnxruntime.ai/docs/performance/model-optimizations/float16.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from onnx import ModelProto, TensorProto
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.transformers.float16 import convert_float_to_float16

from models.compile.judge import Judge, Verdict
from models.compile.written import require_new, write_network
from models.detections import Image
from models.errors import GraphError
from models.evaluation.truth import Truth
from models.graph.read import read_graph
from models.graph.shapes import inputs
from models.manifest import Made, Manifest


@dataclass(frozen=True, slots=True)
class Halved:
    """What came out.

    Attributes:
        manifest: of the network that was written.
        verdict: what it reaches of what the original does.
        bytes_before: of the original's file.
        bytes_after: of what was written.
    """

    manifest: Manifest
    verdict: Verdict
    bytes_before: int
    bytes_after: int


def halve(
    manifest: Manifest,
    path: Path,
    out: Path,
    check: Sequence[Image] | Truth,
    allowed_points: float = 1.0,
) -> Halved:
    """Bring a network to FP16, and write it where it finds what the original finds.

    Args:
        manifest: of the network, in float32.
        path: its ONNX file.
        out: the ONNX file to write; its manifest is written beside it.
        check: frames on which both look, or labelled pictures.
        allowed_points: that may be lost, in hundredths.

    Raises:
        AssetError, ChecksumError: the file is not the manifest's.
        GraphError: it is not of float32, or no longer finds enough; nothing is written.
        MediaError: the frames are no pictures.
    """
    require_new(out)
    judge = Judge(manifest, path, check)
    model = read_graph(path)
    if any("QuantizeLinear" in node.op_type for node in model.graph.node):
        raise GraphError(f"{path}: is of INT8; bring its original to FP16")
    if any(weight.data_type == TensorProto.FLOAT16 for weight in model.graph.initializer):
        raise GraphError(f"{path}: is of FP16 already")
    if inputs(model)[0].dtype != "float32":
        taken = inputs(model)[0].dtype
        raise GraphError(f"{path}: takes {taken}; bring it to FP16 before `prepare`")
    with TemporaryDirectory() as folder:
        candidate = Path(folder) / "half.onnx"
        half = half_of(model)
        candidate.write_bytes(half.SerializeToString())
        verdict = judge.verdict(candidate)
    if not verdict.accepts(allowed_points):
        raise GraphError(f"{path}: in FP16 {verdict.refusal(allowed_points)}: nothing is written")
    how = Made(by="halve", frames=verdict.frames, figure=verdict.figure,
               original=verdict.original, reached=verdict.reached)  # fmt: skip
    made = write_network(manifest, half, out, "fp16", manifest.input, how)
    return Halved(made, verdict, path.stat().st_size, out.stat().st_size)


def half_of(model: ModelProto) -> ModelProto:
    """A float32 model in FP16, its inputs and outputs left as they are; the model is used up."""
    converted = ONNXModel(convert_float_to_float16(model, keep_io_types=True))
    converted.topological_sort()  # the converter appends its casts, wherever they belong
    half: ModelProto = converted.model
    return half
