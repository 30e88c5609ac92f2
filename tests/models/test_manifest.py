"""A manifest is refused whole, and says where it is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from models.manifest import load_manifest
from tests.support.tiny_detector import tiny_manifest
from wayside.errors import SettingsError

GOOD = """\
name: gate-people
version: 2.1.0
input:
  width: 64
  height: 32
  colour: rgb
  resize: {mode: letterbox, pad_value: 0}
  scale: 0.00392156862745098
  mean: [0.485, 0.456, 0.406]
  std: [0.229, 0.224, 0.225]
head: {family: yolox, strides: [8, 16]}
classes: [person, bicycle]
thresholds: {confidence: 0.4, nms_iou: 0.5}
licence: Apache-2.0 WITH LLVM-exception
source: trained here
sha256: 695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14
"""


def problems_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "manifest.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_manifest(path)
    return str(caught.value).replace(f"{path}:", "line ")


def test_a_good_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yaml"
    path.write_text(GOOD)

    manifest = load_manifest(path)

    assert manifest.head.task == "detection"
    assert manifest.classes == ("person", "bicycle")
    assert manifest.input.shape == (1, 3, 32, 64)
    assert manifest.input.interpolation == "linear"
    assert manifest.head.family == "yolox"


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    text = (
        GOOD.replace("colour: rgb", "color: rgb")
        .replace("confidence: 0.4", "confidence: 4")
        .replace("bicycle]", "Bicycle]")
    )

    told = problems_of(tmp_path, text).splitlines()

    assert told[0].startswith("line 6: input.color: is unknown")
    assert "did you mean 'colour'" in told[0]
    assert told[1].startswith("line 12: classes[1]:")
    assert told[2].startswith("line 13: thresholds.confidence:")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("bicycle", "person", "classes stand twice: person"),
        ("width: 64", "width: 60", "input 60x32 is no multiple of the head's stride 8"),
        (
            "family: yolox",
            "family: yolov99",
            "line 11: head.family: must be 'yolox', 'fastestdet', ",
        ),
        (
            "head: {family: yolox, strides: [8, 16]}",
            "head: {family: yolov5, strides: [8, 16], anchors: [[[1, 2], [3, 4]]]}",
            "anchors: 2 strides need as many lists of 3, got lists of [2]",
        ),
        (
            "head: {family: yolox, strides: [8, 16]}",
            "head: {family: segmentation, outputs: [[null, person], [null, road]]}",
            "classes and those of head.outputs differ: bicycle, road",
        ),
        (
            "head: {family: yolox, strides: [8, 16]}",
            "head: {family: segmentation, outputs: [[person, bicycle], [null]]}",
            "output 1 has no class",
        ),
        (
            "head: {family: yolox, strides: [8, 16]}",
            "head: {family: ssd, order: [boxes, boxes, scores]}",
            "must name boxes, scores and classes once",
        ),
        ("classes: [person, bicycle]", "classes: []", "line 12: classes: "),
        ("version: 2.1.0", "version: 2.1.0\ntask: segmentation", "head 'yolox' is for detection"),
        (
            "mode: letterbox",
            "mode: crop",
            "line 7: input.resize.mode: must be 'letterbox', 'plain' or",
        ),
        (
            "name: gate-people",
            "name: Gate/People",
            "line 1: name: id 'Gate/People' is not allowed: 3 to",
        ),
        ("eab14", "EAB14", "line 16: sha256: must be 64 lower-case hexadecimal digits, not"),
        ("Apache-2.0 WITH", "see the file WITH", "line 14: licence: must be an SPDX expression"),
        ("2.1.0", "2/1", "line 2: version: must be 1 to 63 letters"),
        ("0.229", "0", "line 10: input.std[0]: "),
        ("source: trained here\n", "", "source: is missing"),
    ],
)
def test_what_cannot_work_is_refused(
    tmp_path: Path, before: str, after: str, expected: str
) -> None:
    assert expected in problems_of(tmp_path, GOOD.replace(before, after))


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_manifest(tmp_path / "none.yaml")


def test_another_confidence_leaves_the_rest_and_the_original_alone() -> None:
    manifest = tiny_manifest()

    other = manifest.with_confidence(0.1)

    assert other.thresholds.confidence == 0.1
    assert other.thresholds.nms_iou == manifest.thresholds.nms_iou
    assert manifest.thresholds.confidence == 0.5


def test_another_confidence_is_checked_too() -> None:
    with pytest.raises(ValidationError):
        tiny_manifest().with_confidence(1.5)
