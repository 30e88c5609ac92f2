"""What a network expects and how its output reads: one YAML file beside each network."""

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from models.families import Head, SegmentationHead, Task
from protos.ids import check_id
from wayside import settings


def _matches(pattern: str, rule: str) -> AfterValidator:
    """Refuses a text that is not of the pattern, in words."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"must be {rule}, not {text!r}")
        return text

    return AfterValidator(check)


Id = Annotated[str, AfterValidator(check_id)]
Version = Annotated[
    str,
    _matches(
        r"[0-9A-Za-z][0-9A-Za-z.+-]{0,62}",
        "1 to 63 letters, digits, '.', '+' and '-', starting with a letter or digit",
    ),
]
Sha256 = Annotated[str, _matches(r"[0-9a-f]{64}", "64 lower-case hexadecimal digits")]
Spdx = Annotated[
    str,
    _matches(
        r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*",
        "an SPDX expression such as 'Apache-2.0' or 'MIT OR Apache-2.0'",
    ),
]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Side = Annotated[int, Field(ge=8, le=8192)]
MAX_AREA_CLASSES = 255
"""A map of areas is of bytes, and one value stands for nothing."""

Triple = tuple[float, float, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Letterbox(_Frozen):
    """The picture keeps its proportions; the rest of the input is filled."""

    mode: Literal["letterbox"] = "letterbox"
    pad_value: int = Field(114, ge=0, le=255, description="of every channel, before `scale`")
    anchor: Literal["top-left", "centre"] = Field(
        "top-left", description="where the picture lies; ultralytics: centre"
    )


class Plain(_Frozen):
    """The picture is stretched to the whole input."""

    mode: Literal["plain"] = "plain"


class CentreCrop(_Frozen):
    """The picture's middle fills the whole input; what sticks out is cut off."""

    mode: Literal["centre-crop"] = "centre-crop"
    share: float = Field(
        0.875, gt=0.0, le=1.0, description="of the picture's shorter side; 0.875 is 224 of 256"
    )


class InputSpec(_Frozen):
    """How a picture becomes the input tensor: resize, order, then `(x * scale - mean) / std`."""

    width: Side = Field(description="px")
    height: Side = Field(description="px")
    colour: Literal["bgr", "rgb"] = Field("bgr", description="order of the tensor's channels")
    layout: Literal["nchw", "nhwc"] = "nchw"
    dtype: Literal["float32", "uint8"] = Field(
        "float32", description="uint8: the graph does all but the resize (`prepare`)"
    )
    resize: Letterbox | Plain | CentreCrop = Field(discriminator="mode")
    interpolation: Literal["linear", "area"] = "linear"
    scale: float = Field(1.0, gt=0.0, description="1, or 0.00392156862745098 for 1/255")
    mean: Triple = Field((0.0, 0.0, 0.0), description="in the order of the tensor's channels")
    std: tuple[
        Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]
    ] = (1.0, 1.0, 1.0)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the tensor of one picture."""
        if self.layout == "nhwc":
            return (1, self.height, self.width, 3)
        return (1, 3, self.height, self.width)

    @model_validator(mode="after")
    def _is_one_of_three(self) -> "InputSpec":
        """Of layouts and types there are three pairs.

        As trained, float32 and nchw (PyTorch) or nhwc (TensorFlow), and as cameras have it.
        """
        if self.dtype == "uint8" and self.layout != "nhwc":
            raise ValueError("dtype uint8 goes with layout nhwc; float32 goes with both")
        is_plain = (self.colour, self.scale, self.mean, self.std) == (
            "bgr", 1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0),
        )  # fmt: skip
        if self.dtype == "uint8" and not is_plain:
            raise ValueError("dtype uint8 is of pictures as they are: bgr, no scale, mean or std")
        return self


class Thresholds(_Frozen):
    """What counts as seen."""

    confidence: Share = 0.25
    nms_iou: Share = Field(
        0.45, description="two boxes of a class that overlap more are one object"
    )


class Made(_Frozen):
    """How a network came from its parent, and what proved it."""

    by: Literal["prepare", "halve", "quantise"]
    frames: int = Field(ge=1, description="on which both looked")
    figure: Id | None = Field(
        None, description="what was measured: agreement with the parent, or a figure on labels"
    )
    original: Share | None = Field(None, description="what the parent reaches of it")
    reached: Share | None = Field(None, description="what this one reaches")
    difference: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="of raw outputs, the largest, as a share"
    )
    method: str | None = Field(None, max_length=63, description="how ranges were chosen")
    left_out: tuple[Annotated[str, Field(max_length=500)], ...] | None = Field(
        None, max_length=4096, description="layers that stay in floating point"
    )


class Manifest(_Frozen):
    """A network and everything that is needed to run it and to name its results.

    `version` names the pair of network and manifest; events carry `name` and `version`.
    """

    name: Id
    version: Version
    task: Task | None = Field(None, description="what the head is for; may be left out")
    input: InputSpec
    head: Head = Field(discriminator="family")
    classes: tuple[Id, ...] = Field(min_length=1, max_length=4096)
    thresholds: Thresholds = Thresholds()
    licence: Spdx = Field(description="SPDX expression")
    source: str = Field(min_length=1, description="where the network comes from")
    sha256: Sha256 = Field(description="of the network's file")
    parent: Sha256 | None = Field(None, description="of the file that it was made from")
    made: Made | None = Field(None, description="how, where it was made by `wayside-models`")

    @model_validator(mode="after")
    def _check(self) -> "Manifest":
        twice = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if twice:
            raise ValueError(f"classes stand twice: {', '.join(twice)}")
        if self.task not in (None, self.head.task):
            raise ValueError(
                f"task {self.task!r}: head {self.head.family!r} is for {self.head.task}"
            )
        if isinstance(self.head, SegmentationHead):
            self._check_areas(self.head)
        for stride in self.head.divides_input:
            if self.input.width % stride or self.input.height % stride:
                raise ValueError(
                    f"input {self.input.width}x{self.input.height} is no multiple of the head's "
                    f"stride {stride}"
                )
        return self

    def _check_areas(self, head: SegmentationHead) -> None:
        of_outputs = {name for channels in head.outputs for name in channels if name is not None}
        if of_outputs != set(self.classes):
            differing = ", ".join(sorted(of_outputs.symmetric_difference(self.classes)))
            raise ValueError(f"classes and those of head.outputs differ: {differing}")
        if len(self.classes) > MAX_AREA_CLASSES:
            raise ValueError(f"classes: {len(self.classes)}, at most {MAX_AREA_CLASSES} of areas")

    def with_confidence(self, confidence: float) -> "Manifest":
        """The same network with another confidence threshold, in [0, 1].

        Raises:
            pydantic.ValidationError: it is outside of [0, 1].
        """
        thresholds = Thresholds(confidence=confidence, nms_iou=self.thresholds.nms_iou)
        return self.model_copy(update={"thresholds": thresholds})


def text_of(manifest: Manifest) -> str:
    """The manifest as YAML; `load_manifest` reads it."""
    content = manifest.model_dump(mode="json", exclude_none=True, exclude={"head"})
    head = manifest.head.model_dump(mode="json")  # in it, None is a class of no interest
    content["head"] = head
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def load_manifest(path: Path) -> Manifest:
    """The manifest that a YAML file holds.

    Raises:
        SettingsError: unreadable, no YAML or not a manifest; every mistake with file and line.
    """
    return settings.load(path, Manifest)
