"""The family that a network's outputs look like, and why.

Families differ in the shapes of their outputs, and these in what the input's size and the
strides make of them; where two would fit, names and the last operator decide. It is a belief: a
manifest that it was written into is there to be read by a person.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onnx import ModelProto

from models.graph.shapes import Tensor, inputs, outputs

_YOLOV5_ANCHORS = [
    [[10, 13], [16, 30], [33, 23]],
    [[30, 61], [62, 45], [59, 119]],
    [[116, 90], [156, 198], [373, 326]],
]
_MAX_QUERIES = 1000
_MAX_NAMES = 4096


@dataclass(frozen=True, slots=True)
class Belief:
    """A family, and what makes us think so.

    Attributes:
        head: as a manifest's `head`.
        classes: how many.
        reason: in words.
    """

    head: Mapping[str, Any]
    classes: int
    reason: str


def recognise(model: ModelProto) -> Belief | None:
    """The family of a network that takes one picture; None where its outputs look like none."""
    taken, made = inputs(model), outputs(model)
    size = picture_size(taken)
    if size is None or not made or any(one.shape is None for one in made):
        return None
    looks = _Looks(model, size[0], size[1], made)
    for find in (_sets, _rows, _channels, _yolov5_raw, _ssd, _detr, _areas, _classes):
        belief = find(looks)
        if belief is not None:
            return belief
    return None


def picture_size(taken: Sequence[Tensor]) -> tuple[int, int] | None:
    """Width and height of the one input (1, 3, height, width); None where it is another one."""
    if len(taken) != 1 or taken[0].shape is None or len(taken[0].shape) != 4:
        return None
    _, channels, height, width = taken[0].shape
    return (width, height) if channels == 3 and width and height else None


def class_names(model: ModelProto) -> Sequence[str] | None:
    """Names that the exporter left in the file, as ultralytics does: `names`, number to name."""
    for entry in model.metadata_props:
        if entry.key == "names" and len(entry.value) < 200_000:
            try:
                names = ast.literal_eval(entry.value)
                values = [names[key] for key in sorted(names)] if isinstance(names, dict) else names
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                return None
            if isinstance(values, list) and 0 < len(values) <= _MAX_NAMES:
                return [str(value) for value in values]
    return None


@dataclass(frozen=True, slots=True)
class _Looks:
    """What there is to go by."""

    model: ModelProto
    width: int
    height: int
    made: Sequence[Tensor]

    def cells(self, *strides: int) -> int:
        """Cells of grids of these strides, with those that stick out."""
        return sum(-(-self.width // s) * -(-self.height // s) for s in strides)

    def shape(self, number: int = 0) -> tuple[int | None, ...]:
        """Of an output, free first dimensions taken as 1."""
        shape = self.made[number].shape
        assert shape is not None
        return (1, *shape[1:]) if len(shape) > 1 and shape[0] is None else shape

    def last_operator(self, number: int = 0) -> str:
        """What makes an output."""
        name = self.made[number].name
        return next((n.op_type for n in self.model.graph.node if name in n.output), "")


def _sets(looks: _Looks) -> Belief | None:
    """One output of few rows: chosen by the graph already."""
    if len(looks.made) != 1 or len(looks.shape()) != 3:
        return None
    _, rows, width = looks.shape()
    few = rows is None or (rows <= _MAX_QUERIES and rows not in _grids(looks))
    if width == 6 and few:
        count = "?" if rows is None else rows
        return Belief({"family": "yolov10"}, _named(looks, 80), f"{count} rows of 6: a box's "
                      "edges, its score and its class, chosen by the graph")  # fmt: skip
    if rows == 300 and width is not None and width > 6:
        head = {"family": "detr", "order": [], "activation": "none"}
        return Belief(head, width - 4, f"300 rows of 4 + {width - 4}: RT-DETR's queries, box "
                      "before scores, as ultralytics exports them")  # fmt: skip
    return None


def _grids(looks: _Looks) -> set[int]:
    three = looks.cells(8, 16, 32)
    return {three, 3 * three, looks.cells(8, 16, 32, 64), 3 * looks.cells(8, 16, 32, 64)}


def _rows(looks: _Looks) -> Belief | None:
    """One output with a row for each cell, or each anchor of a cell."""
    if len(looks.made) != 1 or len(looks.shape()) != 3:
        return None
    _, rows, width = looks.shape()
    if rows is None or width is None or width < 6:
        return None
    for strides in ([8, 16, 32], [8, 16, 32, 64]):
        cells = looks.cells(*strides)
        told = f"{rows} rows, as many as cells of strides {', '.join(map(str, strides))}"
        if rows == 3 * cells:
            head: dict[str, Any] = {"family": "yolov5", "strides": strides}
            return Belief(head, width - 5, f"{told}, three times: anchors, decoded; each "
                          f"with box, objectness and {width - 5} classes")  # fmt: skip
        distances = _gfl_distances(looks, width)
        if rows == cells and distances is not None and (len(strides) == 4 or not _is_yolox(looks)):
            head = {"family": "nanodet", "strides": strides, "max_distance": distances,
                    "centred": len(strides) == 3}  # fmt: skip
            classes = width - 4 * (distances + 1)
            return Belief(head, classes, f"{told}; each with {classes} classes and 4 "
                          f"distributions over {distances + 1} distances")  # fmt: skip
        if rows == cells:
            return Belief({"family": "yolox", "strides": strides}, width - 5, f"{told}; each with "
                          f"box, objectness and {width - 5} classes")  # fmt: skip
    return None


def _gfl_distances(looks: _Looks, width: int) -> int | None:
    """The authors' reg_max for which the width leaves as many classes as are named, or usual."""
    named = _named(looks, 0)
    for distances in (7, 10, 16):
        classes = width - 4 * (distances + 1)
        if classes > 0 and (classes == named if named else classes in (80, 20, 1)):
            return distances
    return None


def _is_yolox(looks: _Looks) -> bool:
    """The sizes of YOLOX's data sets; a NanoDet of as many columns would have none of them."""
    width = looks.shape()[2]
    return width in (85, 25) or (width or 0) - 5 == _named(looks, -1)


def _channels(looks: _Looks) -> Belief | None:
    """A column for each cell, as YOLOv8 has it, or a grid, as FastestDet."""
    shape = looks.shape()
    if len(shape) == 3 and shape[1] is not None and shape[2] is not None and shape[1] > 4:
        for strides in ([8, 16, 32], [8, 16, 32, 64]):
            if shape[2] == looks.cells(*strides) and len(looks.made) in (1, 2):
                return _yolov8(looks, shape[1], strides)
    is_grid = len(looks.made) == 1 and shape[2:] == (looks.height // 16, looks.width // 16)
    if is_grid and shape[1] is not None and shape[1] > 5:
        return Belief({"family": "fastestdet", "stride": 16}, shape[1] - 5, "a grid of stride 16 "
                      f"with objectness, box and {shape[1] - 5} classes")  # fmt: skip
    return None


def _yolov8(looks: _Looks, channels: int, strides: list[int]) -> Belief | None:
    head: dict[str, Any] = {"family": "yolov8", "strides": strides}
    told = f"a column for each cell of strides {', '.join(map(str, strides))}"
    if len(looks.made) == 1:
        return Belief(head, channels - 4, f"{told}, with box and {channels - 4} classes")
    prototypes = looks.shape(1)
    if len(prototypes) != 4 or not prototypes[1] or not prototypes[2]:
        return None
    head |= {"masks": prototypes[1], "mask_stride": looks.height // prototypes[2]}
    classes = channels - 4 - prototypes[1]
    return Belief(head, classes, f"{told}, with box, {classes} classes and {prototypes[1]} "
                  "weights of the second output's prototypes") if classes > 0 else None  # fmt: skip


def _yolov5_raw(looks: _Looks) -> Belief | None:
    """A grid of anchors for each stride."""
    shapes = [looks.shape(number) for number in range(len(looks.made))]
    if not shapes or any(len(shape) != 5 or not shape[2] or not shape[4] for shape in shapes):
        return None
    strides = [looks.height // (shape[2] or 1) for shape in shapes]
    per_cell, width = shapes[0][1] or 3, shapes[0][4] or 0
    head = {"family": "yolov5", "strides": strides, "boxes_per_cell": per_cell,
            "anchors": _YOLOV5_ANCHORS[: len(shapes)]}  # fmt: skip
    return Belief(head, width - 5, f"{len(shapes)} grids of {per_cell} anchors, not decoded; the "
                  "anchors are YOLOv5's: see that they are the network's own")  # fmt: skip


def _ssd(looks: _Looks) -> Belief | None:
    """Boxes, classes and scores, each an output of its own."""
    if len(looks.made) not in (3, 4):
        return None
    order = [_ssd_role(one.name, one.dtype, looks.shape(n)) for n, one in enumerate(looks.made)]
    if sorted(set(order) - {"count"}) != ["boxes", "classes", "scores"]:
        return None
    is_batched = len(looks.shape(order.index("boxes"))) == 3
    is_tensorflow = "count" in order
    head = {"family": "ssd", "order": order, "batched": is_batched, "first_class": 1,
            "corners": "yxyx" if is_tensorflow else "xyxy", "normalised": is_batched}  # fmt: skip
    return Belief(head, _named(looks, 90 if is_tensorflow else 80), "boxes, classes and scores as "
                  "outputs; see whether boxes are in px, and which edge comes first")  # fmt: skip


def _ssd_role(name: str, dtype: str, shape: tuple[int | None, ...]) -> str:
    if shape and shape[-1] == 4 and len(shape) >= 2:
        return "boxes"
    for pattern, role in (
        ("score|conf", "scores"),
        ("class|label", "classes"),
        ("num|count", "count"),
    ):
        if re.search(pattern, name, re.IGNORECASE):
            return role
    if len(shape) == 1 and shape[0] == 1:
        return "count"
    return "classes" if dtype.startswith("int") else "scores"


def _detr(looks: _Looks) -> Belief | None:
    """A set of boxes, and their scores."""
    if len(looks.made) != 2:
        return None
    shapes = [looks.shape(0), looks.shape(1)]
    if any(len(shape) != 3 for shape in shapes) or shapes[0][1] != shapes[1][1]:
        return None
    if (shapes[0][2] == 4) == (shapes[1][2] == 4):
        return None
    scores = 0 if shapes[1][2] == 4 else 1
    order = ["scores", "boxes"] if scores == 0 else ["boxes", "scores"]
    width, last = shapes[scores][2] or 0, looks.last_operator(scores)
    activation = "none" if last in ("Sigmoid", "Softmax") else "sigmoid"
    if activation == "sigmoid" and shapes[0][1] == 100:
        activation = "softmax"
    classes = width - (activation == "softmax")
    head = {"family": "detr", "order": order, "activation": activation}
    return Belief(head, classes, f"{shapes[0][1]} boxes and as many rows of scores, which end "
                  f"with {last or 'nothing'}: {activation} is left to do")  # fmt: skip


def _areas(looks: _Looks) -> Belief | None:
    """Maps over the picture."""
    shapes = [looks.shape(number) for number in range(len(looks.made))]
    if all(len(shape) == 4 and shape[1] for shape in shapes):
        channels, kind = [shape[1] or 1 for shape in shapes], "logits"
    elif all(len(shape) == 3 for shape in shapes) and all("int" in one.dtype for one in looks.made):
        channels, kind = [2 for _ in shapes], "labels"
    else:
        return None
    names: list[list[str | None]] = []
    number = 0
    for count in channels:
        of_output: list[str | None] = [] if count == 1 else [None]
        while len(of_output) < count:
            of_output.append(f"class-{number}")
            number += 1
        names.append(of_output)
    return Belief({"family": "segmentation", "outputs": names, "kind": kind}, number,
                  f"{len(shapes)} maps over the picture, of {channels} {kind}; channel 0 of more "
                  "than one is believed to be nothing")  # fmt: skip


def _classes(looks: _Looks) -> Belief | None:
    """One row of scores."""
    shape = looks.shape()
    if len(looks.made) != 1 or len(shape) != 2 or not shape[1]:
        return None
    last = looks.last_operator()
    activation = "none" if last in ("Softmax", "Sigmoid") else "softmax"
    return Belief({"family": "classification", "activation": activation}, shape[1],
                  f"one row of {shape[1]} scores, which ends with {last}")  # fmt: skip


def _named(looks: _Looks, otherwise: int) -> int:
    """How many classes the file names."""
    names = class_names(looks.model)
    return len(names) if names else otherwise
