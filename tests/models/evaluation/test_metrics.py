"""A network's figures on labelled pictures, by numbers that can be reckoned by hand."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from models.areas import NOTHING, Areas
from models.cli import app
from models.detections import Detections
from models.errors import LabelError
from models.evaluation.metrics import evaluate, measured
from models.evaluation.truth import Shown, Truth
from models.manifest import Manifest
from models.media import VideoReader
from models.preprocess import Geometry
from models.ranking import Ranking
from models.selection import network_class
from models.zoo import resolve
from tests.support.media import write_video
from tests.support.tiny_detector import tiny_manifest, write_tiny_model

CATEGORIES = [{"id": 1, "name": "Person"}, {"id": 2, "name": "car"}, {"id": 9, "name": "Kite"}]


def write_pictures(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / name), np.full((32, 32, 3), 90, np.uint8))
    return folder


def write_truth(path: Path, pictures: list[dict[str, Any]], *labels: dict[str, Any]) -> Path:
    """Labels of pictures of 32x32; ids of pictures count from 1."""
    images = [
        {"id": number, "width": 32, "height": 32, **one} for number, one in enumerate(pictures, 1)
    ]
    path.write_text(json.dumps({"images": images, "annotations": labels, "categories": CATEGORIES}))
    return path


def boxes(*found: tuple[float, int]) -> Detections:
    """Boxes of 10x10 by their left edge and class."""
    return Detections(
        np.array([[left, 0, left + 10, 10] for left, _ in found], np.float32).reshape(-1, 4),
        np.full(len(found), 0.9, np.float32),
        np.array([class_id for _, class_id in found], np.int32),
    )


def shown(expected: Detections | Areas | Ranking, *ignored: tuple[float, int]) -> Shown:
    return Shown(expected, boxes(*ignored))


ALL = frozenset({0, 1, 2})


def test_boxes_count_by_how_well_they_lie() -> None:
    """IoU 10/10 and 8/12: at 0.5, 0.55, 0.6 and 0.65 both are right, beyond one of two."""
    truth = [shown(boxes((0, 0), (50, 0)))]
    metrics = measured(tiny_manifest(), ALL, truth, [boxes((0, 0), (52, 0))])
    at_first = [1.0] * 4 + [0.5] * 6
    assert metrics.figures["map-50"] == pytest.approx(1.0)
    assert metrics.first == metrics.figures["map-50-95"] == pytest.approx(np.mean(at_first))
    assert metrics.by_class["person"].labelled == 2
    assert list(metrics.by_class) == ["person"]


def test_in_a_crowd_nothing_counts_but_what_is_labelled() -> None:
    found = [boxes((0, 0), (52, 0), (100, 0))]
    strict = measured(tiny_manifest(), ALL, [shown(boxes((100, 0)))], found)
    lenient = measured(tiny_manifest(), ALL, [shown(boxes((100, 0)), (0, 0), (50, 0))], found)
    other = measured(tiny_manifest(), ALL, [shown(boxes((100, 0)), (0, 1), (50, 1))], found)
    assert strict.figures["map-50"] == other.figures["map-50"] == pytest.approx(1 / 3)
    assert lenient.figures["map-50"] == pytest.approx(1.0)


def test_a_class_that_the_pictures_do_not_show_has_no_figure() -> None:
    metrics = measured(tiny_manifest(), ALL, [shown(boxes((0, 0)))], [boxes((0, 0), (50, 1))])
    assert metrics.figures == {"map-50-95": 1.0, "map-50": 1.0}
    assert list(metrics.by_class) == ["person"]
    nothing = measured(tiny_manifest(), ALL, [shown(boxes())], [boxes((50, 1))])
    assert (nothing.figures, nothing.by_class, nothing.first) == ({}, {}, 0.0)


def test_of_classes_that_nobody_labelled_nothing_is_known() -> None:
    found = [boxes((0, 0), (50, 1))]
    truth = [shown(boxes((0, 0), (90, 1)))]
    assert measured(tiny_manifest(), ALL, truth, found).figures["map-50"] == 0.5
    truth = [shown(boxes((0, 0)))]
    assert measured(tiny_manifest(), frozenset({0}), truth, found).figures["map-50"] == 1.0


def segmentation() -> Manifest:
    head = {"family": "segmentation", "outputs": [[None, "person"], [None, "car"]]}
    return tiny_manifest(head=head, classes=("person", "car"))


def test_areas_count_by_their_pixels_whatever_maps_they_stand_in() -> None:
    """Labels have a map for each class, of the picture; the network one for each output."""
    place = Geometry(4, 2, 4, 2, 1.0, 1.0)
    none = np.full((2, 4), NOTHING, np.uint8)
    of_person, of_car = none.copy(), none.copy()
    of_person[:, :2], of_car[:, 1:] = 0, 1
    found = none.copy()
    found[0, :2] = 0
    small = Geometry(4, 2, 2, 1, 0.5, 0.5)
    car = np.array([[NOTHING, 1]], np.uint8)
    metrics = measured(
        segmentation(), frozenset({0, 1}), [shown(Areas((of_person, of_car), place))],
        [Areas((found, car), small)],
    )  # fmt: skip
    assert metrics.by_class["person"].figures == {"iou": 0.5}
    assert metrics.by_class["car"].figures == {"iou": pytest.approx(4 / 6)}
    assert metrics.first == pytest.approx((0.5 + 4 / 6) / 2)


def ranking(*classes: int) -> Ranking:
    return Ranking(np.array(classes, np.int32), np.full(len(classes), 0.5, np.float32))


def test_of_several_right_classes_each_is_right() -> None:
    manifest = tiny_manifest(head={"family": "classification", "activation": "none"})
    truth = [shown(one) for one in (ranking(0, 1), ranking(2), ranking())]
    metrics = measured(manifest, ALL, truth, [ranking(1, 2), ranking(0, 2), ranking(2)])
    assert metrics.figures == {"accuracy": 0.5}
    assert {name: one.figures["accuracy"] for name, one in metrics.by_class.items()} == {
        "person": 1.0, "car": 1.0, "dog": 0.0,
    }  # fmt: skip


def test_a_detector_is_measured_on_pictures_and_frames_of_videos(tmp_path: Path) -> None:
    """The tiny network always sees a person from (8, 8) to (24, 24)."""
    write_pictures(tmp_path / "media", "a.png", "deep/b.png")
    video = write_video(tmp_path / "media" / "c.avi", 4)
    with VideoReader(video) as reader:
        height, width = next(iter(reader)).shape[:2]
    pictures: list[dict[str, Any]] = [
        {"file_name": "b.png"},
        {"file_name": "a.png"},
        {"file_name": "c.avi", "frame": 2, "width": width, "height": height},
    ]
    truth = write_truth(
        tmp_path / "truth.json", pictures,
        {"image_id": 1, "category_id": 1, "bbox": [8, 8, 16, 16]},
        {"image_id": 2, "category_id": 1, "bbox": [8, 8, 16, 12]},
        {"image_id": 2, "category_id": 9, "bbox": [0, 0, 5, 5]},
    )  # fmt: skip
    manifest, path = resolve(str(write_tiny_model(tmp_path)))
    network = network_class(manifest).load(manifest, path)
    labelled = Truth(manifest, truth, tmp_path / "media")

    metrics = evaluate(network, labelled)

    network.close()
    assert (labelled.unknown, labelled.judged, metrics.pictures) == (["Kite"], frozenset({0, 1}), 3)
    assert metrics.by_class["person"].labelled == 2
    # All three are equally sure, so they count in the order of the files: a.png, which lies on its
    # object by 12/16, the video, which shows nothing, b.png.
    assert metrics.figures["map-50"] == pytest.approx(1 / 2 + 1 / 2 * 2 / 3)
    assert metrics.first == pytest.approx((6 * (1 / 2 + 1 / 3) + 4 * 1 / 2 * 1 / 3) / 10)


@pytest.mark.parametrize(
    ("picture", "label", "told"),
    [
        ({"file_name": "other.png"}, {}, "1 of 1 pictures are not in "),
        ({"file_name": "../a.png"}, {}, None),
        ({"file_name": "same.png"}, {}, "not by one name only: same.png"),
        ({"file_name": "a.png", "width": 31}, {}, "is 31x32 there, and 32x32 in fact"),
        ({"file_name": "a.png", "frame": 1}, {}, "has no frame 1"),
        ({"file_name": "a.png"}, {"bbox": [0, 0, -1, 1]}, "a.png: a box is -1.0x1.0"),
    ],
)
def test_labels_of_other_pictures_are_refused(
    tmp_path: Path, picture: dict[str, Any], label: dict[str, Any], told: str | None
) -> None:
    write_pictures(tmp_path / "media", "a.png", "x/same.png", "y/same.png")
    truth = write_truth(
        tmp_path / "truth.json", [picture], {"image_id": 1, "category_id": 1, **label}
    )
    if told is None:  # it is the one in the folder, and nothing outside of it is read
        assert len(list(Truth(tiny_manifest(), truth, tmp_path / "media"))) == 1
        return
    with pytest.raises(LabelError) as caught:
        list(Truth(tiny_manifest(), truth, tmp_path / "media"))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "names", [("cam-a/1.png", "cam-b/1.png"), ("1.png", "1.png"), ("1.png", "deep/1.png")]
)
def test_labels_of_two_pictures_never_meet_on_one_file(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    write_pictures(tmp_path / "media", "1.png")
    truth = write_truth(tmp_path / "truth.json", [{"file_name": name} for name in names])
    with pytest.raises(LabelError, match=r"labelled twice|not by one name only"):
        Truth(tiny_manifest(), truth, tmp_path / "media")


def test_labels_that_the_network_knows_nothing_of_are_refused(tmp_path: Path) -> None:
    write_pictures(tmp_path / "media", "a.png")
    truth = write_truth(tmp_path / "truth.json", [{"file_name": "a.png"}])
    with pytest.raises(LabelError, match="labels Person, car, Kite, and the network 'tiny' knows"):
        Truth(tiny_manifest(classes=("cat", "dog", "cow")), truth, tmp_path / "media")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["evaluate", *(str(argument) for argument in arguments)])


def test_the_command_tells_figures_and_writes_them_down(tmp_path: Path) -> None:
    media = write_pictures(tmp_path / "media", "a.png", "b.png")
    truth = write_truth(
        tmp_path / "truth.json", [{"file_name": "a.png"}, {"file_name": "b.png"}],
        {"image_id": 1, "category_id": 1, "bbox": [8, 8, 16, 16]},
        {"image_id": 2, "category_id": 2, "bbox": [8, 8, 16, 16]},
    )  # fmt: skip
    model = write_tiny_model(tmp_path)
    asked = [media, "--truth", truth, "--model", model]

    done = call(*asked, "--results", tmp_path / "figures.json", "--data", "gate-val")

    assert done.exit_code == 0, done.stderr
    assert "2 pictures: map-50-95 50.0%, map-50 50.0%" in done.stdout
    assert "labelled, and no class of the network: Kite" in done.stdout
    rows = json.loads((tmp_path / "figures.json").read_text())
    assert {"metric": "map-50", "value": 0.5, "samples": 2, "data": "gate-val"} in rows
    assert {
        "metric": "ap-50", "value": 0.0, "class": "car", "samples": 1, "data": "gate-val"
    } in rows  # fmt: skip
    assert call(*asked, "--results", tmp_path / "figures.csv").exit_code == 0
    assert "map-50,0.5,,2,validation" in (tmp_path / "figures.csv").read_text()

    refused = call(*asked, "--results", tmp_path / "figures.txt")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "figures are written as .json or .csv" in refused.stderr


def test_what_a_network_finds_is_the_truth_of_itself(tmp_path: Path) -> None:
    """`predict` writes labels as `evaluate` reads them."""
    media = write_pictures(tmp_path / "media", "a.png", "b.png")
    model = write_tiny_model(tmp_path)
    truth = tmp_path / "truth.json"
    asked = ["predict", str(media), "--model", str(model), "--results", str(truth)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    done = call(media, "--truth", truth, "--model", model)
    assert "map-50-95 100.0%, map-50 100.0%" in done.stdout
