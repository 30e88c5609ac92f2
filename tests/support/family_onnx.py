"""A small network of every family, whatever it is shown, with one object in the middle.

Made by the `onnx` package from the layouts of `models.families`; the picture is 64x64, and the
object, where a family has one, a box of 32x32 around (32, 32) of class 1 with score 0.9.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

SIDE = 64
CLASSES = 80
MIDDLE = (32.0, 32.0, 32.0, 32.0)
"""cx, cy, w, h in px."""


@dataclass(frozen=True)
class Network:
    """A family's network and what `inspect` should believe of it.

    Attributes:
        outputs: by name, what it returns.
        last: by name, the operator that ends it; Identity where none is named.
        head: some of what the draft's `head` should hold.
        seen: what `predict` should report.
        metadata: left in the file.
    """

    name: str
    outputs: Mapping[str, NDArray[Any]]
    head: Mapping[str, Any]
    seen: str
    classes: int = CLASSES
    last: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def model(self) -> ModelProto:
        """The ONNX model."""
        return network(self.outputs, self.last, self.metadata)


def network(
    outputs: Mapping[str, NDArray[Any]],
    last: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """A network with one input of 1x3x64x64 float32, which returns the same to every picture."""
    last = last or {}
    constants = [numpy_helper.from_array(value, f"{name}_is") for name, value in outputs.items()]
    nodes = [
        helper.make_node(last.get(name, "Identity"), [f"{name}_is"], [name]) for name in outputs
    ]
    graph = helper.make_graph(
        nodes, "family",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIDE, SIDE))],
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in outputs.items()
        ],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata:
        helper.set_model_props(model, dict(metadata))
    return model


def _zeros(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def _made(shape: tuple[int, ...], fill: Callable[[NDArray[np.float32]], None]) -> Any:
    array = _zeros(*shape)
    fill(array)
    return array


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _yolox(rows: NDArray[np.float32]) -> None:
    rows[0, 4 * 8 + 4, :6] = 0, 0, np.log(4), np.log(4), 0.9, 0
    rows[0, 4 * 8 + 4, 6] = 1


def _yolov5(rows: NDArray[np.float32]) -> None:
    rows[0, 0, :7] = *MIDDLE, 0.9, 0, 1


def _yolov5_raw() -> dict[str, NDArray[np.float32]]:
    grids = {f"grid{s}": _zeros(1, 3, SIDE // s, SIDE // s, 5 + CLASSES) - 20 for s in (8, 16, 32)}
    grids["grid16"][0, 0, 2, 2, :5] = _logit(0.25), _logit(0.25), 0, 0, _logit(0.9)
    grids["grid16"][0, 0, 2, 2, 6] = 20
    return grids


def _yolov8(channels: NDArray[np.float32]) -> None:
    channels[0, :4, 3] = MIDDLE
    channels[0, 5, 3] = 0.9


def _masked() -> dict[str, NDArray[np.float32]]:
    found = _made((1, 4 + CLASSES + 32, 84), _yolov8)
    found[0, -32, 3] = 1
    return {"output0": found, "output1": _zeros(1, 32, 16, 16) + 1}


def _nanodet(rows: NDArray[np.float32]) -> None:
    rows[0, 4 * 8 + 4, 1] = 0.9
    for side in range(4):
        rows[0, 4 * 8 + 4, CLASSES + 8 * side + 2] = 50


def _fastestdet(grid: NDArray[np.float32]) -> None:
    grid[0, :7, 2, 2] = 0.9, 0, 0, 0, 0, 0, 0.9


def _ends(rows: NDArray[np.float32]) -> None:
    rows[0, 0] = 16, 16, 48, 48, 0.9, 1


def _joined(rows: NDArray[np.float32]) -> None:
    rows[0, 7, :4] = 0.5
    rows[0, 7, 5] = 0.9


def _boxes(queries: int) -> NDArray[np.float32]:
    return np.full((1, queries, 4), 0.5, np.float32)


def _ssd(*, batched: bool) -> dict[str, NDArray[Any]]:
    boxes = np.array([[0.25, 0.25, 0.75, 0.75]], np.float32)
    labels, scores = np.array([2], np.int64), np.array([0.9], np.float32)
    if not batched:
        return {"boxes": boxes * 64, "labels": labels, "scores": scores}
    return {
        "detection_boxes": boxes[None], "detection_classes": labels[None].astype(np.float32),
        "detection_scores": scores[None], "num_detections": np.array([1], np.float32),
    }  # fmt: skip


def _logits(queries: int, count: int) -> NDArray[np.float32]:
    logits = _zeros(1, queries, count) - 20
    logits[0, :, -1] = 20
    logits[0, 0, 1], logits[0, 0, -1] = _logit(0.9), _logit(0.1)
    return logits


ONE = "1 class-1"
NETWORKS = (
    Network("yolox", {"output": _made((1, 84, 85), _yolox)}, {"family": "yolox"}, ONE),
    Network("yolov5", {"output0": _made((1, 252, 85), _yolov5)}, {"family": "yolov5"}, ONE),
    Network("yolov5-raw", _yolov5_raw(), {"family": "yolov5", "strides": [8, 16, 32]}, ONE),
    Network("yolov8", {"output0": _made((1, 24, 84), _yolov8)}, {"family": "yolov8"}, ONE,
            classes=20),
    Network("yolov8-named", {"output0": _made((1, 6, 84), _yolov8)}, {"family": "yolov8"},
            "1 tv-one", classes=2,
            metadata={"names": "{0: 'Traffic light', 1: 'TV'}", "task": "detect"}),
    Network("yolov8-seg", _masked(), {"family": "yolov8", "masks": 32, "mask_stride": 4}, ONE),
    Network("yolov10", {"output0": _made((1, 300, 6), _ends)}, {"family": "yolov10"}, ONE),
    Network("nanodet-plus", {"output": _made((1, 85, CLASSES + 32), _nanodet)},
            {"family": "nanodet", "max_distance": 7, "centred": False}, ONE),
    Network("nanodet", {"output": _made((1, 84, CLASSES + 32), _nanodet)},
            {"family": "nanodet", "max_distance": 7, "centred": True}, ONE),
    Network("fastestdet", {"758": _made((1, 85, 4, 4), _fastestdet)},
            {"family": "fastestdet"}, ONE),
    Network("ssd-tensorflow", _ssd(batched=True), {"family": "ssd", "corners": "yxyx"}, ONE,
            classes=90),
    Network("ssd-torchvision", _ssd(batched=False),
            {"family": "ssd", "batched": False, "order": ["boxes", "classes", "scores"]}, ONE),
    Network("detr", {"pred_logits": _logits(100, 81), "pred_boxes": _boxes(100)},
            {"family": "detr", "activation": "softmax"}, ONE),
    Network("rt-detr", {"boxes": _boxes(300), "scores": _logits(300, 81)[..., :80]},
            {"family": "detr", "activation": "none", "order": ["boxes", "scores"]}, ONE,
            last={"scores": "Sigmoid"}),
    Network("rt-detr-joined", {"output0": _made((1, 300, 84), _joined)},
            {"family": "detr", "order": []}, ONE),
    Network("segmentation", {"out": _made((1, 4, 32, 32), lambda a: a[0, 2].fill(1))},
            {"family": "segmentation", "kind": "logits"},
            "class-0 0.0%, class-1 100.0%, class-2 0.0%", classes=3),
    Network("two-maps", {"da": _zeros(1, 2, 64, 64), "ll": _zeros(1, 1, 64, 64) + 1},
            {"family": "segmentation"}, "class-0 0.0%, class-1 100.0%", classes=2),
    Network("labels", {"mask": np.ones((1, 64, 64), np.int64)},
            {"family": "segmentation", "kind": "labels"}, "class-0 100.0%", classes=1),
    Network("classification", {"logits": _made((1, 10), lambda a: a[0, 1:2].fill(9))},
            {"family": "classification", "activation": "softmax"}, ONE, classes=10),
    Network("probabilities", {"scores": _made((1, 10), lambda a: a[0, 1:2].fill(9))},
            {"family": "classification", "activation": "none"}, ONE, classes=10,
            last={"scores": "Softmax"}),
)  # fmt: skip
