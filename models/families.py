"""Families of networks: how their raw outputs read, as a manifest's `head` says it.

family           task                     decoder
yolox            detection                heads/yolox.py
yolov5           detection                heads/yolov5.py     YOLOv5, YOLOv7
yolov8           detection, with masks    heads/yolov8.py     YOLOv8, YOLOv9, YOLO11, their -seg
yolov10          detection                heads/yolov10.py    no NMS
nanodet          detection                heads/nanodet.py    NanoDet, NanoDet-Plus, GFL
fastestdet       detection                heads/fastestdet.py
ssd              detection                heads/ssd.py        NMS in the graph
detr             detection                heads/detr.py       DETR, RT-DETR
segmentation     areas by class           heads/segmentation.py
classification   the picture's class      heads/classification.py
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Task = Literal["detection", "instance-segmentation", "segmentation", "classification"]

Stride = Annotated[int, Field(ge=1, le=256)]
Strides = Annotated[tuple[Stride, ...], Field(min_length=1, max_length=8)]
Pixels = Annotated[float, Field(gt=0.0, le=8192.0)]
Anchor = tuple[Pixels, Pixels]


class Family(BaseModel):
    """What every head says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @property
    def task(self) -> Task:
        """What the network is for."""
        return "detection"

    @property
    def divides_input(self) -> tuple[int, ...]:
        """Numbers of which the input's sides must be multiples."""
        return ()


class YoloxHead(Family):
    """YOLOX: anchor-free, raw centres and log sizes at several strides."""

    family: Literal["yolox"]
    strides: Strides = (8, 16, 32)

    @property
    def divides_input(self) -> tuple[int, ...]:
        """Every stride."""
        return self.strides


class FastestDetHead(Family):
    """FastestDet: one grid; score = objectness ** a * class ** b."""

    family: Literal["fastestdet"]
    stride: Stride = 16
    objectness_exponent: float = Field(0.6, gt=0.0, le=4.0)
    class_exponent: float = Field(0.4, gt=0.0, le=4.0)

    @property
    def divides_input(self) -> tuple[int, ...]:
        """The stride."""
        return (self.stride,)


class YoloV5Head(Family):
    """YOLOv5 and YOLOv7: boxes from anchors, with an objectness.

    Exported whole, the graph decodes the boxes and puts the strides one after the other. Where
    it does not, each stride is an output of its own, and `anchors` names its boxes.
    """

    family: Literal["yolov5"]
    strides: Strides = (8, 16, 32)
    boxes_per_cell: int = Field(3, ge=1, le=16)
    anchors: tuple[tuple[Anchor, ...], ...] = Field(
        (), description="by stride, width and height in px; empty: the graph decodes"
    )

    @property
    def divides_input(self) -> tuple[int, ...]:
        """Every stride."""
        return self.strides

    @model_validator(mode="after")
    def _anchors_fit(self) -> "YoloV5Head":
        if self.anchors and [len(of) for of in self.anchors] != [self.boxes_per_cell] * len(
            self.strides
        ):
            raise ValueError(
                f"anchors: {len(self.strides)} strides need as many lists of "
                f"{self.boxes_per_cell}, got lists of {[len(of) for of in self.anchors]}"
            )
        return self


class YoloV8Head(Family):
    """YOLOv8, YOLOv9 and YOLO11: boxes decoded in the graph, a row of scores for each class."""

    family: Literal["yolov8"]
    strides: Strides = (8, 16, 32)
    masks: int = Field(0, ge=0, le=256, description="prototypes of the -seg networks; 0: no masks")
    mask_stride: Stride = Field(4, description="px of the input for one of a prototype")

    @property
    def task(self) -> Task:
        """With masks, instance segmentation."""
        return "instance-segmentation" if self.masks else "detection"

    @property
    def divides_input(self) -> tuple[int, ...]:
        """Every stride."""
        return (*self.strides, self.mask_stride) if self.masks else self.strides


class YoloV10Head(Family):
    """YOLOv10 and whatever else is exported end to end: as many boxes as the graph chose."""

    family: Literal["yolov10"]


SsdOutput = Literal["boxes", "scores", "classes", "count"]


class SsdHead(Family):
    """SSD, and other networks with NMS in the graph: boxes, scores and classes as outputs."""

    family: Literal["ssd"]
    order: tuple[SsdOutput, ...] = Field(
        ("boxes", "classes", "scores", "count"), description="of the network's outputs"
    )
    corners: Literal["yxyx", "xyxy"] = "yxyx"
    normalised: bool = Field(True, description="boxes in [0, 1] of the input; else in its px")
    first_class: int = Field(
        1, ge=0, le=1, description="number of the first class; 1 where 0 is the background"
    )
    batched: bool = Field(True, description="outputs begin with a dimension of 1")

    @model_validator(mode="after")
    def _order_is_whole(self) -> "SsdHead":
        named = sorted(self.order)
        if named not in (["boxes", "classes", "scores"], ["boxes", "classes", "count", "scores"]):
            raise ValueError("order: must name boxes, scores and classes once, and count at most")
        return self


class DetrHead(Family):
    """DETR and RT-DETR: a set of boxes, none of which stands twice."""

    family: Literal["detr"]
    order: tuple[Literal["scores", "boxes"], ...] = Field(
        ("scores", "boxes"), description="of the outputs; empty: one output, boxes before scores"
    )
    activation: Literal["softmax", "sigmoid", "none"] = Field(
        "softmax", description="still to be done; with softmax the last score is of no object"
    )

    @model_validator(mode="after")
    def _order_is_whole(self) -> "DetrHead":
        if sorted(self.order) not in ([], ["boxes", "scores"]):
            raise ValueError("order: must name scores and boxes once, or be empty")
        return self


class NanoDetHead(Family):
    """NanoDet, NanoDet-Plus and GFL: distances to a box's sides as distributions."""

    family: Literal["nanodet"]
    strides: Strides = (8, 16, 32, 64)
    max_distance: int = Field(7, ge=1, le=64, description="in strides; the authors' reg_max")
    centred: bool = Field(
        False, description="a box lies around its cell's centre (NanoDet), not corner (Plus)"
    )


class SegmentationHead(Family):
    """Semantic segmentation: for each output, one class for each pixel."""

    family: Literal["segmentation"]
    outputs: tuple[tuple[str | None, ...], ...] = Field(
        min_length=1, max_length=16,
        description="by output, the class of each channel or label; null: nothing of interest",
    )  # fmt: skip
    kind: Literal["logits", "labels"] = Field(
        "logits", description="labels: the graph ends with its argmax"
    )
    positive_above: float = Field(
        0.0, description="of an output with one channel: its class is where this is exceeded"
    )

    @property
    def task(self) -> Task:
        """Areas by class."""
        return "segmentation"

    @model_validator(mode="after")
    def _outputs_hold_something(self) -> "SegmentationHead":
        for number, channels in enumerate(self.outputs):
            if not any(channels):
                raise ValueError(f"outputs: output {number} has no class")
        return self


class ClassificationHead(Family):
    """Classification: one score for each class."""

    family: Literal["classification"]
    activation: Literal["softmax", "sigmoid", "none"] = Field(
        "softmax", description="still to be done to the scores"
    )

    @property
    def task(self) -> Task:
        """The picture's class."""
        return "classification"


DetectionHead = (
    YoloxHead
    | FastestDetHead
    | YoloV5Head
    | YoloV8Head
    | YoloV10Head
    | SsdHead
    | DetrHead
    | NanoDetHead
)
Head = DetectionHead | SegmentationHead | ClassificationHead
