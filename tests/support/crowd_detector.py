"""A network that takes as long as a small detector, and sees a crowd that trembles.

Its convolutions are real work on the picture; what they come to moves its boxes a little, so that
tracks, rules and events have something to do as well.
"""

import hashlib
from pathlib import Path

import numpy as np

from tests.support.tiny_detector import CLASSES, tiny_manifest
from tests.support.tiny_onnx import Node, onnx_bytes

SIDE_PX = 160
STRIDE_PX = 16
CHANNELS = 32
LAYERS = 3
"""About as much work as YOLOX-nano at 416."""

_CELLS = SIDE_PX // STRIDE_PX


def write_crowd_model(folder: Path, objects: int = 8) -> Path:
    """A manifest `crowd.yaml` and its network, which sees so many objects; returns the file."""
    rng = np.random.default_rng(1)
    answer = np.zeros((1, _CELLS**2, 5 + len(CLASSES)), np.float32)
    cells = rng.choice(_CELLS**2, objects, replace=False)
    answer[0, cells, 4] = 0.9
    answer[0, cells, 5 + rng.integers(len(CLASSES), size=objects)] = 1
    moves = np.zeros_like(answer)
    moves[0, cells, :2] = rng.normal(0, 0.5, (objects, 2))
    constants = {"answer": answer, "moves": moves}
    nodes, last = [], "input"
    for layer in range(LAYERS):
        weights = (CHANNELS, 3 if layer == 0 else CHANNELS, 3, 3)
        constants[f"w{layer}"] = rng.normal(0, 0.05, weights).astype(np.float32)
        nodes += [
            Node("Conv", (last, f"w{layer}"), f"c{layer}"),
            Node("Tanh", (f"c{layer}",), f"t{layer}"),
        ]
        last = f"t{layer}"
    nodes += [
        Node("ReduceMean", (last,), "mean"),
        Node("Squeeze", ("mean",), "level"),
        Node("Mul", ("level", "moves"), "shift"),
        Node("Add", ("answer", "shift"), "output"),
    ]
    shape = (1, 3, SIDE_PX, SIDE_PX)
    onnx = onnx_bytes(nodes, {"input": shape}, {"output": answer.shape}, constants)
    (folder / "crowd.onnx").write_bytes(onnx)
    manifest = tiny_manifest(
        name="crowd",
        sha256=hashlib.sha256(onnx).hexdigest(),
        input={"width": SIDE_PX, "height": SIDE_PX, "resize": {"mode": "letterbox"}},
        head={"family": "yolox", "strides": [STRIDE_PX]},
    )
    path = folder / "crowd.yaml"
    path.write_text(manifest.model_dump_json())
    return path
