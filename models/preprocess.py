"""A frame into a tensor, and boxes back; exactly invertible."""

import threading
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detections import Image
from models.engines.port import Tensor
from models.manifest import CentreCrop, InputSpec, Letterbox

_INTERPOLATION = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}

Float = TypeVar("Float", np.float32, np.float64)


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where a picture lies in a network's input.

    A point (x, y) of the picture, in pixels measured from its top left corner, lies at
    (x * scale_x + pad_left, y * scale_y + pad_top) in the input. The two scales are those of
    the resize as done, in whole pixels, so that boxes come back without a systematic shift. Pads
    are negative where the picture sticks out of the input.
    """

    source_width: int
    source_height: int
    input_width: int
    input_height: int
    scale_x: float
    scale_y: float
    pad_left: int = 0
    pad_top: int = 0

    def to_input(self, xyxy: NDArray[Float]) -> NDArray[Float]:
        """Boxes (N, 4) of the picture as boxes of the input, both in pixels."""
        return xyxy * self._scales(xyxy.dtype) + self._pads(xyxy.dtype)

    def to_source(self, xyxy: NDArray[Float]) -> NDArray[Float]:
        """Boxes (N, 4) of the input as boxes of the picture, both in pixels, not clipped."""
        return (xyxy - self._pads(xyxy.dtype)) / self._scales(xyxy.dtype)

    def clip(self, xyxy: NDArray[Float]) -> NDArray[Float]:
        """Boxes (N, 4) of the picture cut at its edges."""
        width, height = self.source_width, self.source_height
        low = np.zeros(4, xyxy.dtype)
        return np.clip(xyxy, low, np.array([width, height, width, height], xyxy.dtype))

    def _scales(self, dtype: np.dtype[Float]) -> NDArray[Float]:
        return np.array([self.scale_x, self.scale_y, self.scale_x, self.scale_y], dtype)

    def _pads(self, dtype: np.dtype[Float]) -> NDArray[Float]:
        return np.array([self.pad_left, self.pad_top, self.pad_left, self.pad_top], dtype)


def geometry(spec: InputSpec, source_width: int, source_height: int) -> Geometry:
    """How pictures of one size, in pixels, lie in the input that a manifest describes."""
    width, height = spec.width, spec.height
    pad_left = pad_top = 0
    if isinstance(spec.resize, Letterbox):
        ratio = min(width / source_width, height / source_height)
        width = max(1, min(width, round(source_width * ratio)))
        height = max(1, min(height, round(source_height * ratio)))
        if spec.resize.anchor == "centre":
            # Of an odd rest the larger half lies right and below, as ultralytics has it.
            pad_left, pad_top = (spec.width - width) // 2, (spec.height - height) // 2
    elif isinstance(spec.resize, CentreCrop):
        ratio = max(width / source_width, height / source_height) / spec.resize.share
        width = max(width, round(source_width * ratio))
        height = max(height, round(source_height * ratio))
        pad_left, pad_top = -((width - spec.width) // 2), -((height - spec.height) // 2)
    return Geometry(
        source_width,
        source_height,
        spec.width,
        spec.height,
        scale_x=width / source_width,
        scale_y=height / source_height,
        pad_left=pad_left,
        pad_top=pad_top,
    )


class Preprocessor:
    """Pictures into input tensors. Any number of threads may share one.

    Args:
        spec: the manifest's description of the input.
    """

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec
        self._interpolation = _INTERPOLATION[spec.interpolation]
        std = np.array(spec.std, np.float64)
        # (x * scale - mean) / std as one multiplication and one addition
        self._gain = (spec.scale / std).astype(np.float32)
        self._offset = (-np.array(spec.mean, np.float64) / std).astype(np.float32)
        self._own = threading.local()

    def __call__(self, image: Image) -> tuple[Tensor, Geometry]:
        """The tensor of the manifest's shape and type, and where the picture lies in it.

        Args:
            image: (H, W, 3) uint8, BGR.

        Raises:
            ValueError: the image has another shape or dtype, or no pixels.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"image: expected (H, W, 3) uint8, got {image.shape} {image.dtype}")
        place = geometry(self._spec, image.shape[1], image.shape[0])
        canvas = self._resized(image, place)
        if self._spec.dtype == "uint8":
            return canvas[None].copy(), place
        return self._tensor(canvas), place

    def _resized(self, image: Image, place: Geometry) -> Image:
        """The input as a picture; it is this thread's canvas, overwritten by its next call."""
        canvas = self._canvas(place)
        height = round(place.source_height * place.scale_y)
        width = round(place.source_width * place.scale_x)
        left, top = place.pad_left, place.pad_top
        if left < 0 or top < 0:
            whole = cv2.resize(image, (width, height), interpolation=self._interpolation)
            np.copyto(canvas, whole[-top : canvas.shape[0] - top, -left : canvas.shape[1] - left])
        else:
            target = canvas[top : top + height, left : left + width]
            cv2.resize(image, (width, height), dst=target, interpolation=self._interpolation)
        return canvas

    def _canvas(self, place: Geometry) -> Image:
        """A canvas whose padding is filled already when the last picture was of this size."""
        if getattr(self._own, "place", None) != place:
            resize = self._spec.resize
            fill = resize.pad_value if isinstance(resize, Letterbox) else 0
            self._own.canvas = np.full((self._spec.height, self._spec.width, 3), fill, np.uint8)
            self._own.place = place
        canvas: Image = self._own.canvas
        return canvas

    def _tensor(self, canvas: Image) -> NDArray[np.float32]:
        # A fresh tensor each time: the caller may hand it to another thread and go on.
        tensor = np.empty(self._spec.shape, np.float32)
        by_channel = tensor[0] if self._spec.layout == "nchw" else np.moveaxis(tensor[0], 2, 0)
        planes = cv2.split(canvas)
        for channel, plane in enumerate(planes[::-1] if self._spec.colour == "rgb" else planes):
            target = by_channel[channel]
            if self._gain[channel] == 1.0:
                np.copyto(target, plane)
            else:
                np.multiply(plane, self._gain[channel], out=target, dtype=np.float32)
            if self._offset[channel]:
                target += self._offset[channel]
        return tensor
