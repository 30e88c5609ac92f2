"""A manifest and the answer of a YOLOX network of 32x32 pixels with three classes."""

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest
from tests.support.tiny_onnx import constant_network

CLASSES = ("person", "car", "dog")


def tiny_manifest(**changes: object) -> Manifest:
    """The manifest, with top-level keys changed."""
    content: dict[str, object] = {
        "name": "tiny",
        "version": "1",
        "input": {"width": 32, "height": 32, "resize": {"mode": "letterbox"}},
        "head": {"family": "yolox", "strides": [16]},
        "classes": CLASSES,
        "thresholds": {"confidence": 0.5, "nms_iou": 0.5},
        "licence": "Apache-2.0",
        "source": "made for tests",
        "sha256": "0" * 64,
    }
    return Manifest.model_validate({**content, **changes})


def tiny_answer(class_id: int = 0, score: float = 0.9) -> NDArray[np.float32]:
    """(1, 4, 8): one box of 16x16 in the middle of the input, all else unlikely."""
    answer = np.zeros((1, 4, 5 + len(CLASSES)), np.float32)
    answer[0, 0, :5] = 1, 1, 0, 0, score
    answer[0, 0, 5 + class_id] = 1
    return answer


def write_tiny_model(folder: Path, class_id: int = 0) -> Path:
    """A manifest `tiny.yaml` beside its network `tiny.onnx`, which sees one box."""
    folder.mkdir(parents=True, exist_ok=True)
    onnx = constant_network((1, 3, 32, 32), tiny_answer(class_id))
    (folder / "tiny.onnx").write_bytes(onnx)
    manifest = tiny_manifest(sha256=hashlib.sha256(onnx).hexdigest())
    path = folder / "tiny.yaml"
    path.write_text(manifest.model_dump_json())
    return path
