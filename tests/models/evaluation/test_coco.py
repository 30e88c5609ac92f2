"""Labels from COCO JSON, by files that can be reckoned by hand, and by files that are wrong."""

import contextlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import LabelError
from models.evaluation.coco import Label, filled, mask_of_runs, read_coco
from models.prediction.rows import runs_of

IMAGE = {"id": 7, "file_name": "a.png", "width": 6, "height": 4}
CATEGORY = {"id": 3, "name": "Traffic light"}


def file_of(folder: Path, **changes: Any) -> Path:
    content = {"images": [IMAGE], "categories": [CATEGORY], "annotations": [], **changes}
    path = folder / "truth.json"
    path.write_text(json.dumps(content))
    return path


def label(folder: Path, **annotation: Any) -> Label:
    [one] = labels(file_of(folder, annotations=[{"image_id": 7, "category_id": 3, **annotation}]))
    return one


def labels(path: Path) -> list[Label]:
    file = read_coco(path)
    return file.labels_of(file.pictures[0])


def packed(runs: list[int]) -> str:
    """COCO's compressed RLE, of its definition: differences to the run before the last from the
    fourth on, in groups of 5 bits with one that says that more follow, and 48 added."""
    text = ""
    for number, run in enumerate(runs):
        value = run - (runs[number - 2] if number > 2 else 0)
        more = True
        while more:
            bits = value & 31
            value >>= 5
            more = value != (-1 if bits & 16 else 0)
            text += chr((bits | (32 if more else 0)) + 48)
    return text


def test_a_box_has_two_corners_and_its_category(tmp_path: Path) -> None:
    one = label(tmp_path, bbox=[1, 0.5, 3, 2], iscrowd=1, score=0.3, area=6)
    assert (one.category, one.box, one.mask) == ("Traffic light", (1, 0.5, 4, 2.5), None)
    assert one.is_crowd


def test_a_polygon_takes_the_pixels_within_it(tmp_path: Path) -> None:
    polygons = [[1, 1, 4, 1, 4, 3, 1, 3], [5, 0, 6, 0, 6, 1, 5, 1], [-9, 3.8, 2, 3.8, 2, 9]]
    mask = label(tmp_path, segmentation=polygons).mask
    expected = np.zeros((4, 6), np.bool_)
    expected[1:3, 1:4] = expected[0, 5] = True
    assert mask is not None
    np.testing.assert_array_equal(mask, expected)


@given(st.lists(st.tuples(st.floats(-3, 15), st.floats(-3, 12)), min_size=3, max_size=7))
def test_polygons_are_filled_by_the_even_odd_rule(corners: list[tuple[float, float]]) -> None:
    """Against a ray to the right from each middle, cast one by one."""
    expected = np.zeros((9, 12), np.bool_)
    edges = list(zip(corners, [*corners[1:], corners[0]], strict=True))
    for row, column in np.ndindex(9, 12):
        x, y = column + 0.5, row + 0.5
        crossed = sum(
            (a[1] <= y) != (b[1] <= y) and x >= a[0] + (y - a[1]) * ((b[0] - a[0]) / (b[1] - a[1]))
            for a, b in edges
        )
        expected[row, column] = crossed % 2 == 1
    flat = [float(value) for corner in corners for value in corner]
    np.testing.assert_array_equal(filled([flat], 12, 9), expected)


@given(st.data())
def test_masks_by_runs_are_those_that_were_written(data: st.DataObject) -> None:
    pixels = data.draw(st.lists(st.booleans(), min_size=1, max_size=60))
    width = data.draw(st.integers(1, len(pixels)))
    height = len(pixels) // width
    mask = np.array(pixels[: width * height], np.bool_).reshape(height, width)
    image = {"id": 7, "file_name": "a.png", "width": width, "height": height}
    runs = runs_of(mask)
    for counts in (runs, packed(runs)):
        with TemporaryDirectory() as folder:
            segmentation = {"size": [height, width], "counts": counts}
            annotation = {"image_id": 7, "category_id": 3, "segmentation": segmentation}
            path = file_of(Path(folder), images=[image], annotations=[annotation])
            [one] = labels(path)
        assert one.mask is not None
        np.testing.assert_array_equal(one.mask, mask)


def test_masks_of_cocos_own_tools_are_read() -> None:
    """Made by pycocotools 2.0."""
    frame = np.zeros((30, 40), np.bool_)
    frame[3:20, 5:30] = True
    frame[10:12, 8:15] = False
    text = "i4a0=0000FE1;OE1;OE1;OE1;OE1;OE1;OE1;90000000000000000000000000000Y9"
    np.testing.assert_array_equal(mask_of_runs(text, 40, 30), frame)
    scattered = ["1110000", "0011001", "1100101", "0101101", "1010100"]
    expected = np.array([[letter == "1" for letter in row] for row in scattered])
    np.testing.assert_array_equal(mask_of_runs("01100100001OO0002230K", 7, 5), expected)


ANNOTATION = {"image_id": 7, "category_id": 3}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"images": []}, "has no images"),
        ({"categories": []}, "is no COCO JSON: categories: "),
        ({"images": [{**IMAGE, "width": 0}]}, "images.0.width"),
        ({"images": [IMAGE, IMAGE]}, "stands twice"),
        ({"annotations": [{**ANNOTATION, "image_id": 8}]}, "annotations.0 is of image 8"),
        ({"annotations": [{**ANNOTATION, "bbox": [0, 0, -1, 1]}]}, "a box is -1.0x1.0"),
        ({"annotations": [{**ANNOTATION, "bbox": [0, 0, 1]}]}, "annotations.0.bbox"),
        ({"annotations": [{**ANNOTATION, "bbox": [0, 0, 1e9, 1]}]}, "annotations.0.bbox.2"),
        ({"annotations": [{**ANNOTATION, "segmentation": [[1, 2, 3, 4, 5, 6, 7]]}]}, "odd number"),
        (
            {"annotations": [{**ANNOTATION, "segmentation": {"size": [4, 6], "counts": [9, 9]}}]},
            "a mask has 18 pixels, the picture 24",
        ),
        (
            {"annotations": [{**ANNOTATION, "segmentation": {"size": [6, 4], "counts": [24]}}]},
            "a mask is (6, 4), the picture (4, 6)",
        ),
        (
            {"annotations": [{**ANNOTATION, "segmentation": {"size": [4, 6], "counts": "X"}}]},
            "ends within a number",
        ),
        (
            {"annotations": [{**ANNOTATION, "segmentation": {"size": [4, 6], "counts": "\n"}}]},
            "damaged",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = file_of(tmp_path, **changes)
    with pytest.raises(LabelError) as caught:
        labels(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1, 2", "[" * 100_000, "\x00", '{"images": NaN}'])
def test_what_is_no_json_is_said(tmp_path: Path, text: str) -> None:
    path = tmp_path / "truth.json"
    path.write_text(text)
    with pytest.raises(LabelError, match="is no "):
        read_coco(path)
    with pytest.raises(LabelError, match="cannot be read"):
        read_coco(tmp_path / "other.json")


@given(st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_compressed_masks_of_a_stranger_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert mask_of_runs(text, 6, 4).shape == (4, 6)
