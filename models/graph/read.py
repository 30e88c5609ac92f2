"""An ONNX file, refused where it is damaged or reaches outside of itself."""

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, checker, numpy_helper

from models.errors import GraphError, one_line

MAX_FILE_BYTES = 2**31 - 1
"""What protobuf can hold; every network for a small board is far below."""


def read_graph(path: Path) -> ModelProto:
    """The model, whole and checked: operators, types, and every weight a number.

    Raises:
        GraphError: it cannot be read or is no ONNX; an operator is unknown; a weight is damaged,
            NaN or infinite, or lies in another file. The message says which.
    """
    model = parse_graph(path)
    check_graph(path, model)
    return model


def check_graph(path: Path, model: ModelProto) -> None:
    """Return when a model that was parsed is whole; see `read_graph`.

    Raises:
        GraphError: it is not.
    """
    for tensor in weights_of(model):
        _check_weight(path, tensor)
    try:
        checker.check_model(model, full_check=True)
    except (checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise GraphError(f"{path}: {one_line(error)}") from error


def weights_of(model: ModelProto) -> list[TensorProto]:
    """Every tensor that stands in the file, whether as an initialiser or in a Constant."""
    found = list(model.graph.initializer)
    for node in model.graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    tensor = TensorProto()
                    tensor.CopyFrom(attribute.t)
                    tensor.name = node.output[0]
                    found.append(tensor)
    return found


def require_onnx(path: Path) -> None:
    """Return when a file is not of another kind by its name.

    Raises:
        GraphError: it is TensorFlow Lite's.
    """
    if path.suffix == ".tflite":
        raise GraphError(
            f"{path}: is a TensorFlow Lite file, and only ONNX files are looked into and changed; "
            "name the ONNX file that it was converted from"
        )


def parse_graph(path: Path) -> ModelProto:
    """The model as it stands in the file; nothing of it was looked at yet.

    Raises:
        GraphError: it cannot be read or is no ONNX.
    """
    require_onnx(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise GraphError(f"{path}: is larger than 2 GiB, more than one ONNX file can hold")
        data = path.read_bytes()
    except OSError as error:
        raise GraphError(f"{path}: cannot be read: {error.strerror}") from error
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise GraphError(f"{path}: is no ONNX file, or was cut off") from error
    if not model.graph.node:
        raise GraphError(f"{path}: is no ONNX file, or holds an empty network")
    return model


def _check_weight(path: Path, tensor: TensorProto) -> None:
    if tensor.data_location == TensorProto.EXTERNAL:
        where = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        raise GraphError(
            f"{path}: weight {tensor.name!r} lies in another file, {where!r}, which the manifest's "
            "sha256 would not cover: export it as one file (torch: external_data=False)"
        )
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        shape = "x".join(map(str, tensor.dims)) or "scalar"
        raise GraphError(
            f"{path}: weight {tensor.name!r} says {shape} and holds something else: the file is "
            "damaged"
        ) from error
    if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
        bad = int(np.size(values) - np.isfinite(values).sum())
        raise GraphError(
            f"{path}: weight {tensor.name!r} has {bad} values that are NaN or infinite: the "
            "network was damaged in training or export"
        )
