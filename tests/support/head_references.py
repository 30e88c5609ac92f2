"""Each family's boxes by its authors' formula, one after the other, in float64.

What is decoded here is written as the papers and the authors' code say it, without a thought of
speed; the decoders of `models.heads` must find the same.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detections import Detections
from models.families import (
    DetrHead,
    NanoDetHead,
    SsdHead,
    YoloV5Head,
    YoloV8Head,
)
from models.heads.detr import DetrDecoder
from models.heads.nanodet import NanoDetDecoder
from models.heads.port import Head
from models.heads.ssd import SsdDecoder
from models.heads.yolov5 import YoloV5Decoder
from models.heads.yolov8 import YoloV8Decoder
from models.heads.yolov10 import YoloV10Decoder
from models.manifest import InputSpec, Letterbox

WIDTH, HEIGHT = 64, 32
SPEC = InputSpec(width=WIDTH, height=HEIGHT, resize=Letterbox())
CLASSES = 3
STRIDES = (8, 16)
ANCHORS = (((10.0, 13.0), (16.0, 30.0)), ((30.0, 61.0), (62.0, 45.0)))

Raw = NDArray[np.float32]
Box = tuple[float, float, float, float, float, int]
"""Left, top, right, bottom in px of the input; score; class."""


@dataclass(frozen=True)
class Reference:
    """A decoder, raw outputs for it by seed, and the boxes that they stand for."""

    name: str
    decoder: Head[Detections]
    outputs: Callable[[np.random.Generator], list[Raw]]
    boxes: Callable[[Sequence[Raw]], list[Box]]
    suppresses: bool = True


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def softmax(values: Sequence[float]) -> list[float]:
    powers = [math.exp(value) for value in values]
    return [power / sum(powers) for power in powers]


def around(cx: float, cy: float, w: float, h: float) -> tuple[float, float, float, float]:
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def best(scores: Sequence[float]) -> tuple[float, int]:
    score = max(scores)
    return score, list(scores).index(score)


def grid(strides: Sequence[int]) -> list[tuple[int, int, int]]:
    """Column, row and stride of every cell."""
    return [
        (column, row, stride)
        for stride in strides
        for row in range(math.ceil(HEIGHT / stride))
        for column in range(math.ceil(WIDTH / stride))
    ]


def rows_of(output: Raw) -> list[list[float]]:
    rows: list[list[float]] = output.astype(np.float64).reshape(-1, output.shape[-1]).tolist()
    return rows


def boxes_in_px(random: np.random.Generator, count: int) -> NDArray[Any]:
    """(count, 4): cx, cy, w, h."""
    centre = random.uniform([0, 0], [WIDTH, HEIGHT], (count, 2))
    return np.concatenate([centre, random.uniform(2, 30, (count, 2))], axis=1)


def f32(*arrays: NDArray[Any]) -> list[Raw]:
    return [array.astype(np.float32) for array in arrays]


def yolov5() -> Reference:
    count = 2 * (8 * 4 + 4 * 2)

    def outputs(random: np.random.Generator) -> list[Raw]:
        found = random.uniform(0, 1, (count, 1 + CLASSES))
        return f32(np.concatenate([boxes_in_px(random, count), found], axis=1)[None])

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        found: list[Box] = []
        for cx, cy, w, h, objectness, *classes in rows_of(raw[0]):
            score, class_id = best(classes)
            found.append((*around(cx, cy, w, h), score * objectness, class_id))
        return found

    head = YoloV5Head(family="yolov5", strides=STRIDES, boxes_per_cell=2)
    return Reference("yolov5", YoloV5Decoder(head, SPEC, CLASSES), outputs, boxes)


def yolov5_raw() -> Reference:
    shapes = [(1, 2, HEIGHT // stride, WIDTH // stride, 5 + CLASSES) for stride in STRIDES]

    def outputs(random: np.random.Generator) -> list[Raw]:
        return f32(*[random.normal(0, 1.5, shape) for shape in shapes])

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        found: list[Box] = []
        for output, stride, anchors in zip(raw, STRIDES, ANCHORS, strict=True):
            for anchor, row, column in np.ndindex(*output.shape[1:4]):
                share = [sigmoid(float(x)) for x in output[0, anchor, row, column]]
                cx = (share[0] * 2 - 0.5 + column) * stride
                cy = (share[1] * 2 - 0.5 + row) * stride
                w = (share[2] * 2) ** 2 * anchors[anchor][0]
                h = (share[3] * 2) ** 2 * anchors[anchor][1]
                score, class_id = best(share[5:])
                found.append((*around(cx, cy, w, h), score * share[4], class_id))
        return found

    head = YoloV5Head(family="yolov5", strides=STRIDES, boxes_per_cell=2, anchors=ANCHORS)
    return Reference("yolov5 raw", YoloV5Decoder(head, SPEC, CLASSES), outputs, boxes)


def yolov8() -> Reference:
    count = 8 * 4 + 4 * 2

    def outputs(random: np.random.Generator) -> list[Raw]:
        found = random.uniform(0, 1, (count, CLASSES))
        return f32(np.concatenate([boxes_in_px(random, count), found], axis=1).T[None])

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        found: list[Box] = []
        for cx, cy, w, h, *classes in rows_of(raw[0][0].T):
            found.append((*around(cx, cy, w, h), *best(classes)))
        return found

    head = YoloV8Head(family="yolov8", strides=STRIDES)
    return Reference("yolov8", YoloV8Decoder(head, SPEC, CLASSES), outputs, boxes)


def yolov10() -> Reference:
    def outputs(random: np.random.Generator) -> list[Raw]:
        edges = [around(*box) for box in boxes_in_px(random, 30)]
        score, class_id = random.uniform(0, 1, (30, 1)), random.integers(-1, CLASSES + 1, (30, 1))
        return f32(np.concatenate([edges, score, class_id], axis=1)[None])

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        return [
            (left, top, right, bottom, score, int(class_id))
            for left, top, right, bottom, score, class_id in rows_of(raw[0])
            if 0 <= class_id < CLASSES
        ]

    return Reference("yolov10", YoloV10Decoder(CLASSES), outputs, boxes, suppresses=False)


def nanodet(*, centred: bool) -> Reference:
    head = NanoDetHead(family="nanodet", strides=(8, 24), max_distance=4, centred=centred)
    places = grid(head.strides)

    def outputs(random: np.random.Generator) -> list[Raw]:
        classes = random.uniform(0, 1, (len(places), CLASSES))
        logits = random.normal(0, 2, (len(places), 4 * 5))
        return f32(np.concatenate([classes, logits], axis=1)[None])

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        found: list[Box] = []
        for (column, row, stride), values in zip(places, rows_of(raw[0]), strict=True):
            x, y = (column + centred / 2) * stride, (row + centred / 2) * stride
            sides = []
            for side in range(4):
                shares = softmax(values[CLASSES + 5 * side : CLASSES + 5 * (side + 1)])
                sides.append(sum(i * share for i, share in enumerate(shares)) * stride)
            left, top, right, bottom = sides
            edges = x - left, y - top, x + right, y + bottom
            found.append((*edges, *best(values[:CLASSES])))
        return found

    name = "nanodet" if centred else "nanodet plus"
    return Reference(name, NanoDetDecoder(head, SPEC, CLASSES), outputs, boxes)


def ssd(*, tensorflow: bool) -> Reference:
    head = SsdHead(family="ssd") if tensorflow else SsdHead(
        family="ssd", order=("boxes", "scores", "classes"), corners="xyxy", normalised=False,
        first_class=0, batched=False,
    )  # fmt: skip
    size = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])

    def outputs(random: np.random.Generator) -> list[Raw]:
        edges = np.array([around(*box) for box in boxes_in_px(random, 20)])
        scores = random.uniform(0, 1, 20)
        classes = random.integers(0, CLASSES + 1, 20)
        if tensorflow:
            boxes = (edges / size)[:, [1, 0, 3, 2]]
            return f32(boxes[None], classes[None], scores[None], np.array([15]))
        return f32(edges, scores, classes)

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        found: list[Box] = []
        values = [array.astype(np.float64) for array in raw]
        if tensorflow:
            edges, classes, scores = (array[0, :15] for array in values[:3])
            edges = edges[:, [1, 0, 3, 2]] * size
        else:
            edges, scores, classes = values
        for (left, top, right, bottom), score, number in zip(edges, scores, classes, strict=True):
            class_id = int(number) - (1 if tensorflow else 0)
            if 0 <= class_id < CLASSES:
                found.append((left, top, right, bottom, score, class_id))
        return found

    name = "ssd tensorflow" if tensorflow else "ssd in px"
    return Reference(name, SsdDecoder(head, CLASSES), outputs, boxes, suppresses=False)


def detr(name: str, head: DetrHead) -> Reference:
    queries = 25

    def outputs(random: np.random.Generator) -> list[Raw]:
        boxes = boxes_in_px(random, queries) / np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
        count = CLASSES + (head.activation == "softmax")
        scores = random.normal(0, 2, (queries, count))
        if head.activation == "none":
            scores = random.uniform(0, 1, (queries, count))
        named = {"boxes": boxes[None], "scores": scores[None]}
        joined = np.concatenate([boxes, scores], axis=1)[None]
        return f32(*([named[one] for one in head.order] or [joined]))

    def boxes(raw: Sequence[Raw]) -> list[Box]:
        named = dict(zip(head.order, raw, strict=False))
        found: list[Box] = []
        for (cx, cy, w, h), values in zip(
            rows_of(named.get("boxes", raw[0][..., :4])),
            rows_of(named.get("scores", raw[0][..., 4:])), strict=True,
        ):  # fmt: skip
            if head.activation == "softmax":
                values = softmax(values)[:CLASSES]
            elif head.activation == "sigmoid":
                values = [sigmoid(value) for value in values]
            edges = around(cx * WIDTH, cy * HEIGHT, w * WIDTH, h * HEIGHT)
            found.append((*edges, *best(values)))
        return found

    return Reference(name, DetrDecoder(head, CLASSES), outputs, boxes, suppresses=False)


REFERENCES = (
    yolov5(), yolov5_raw(), yolov8(), yolov10(), nanodet(centred=False), nanodet(centred=True),
    ssd(tensorflow=True), ssd(tensorflow=False),
    detr("detr", DetrHead(family="detr")),
    detr("rt-detr", DetrHead(family="detr", order=("boxes", "scores"), activation="sigmoid")),
    detr("rt-detr joined", DetrHead(family="detr", order=(), activation="none")),
)  # fmt: skip
