"""Pictures with what they show, as a network of certain classes would say it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.areas import NOTHING, Areas
from models.detections import Detections, Image, pixels_of
from models.errors import LabelError
from models.evaluation.coco import CocoFile, Label, LabelledPicture, read_coco
from models.families import Task
from models.manifest import Manifest
from models.prediction.rows import Found
from models.prediction.sources import Item, frames_of, items_of, spread
from models.preprocess import Geometry
from models.ranking import Ranking
from protos.ids import as_id

Some = TypeVar("Some")


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What one picture shows.

    Attributes:
        expected: of a network that errs in nothing.
        ignored: regions in which finds count neither for nor against: COCO's crowds.
    """

    expected: Found
    ignored: Detections


class Truth:
    """Labelled pictures, read one after the other whenever it is gone through.

    Args:
        manifest: of the network: its classes are found by their names.
        labels: COCO JSON.
        source: the folder or file that the labels' `file_name`s are of.
        count: pictures at most, spread over all of them.

    Attributes:
        judged: indices of the manifest's classes that are labelled at all; of others nothing is
            known, and what is found of them is passed over.
        unknown: categories of the file that the network has no class of.

    Raises:
        LabelError: the labels cannot be used, or are not of this source or this network.
        MediaError: the source cannot be read.
    """

    def __init__(
        self, manifest: Manifest, labels: Path, source: Path, count: int | None = None
    ) -> None:
        self._file = read_coco(labels)
        self._task = manifest.head.task
        classes = {as_id(name): number for number, name in enumerate(manifest.classes)}
        names = {name: as_id(name) for name in self._file.categories.values()}
        self._known = {name: classes[one] for name, one in names.items() if one in classes}
        if not self._known:
            raise LabelError(
                f"{labels}: labels {_some(names)}, and the network {manifest.name!r} knows "
                f"{_some(manifest.classes)}: nothing of both"
            )
        pictures = _found_in(self._file, items_of(source), source)
        self._chosen = spread(pictures, count or len(pictures), len(pictures))
        self.judged = frozenset(self._known.values())
        self.unknown = sorted(names.keys() - self._known.keys())

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[tuple[Image, Shown]]:
        """Each picture with what it shows.

        Raises:
            LabelError: a label contradicts its picture, or a video has no such frame.
            MediaError: a picture cannot be read.
        """
        for picture, frame in _read(self._file, self._chosen):
            labels = self._file.labels_of(picture)
            yield frame, _shown(self._task, labels, self._known, frame)


def _found_in(
    file: CocoFile, items: Sequence[Item], source: Path
) -> list[tuple[Item, LabelledPicture]]:
    """The labelled pictures with the files that they are of, in the order of the files."""
    by_name = {item.name: item for item in items}
    by_base = _by_base((item.name, item) for item in items)
    labelled_bases = _by_base((name, name) for name in {one.file for one in file.pictures})
    found: dict[tuple[str, int], tuple[Item, LabelledPicture]] = {}
    missing: list[str] = []
    for picture in file.pictures:
        base = Path(picture.file).name
        matching = [by_name[picture.file]] if picture.file in by_name else by_base.get(base, [])
        if len(matching) != 1 or (picture.file not in by_name and len(labelled_bases[base]) > 1):
            missing.append(picture.file)
            continue
        place = matching[0].name, picture.frame
        if place in found:
            raise LabelError(
                f"{file.path}: {picture.file} is labelled twice, as two images; join them into one"
            )
        found[place] = matching[0], picture
    if missing:
        raise LabelError(
            f"{file.path}: {len(missing)} of {len(file.pictures)} pictures are not in {source}, "
            f"or not by one name only: {_some(missing)}"
        )
    return [found[place] for place in sorted(found)]


def _by_base(named: Iterable[tuple[str, Some]]) -> dict[str, list[Some]]:
    """Things by the last part of their path."""
    found: dict[str, list[Some]] = {}
    for name, one in named:
        found.setdefault(Path(name).name, []).append(one)
    return found


def _read(
    file: CocoFile, chosen: Iterable[tuple[Item, LabelledPicture]]
) -> Iterator[tuple[LabelledPicture, Image]]:
    by_item: dict[Item, dict[int, LabelledPicture]] = {}
    for item, picture in chosen:
        by_item.setdefault(item, {})[picture.frame] = picture
    for item, wanted in by_item.items():
        last = max(wanted)
        for number, frame in enumerate(frames_of(item)):
            if number in wanted:
                _check_size(file, wanted[number], frame)
                yield wanted[number], frame
            if number == last:
                break
        else:
            raise LabelError(f"{file.path}: {item.name} has no frame {last}")


def _check_size(file: CocoFile, picture: LabelledPicture, frame: Image) -> None:
    height, width = frame.shape[:2]
    if (width, height) != (picture.width, picture.height):
        raise LabelError(
            f"{file.path}: {picture.file} is {picture.width}x{picture.height} there, and "
            f"{width}x{height} in fact"
        )


def _shown(task: Task, labels: Sequence[Label], known: dict[str, int], frame: Image) -> Shown:
    mine = [one for one in labels if one.category in known]
    crowds = [one for one in mine if one.is_crowd and one.box is not None]
    single = [one for one in mine if not one.is_crowd]
    if task == "segmentation":
        return Shown(_areas(single, known, frame), Detections.empty())
    if task == "classification":
        first = sorted({known[one.category] for one in single})
        return Shown(
            Ranking(np.array(first, np.int32), np.ones(len(first), np.float32)),
            Detections.empty(),
        )
    boxed = [one for one in single if one.box is not None]
    return Shown(_boxes(boxed, known, frame), _boxes(crowds, known, frame, masks=False))


def _boxes(
    labels: Sequence[Label], known: dict[str, int], frame: Image, *, masks: bool = True
) -> Detections:
    """Labels as what a detector would find; masks only where every object has one."""
    if not labels:
        return Detections.empty()
    height, width = frame.shape[:2]
    limit = np.array([width, height, width, height], np.float32)
    xyxy = np.clip(np.array([one.box for one in labels], np.float32), 0, limit)
    whole = [one.mask for one in labels if masks and one.mask is not None]
    cut = None
    if len(whole) == len(labels):
        cut = tuple(_cut(mask, box) for mask, box in zip(whole, xyxy, strict=True))
    class_id = np.array([known[one.category] for one in labels], np.int32)
    return Detections(xyxy, np.ones(len(labels), np.float32), class_id, cut)


def _cut(mask: NDArray[np.bool_], box: NDArray[np.float32]) -> NDArray[np.bool_]:
    left, top, right, bottom = pixels_of(box)
    return mask[top:bottom, left:right]


def _areas(labels: Sequence[Label], known: dict[str, int], frame: Image) -> Areas:
    """A map for each class, since areas of several outputs may overlap."""
    height, width = frame.shape[:2]
    maps = []
    for class_id in sorted(set(known.values())):
        shown = np.full((height, width), NOTHING, np.uint8)
        for one in labels:
            if known[one.category] == class_id and one.mask is not None:
                shown[one.mask] = class_id
        maps.append(shown)
    return Areas(tuple(maps), Geometry(width, height, width, height, 1.0, 1.0))


def _some(names: Iterable[str]) -> str:
    all_names = list(names)
    told = ", ".join(all_names[:5])
    return told if len(all_names) <= 5 else f"{told} and {len(all_names) - 5} more"
