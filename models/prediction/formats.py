"""A journal as COCO JSON, or as CSV.

COCO      images, categories and annotations; each annotation also has its `score`, an image of a
          video its `frame`. Masks are uncompressed RLE.
          Reference: https://cocodataset.org/#format-data
CSV       a line for each thing that was found
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from models.errors import MediaError
from models.prediction.journal import Frame
from models.prediction.rows import Row
from models.whole import whole

_COLUMNS = ("file", "frame", "class", "confidence", "left", "top", "right", "bottom", "share")

Write = Callable[[Path, Iterable[Frame], Sequence[str]], None]


def writer_of(path: Path) -> Write:
    """What writes a file of this suffix.

    Raises:
        MediaError: nothing does.
    """
    if path.suffix == ".json":
        return write_coco
    if path.suffix == ".csv":
        return write_csv
    raise MediaError(f"{path}: results are written as .json (COCO) or .csv")


def write_coco(path: Path, frames: Iterable[Frame], classes: Sequence[str]) -> None:
    """Write COCO JSON; the file appears when it is whole.

    Raises:
        MediaError: it cannot be written.
    """
    images: list[dict[str, Any]] = []
    with _whole(path) as file:
        file.write('{"annotations":[')
        number = 0
        for image, frame in enumerate(frames, 1):
            images.append(_image(image, frame))
            for row in frame["rows"]:
                number += 1
                file.write(",\n" if number > 1 else "\n")
                json.dump(_annotation(number, image, frame, row), file, separators=(",", ":"))
        categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
        file.write(f'\n],"images":{json.dumps(images)},"categories":{json.dumps(categories)}}}\n')


def write_csv(path: Path, frames: Iterable[Frame], classes: Sequence[str]) -> None:
    """Write CSV (RFC 4180); the file appears when it is whole.

    Raises:
        MediaError: it cannot be written.
    """
    with _whole(path) as file:
        lines = csv.writer(file)
        lines.writerow(_COLUMNS)
        for frame in frames:
            for row in frame["rows"]:
                lines.writerow([
                    frame["file"], frame["frame"], classes[row["class"]],
                    row.get("confidence", ""), *row.get("box", [""] * 4), row.get("share", ""),
                ])  # fmt: skip


def _image(number: int, frame: Frame) -> dict[str, Any]:
    return {
        "id": number, "file_name": frame["file"], "frame": frame["frame"],
        "width": frame["width"], "height": frame["height"],
    }  # fmt: skip


def _annotation(number: int, image: int, frame: Frame, row: Row) -> Mapping[str, Any]:
    made: dict[str, Any] = {"id": number, "image_id": image, "category_id": row["class"] + 1}
    if "confidence" in row:
        made["score"] = row["confidence"]
    if "box" in row:
        left, top, right, bottom = row["box"]
        made["bbox"] = [left, top, round(right - left, 2), round(bottom - top, 2)]
        made["area"] = round((right - left) * (bottom - top), 2)
        made["iscrowd"] = 0
    if "mask" in row:
        made["segmentation"] = {"counts": row["mask"], "size": [frame["height"], frame["width"]]}
        made["area"] = sum(row["mask"][1::2])
        made["iscrowd"] = 0
    return made


@contextmanager
def _whole(path: Path) -> Iterator[IO[str]]:
    try:
        with whole(path) as (part,), part.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise MediaError(f"{path}: cannot be written: {error.strerror}") from error
