"""Labels of pictures from COCO JSON: boxes, masks, areas, or one class a picture.

It is what `wayside-models predict` writes, what labelling tools export, and the same for every
task: an annotation with a box is an object, one with a mask alone an area, one with neither the
class of its whole picture. `score` and whatever else there is are passed over.

Reference: https://cocodataset.org/#format-data
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import LabelError, RecordError
from models.prediction.rows import mask_of
from models.record.reading import bounded_bytes

MAX_SIDE = 32_768
MAX_BYTES = 2**29
"""Of a file; the labels of all of COCO are 450 MB."""

_Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
_Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
_Polygon = Annotated[list[_Number], Field(min_length=6)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Runs(_Part):
    size: tuple[_Side, _Side]
    counts: list[Annotated[int, Field(ge=0)]] | str


class _Image(_Part):
    id: int
    file_name: str = Field(min_length=1)
    width: _Side
    height: _Side
    frame: int = Field(0, ge=0)


class _Category(_Part):
    id: int
    name: str


class _Annotation(_Part):
    image_id: int
    category_id: int
    bbox: tuple[_Number, _Number, _Number, _Number] | None = None
    segmentation: list[_Polygon] | _Runs | None = None
    iscrowd: Literal[0, 1] = 0


class _File(_Part):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] = Field(min_length=1)


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """A thing that a picture shows.

    Attributes:
        category: its class, as the file calls it.
        box: left, top, right, bottom in px of the picture; None of an area or a whole picture.
        mask: (height, width) of the picture; None where the file has none.
        is_crowd: many objects as one region, in which nobody counts.
    """

    category: str
    box: tuple[float, float, float, float] | None
    mask: NDArray[np.bool_] | None
    is_crowd: bool


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture, or a frame of a video, by name.

    Attributes:
        file: path within the folder that the labels are of, or the file's name.
        frame: number within a video, from 0; 0 of a picture.
        annotations: what the file says of it, to be unfolded by `labels_of`.
    """

    file: str
    frame: int
    width: int
    height: int
    annotations: Sequence[Any]


@dataclass(frozen=True, slots=True)
class CocoFile:
    """A file of labels.

    Attributes:
        path: of the file.
        pictures: in the file's order, those without any label too.
        categories: names by id.
    """

    path: Path
    pictures: Sequence[LabelledPicture]
    categories: dict[int, str]

    def labels_of(self, picture: LabelledPicture) -> list[Label]:
        """What a picture shows; masks are unfolded here, so that only one picture's stand.

        Raises:
            LabelError: a mask contradicts its picture.
        """
        return [self._label(picture, annotation) for annotation in picture.annotations]

    def _label(self, picture: LabelledPicture, annotation: _Annotation) -> Label:
        box = None
        if annotation.bbox is not None:
            left, top, width, height = annotation.bbox
            if width < 0 or height < 0:
                raise LabelError(f"{self.path}: {picture.file}: a box is {width}x{height}")
            box = (left, top, left + width, top + height)
        try:
            mask = _mask(annotation.segmentation, picture.width, picture.height)
        except ValueError as error:
            raise LabelError(f"{self.path}: {picture.file}: {error}") from error
        name = self.categories[annotation.category_id]
        return Label(name, box, mask, bool(annotation.iscrowd))


def read_coco(path: Path) -> CocoFile:
    """The labels of a COCO JSON file.

    Raises:
        LabelError: it cannot be read, or contradicts itself; the message says where.
    """
    try:
        content = bounded_bytes(path, MAX_BYTES, may_be_link=True)
    except RecordError as error:
        raise LabelError(str(error)) from error
    try:
        found = _File.model_validate(json.loads(content))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise LabelError(f"{path}: is no COCO JSON: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{path}: is no JSON: {error}") from error
    return _joined(path, found)


def _joined(path: Path, file: _File) -> CocoFile:
    categories = {one.id: one.name for one in file.categories}
    by_image: dict[int, list[_Annotation]] = {one.id: [] for one in file.images}
    if len(by_image) != len(file.images) or len(categories) != len(file.categories):
        raise LabelError(f"{path}: an id of an image or a category stands twice")
    for number, one in enumerate(file.annotations):
        if one.image_id not in by_image or one.category_id not in categories:
            raise LabelError(
                f"{path}: annotations.{number} is of image {one.image_id} and category "
                f"{one.category_id}, which the file does not have both"
            )
        by_image[one.image_id].append(one)
    pictures = [
        LabelledPicture(one.file_name, one.frame, one.width, one.height, by_image[one.id])
        for one in file.images
    ]
    if not pictures:
        raise LabelError(f"{path}: has no images")
    return CocoFile(path, pictures, categories)


def _mask(
    segmentation: list[list[float]] | _Runs | None, width: int, height: int
) -> NDArray[np.bool_] | None:
    if not segmentation:
        return None
    if isinstance(segmentation, _Runs):
        if segmentation.size != (height, width):
            raise ValueError(f"a mask is {segmentation.size}, the picture {(height, width)}")
        return mask_of_runs(segmentation.counts, width, height)
    return filled(segmentation, width, height)


def filled(polygons: Sequence[Sequence[float]], width: int, height: int) -> NDArray[np.bool_]:
    """The mask (height, width) of polygons of x, y, x, y and so on, in px.

    Raises:
        ValueError: one has an odd number of coordinates.
    """
    mask: NDArray[np.bool_] = np.zeros((height, width), np.bool_)
    for polygon in polygons:
        _fill(mask, polygon)
    return mask


def _fill(mask: NDArray[np.bool_], polygon: Sequence[float]) -> None:
    """Set the pixels whose middle lies within a polygon of x, y, x, y and so on.

    By the even-odd rule: each edge turns over all the middles to its right that lie in its rows.
    """
    if len(polygon) % 2:
        raise ValueError(f"a polygon has {len(polygon)} coordinates, an odd number")
    height, width = mask.shape
    turns: NDArray[np.int32] = np.zeros((height, width + 1), np.int32)
    corners = np.array(polygon).reshape(-1, 2)
    for (x, y), (to_x, to_y) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        top, bottom = (min(max(math.ceil(one - 0.5), 0), height) for one in sorted((y, to_y)))
        if top < bottom:
            rows = np.arange(top, bottom)
            at = x + (rows + 0.5 - y) * ((to_x - x) / (to_y - y))
            np.add.at(turns, (rows, np.clip(np.ceil(at - 0.5), 0, width).astype(np.intp)), 1)
    mask |= np.cumsum(turns, axis=1)[:, :width] % 2 == 1


def mask_of_runs(runs: Sequence[int] | str, width: int, height: int) -> NDArray[np.bool_]:
    """The mask (height, width) of runs outside and inside by turns, column by column.

    Args:
        runs: their lengths, or a text of COCO's compressed RLE.
        width: of the picture, px.
        height: of the picture, px.

    Raises:
        ValueError: they are damaged, or of another picture.
    """
    lengths = _unpacked(runs) if isinstance(runs, str) else runs
    if sum(lengths) != width * height:
        raise ValueError(f"a mask has {sum(lengths)} pixels, the picture {width * height}")
    return mask_of(lengths, width, height)


def _unpacked(text: str) -> list[int]:
    """The runs of COCO's compressed RLE: 5 bits a letter, from the third on as differences.

    Raises:
        ValueError: it is none.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError("a compressed mask is damaged")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        if runs[-1] < 0:
            raise ValueError("a compressed mask is damaged")
        value = shift = 0
    if shift:
        raise ValueError("a compressed mask ends within a number")
    return runs
