"""A network in INT8, by calibration, that is kept only when it still sees (static QDQ).

Weights by channel and activations by tensor, symmetric, as TensorRT takes them. Layers that the
quantisation hurts most are left in floating point until the gate is passed, or nothing is left
to try; then it is refused, and the report says which layers hurt.

Reference: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from onnx import ModelProto, version_converter
from onnxruntime import quantization
from onnxruntime.quantization import qdq_loss_debug

from models.compile.fold import folded
from models.compile.judge import Judge, Verdict
from models.compile.pictures import require_pictures
from models.compile.written import require_new, write_network
from models.detections import Image
from models.errors import GraphError, MediaError
from models.evaluation.truth import Truth
from models.graph.read import read_graph
from models.graph.shapes import inputs, with_shapes
from models.manifest import Made, Manifest
from models.preprocess import Preprocessor

Method = Literal["minmax", "entropy", "percentile"]

_METHODS: Mapping[Method, Any] = {
    "minmax": quantization.CalibrationMethod.MinMax,
    "entropy": quantization.CalibrationMethod.Entropy,
    "percentile": quantization.CalibrationMethod.Percentile,
}
_OPERATORS = ["Conv", "ConvTranspose", "Gemm", "MatMul"]
_OPSET = 13
_MEASURED_FRAMES = 2
"""On which the layers' losses are measured: all tensors of these stand in memory at once."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is demanded of an INT8 network.

    Attributes:
        allowed_points: that may be lost against the original, in hundredths.
        rounds: how often further layers are left out before it is refused.
        share: of the layers that each round leaves out, at most.
    """

    allowed_points: float = 5.0
    rounds: int = 4
    share: float = 0.08


@dataclass(frozen=True, slots=True)
class Quantised:
    """What came out.

    Attributes:
        manifest: of the network that was written.
        verdict: what it reaches of what the original does.
        left_out: layers that stay in floating point, with the decibels of signal to noise that
            they had in INT8.
        bytes_before: of the original's file.
        bytes_after: of what was written.
    """

    manifest: Manifest
    verdict: Verdict
    left_out: Mapping[str, float]
    bytes_before: int
    bytes_after: int


def quantise(
    manifest: Manifest,
    path: Path,
    out: Path,
    calibration: Sequence[Image],
    check: Sequence[Image] | Truth,
    method: Method = "minmax",
    gate: Gate | None = None,
) -> Quantised:
    """Quantise a network, and write it where it passes the gate.

    Args:
        manifest: of the network, in floating point.
        path: its ONNX file.
        out: the ONNX file to write; its manifest is written beside it.
        calibration: frames by which the ranges are chosen.
        check: other frames, on which it must find what the original finds, or labelled pictures.
        method: how ranges are chosen from what the frames make.
        gate: what is demanded.

    Raises:
        AssetError, ChecksumError: the file is not the manifest's.
        GraphError: it cannot be quantised, or does not pass; nothing is written.
        MediaError: the frames are no pictures.
    """
    gate = gate or Gate()
    require_new(out)
    if not calibration or not len(check):
        raise MediaError("at least two frames are needed: one to calibrate on, one to check on")
    require_pictures(calibration)
    judge = Judge(manifest, path, check)
    with TemporaryDirectory() as folder:
        work = _Work(Path(folder), manifest, path, calibration, method)
        left_out: dict[str, float] = {}
        for number in range(gate.rounds + 1):
            model = work.quantised(list(left_out))
            verdict = judge.verdict(work.int8)
            if verdict.accepts(gate.allowed_points):
                how = Made(by="quantise", frames=verdict.frames, figure=verdict.figure,
                           original=verdict.original, reached=verdict.reached, method=method,
                           left_out=tuple(left_out))  # fmt: skip
                made = write_network(manifest, model, out, "int8", manifest.input, how)
                sizes = path.stat().st_size, out.stat().st_size
                return Quantised(made, verdict, left_out, *sizes)
            losses = work.losses()
            count = max(1, round(len(work.layers) * gate.share))
            worst = [name for name in losses if name not in left_out][:count]
            if number == gate.rounds or len(left_out) + len(worst) >= len(work.layers):
                break  # with every layer left out it would be no INT8
            left_out |= {name: losses[name] for name in worst}
    told = ", ".join(f"{name} ({value:.0f} dB)" for name, value in list(losses.items())[:5])
    raise GraphError(
        f"{path}: in INT8 {verdict.refusal(gate.allowed_points)}, with {len(left_out)} of "
        f"{len(work.layers)} layers left in floating point: nothing is written. What hurts most: "
        f"{told or 'nothing by itself'}"
    )


def require_method(text: str) -> Method:
    """The method that is called so.

    Raises:
        GraphError: none is.
    """
    for method in _METHODS:
        if method == text:
            return method
    raise GraphError(
        f"no method of calibration is called {text!r}; there are {', '.join(_METHODS)}"
    )


def _by_channel(path: Path, model: ModelProto) -> ModelProto:
    """The model in an opset that knows scales by channel.

    Raises:
        GraphError: it cannot be brought there.
    """
    if max(one.version for one in model.opset_import if not one.domain) >= _OPSET:
        return model
    try:
        return version_converter.convert_version(model, _OPSET)
    except (RuntimeError, version_converter.ConvertError) as error:
        raise GraphError(
            f"{path}: cannot be brought to opset {_OPSET}, which INT8 needs; export it so: "
            f"{' '.join(str(error).split())}"
        ) from error


class _Work:
    """One network on its way, with its files in a folder of their own.

    Attributes:
        int8: the file of the INT8 network that was made last.
        layers: names of the input and of the weights of each layer, by its name.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, path: Path, calibration: Sequence[Image],
        method: Method,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._manifest = manifest
        self._method = _METHODS[method]
        self._calibration = calibration
        self._float, self.int8 = folder / "float.onnx", folder / "int8.onnx"
        model = with_shapes(folded(_by_channel(path, read_graph(path))))
        for number, node in enumerate(model.graph.node):
            node.name = node.name or f"{node.op_type}_{number}"
        self._float.write_bytes(model.SerializeToString())
        self._input = inputs(model)[0].name
        self.layers = {
            node.name: (node.input[0], node.input[1])
            for node in model.graph.node
            if node.op_type in _OPERATORS
        }
        if not self.layers:
            raise GraphError(f"{path}: has no layer that INT8 would make faster")

    def quantised(self, left_out: Sequence[str]) -> ModelProto:
        """The network in INT8, but for some layers by name."""
        with _quiet():
            quantization.quantize_static(
                self._float, self.int8, _Reader(self._input, self._manifest, self._calibration),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=_OPERATORS,
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                nodes_to_exclude=list(left_out),
                calibrate_method=self._method,
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    # What goes into a layer is quantised, as TensorRT wants it, and not what comes
                    # out: before a SiLU that has a range of which nearly all is cut to nothing.
                    "OpTypesToExcludeOutputQuantization": _OPERATORS,
                },
            )  # fmt: skip
        return read_graph(self.int8)

    def losses(self) -> dict[str, float]:
        """Decibels of signal to noise of what goes into each layer in INT8, the worst first.

        Its own noise alone, whatever the layers before it have added: of the two, its input's and
        its weights', the worse one.
        """
        marked = self._folder / "int8-all.onnx"
        with _quiet():
            qdq_loss_debug.modify_model_output_intermediate_tensors(self.int8, marked)
            reader = _Reader(self._input, self._manifest, self._calibration[:_MEASURED_FRAMES])
            activations = qdq_loss_debug.collect_activations(str(marked), reader)
            matched = qdq_loss_debug.create_activation_matching(activations)
            of_weight = qdq_loss_debug.compute_weight_error(
                qdq_loss_debug.create_weight_matching(str(self._float), str(self.int8))
            )
        decibels = qdq_loss_debug.compute_signal_to_quantization_noice_ratio
        found = {}
        for name, (taken, weight) in self.layers.items():
            noises = [of_weight.get(weight)]
            if taken in matched:
                noises.append(decibels(matched[taken]["pre_qdq"], matched[taken]["post_qdq"]))
            known = [float(one) for one in noises if one is not None and np.isfinite(one)]
            if known:
                found[name] = min(known)
        return dict(sorted(found.items(), key=lambda one: one[1]))


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Frames as the network's inputs, one after the other."""

    def __init__(self, name: str, manifest: Manifest, frames: Sequence[Image]) -> None:
        self._name = name
        self._preprocess = Preprocessor(manifest.input)
        self._frames: Iterator[Image] = iter(frames)

    def get_next(self) -> dict[str, Any] | None:
        """The next input by name; None behind the last."""
        frame = next(self._frames, None)
        return None if frame is None else {self._name: self._preprocess(frame)[0]}


@contextmanager
def _quiet() -> Iterator[None]:
    """The library warns on the root logger of what is no news here."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
