"""Folders of pictures and videos, looked at to the end, however often a run breaks off."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from models.cli import app
from models.detections import Detections, Image
from models.detector import Detector
from models.errors import EngineError, MediaError
from models.media import VideoReader, read_picture, write_picture
from models.prediction.run import Outputs, Summary, predict
from tests.support.fake_engine import constant_engine
from tests.support.media import write_video
from tests.support.tiny_detector import CLASSES, tiny_answer, tiny_manifest, write_tiny_model

INPUT = (1, 3, 32, 32)
ALL_FRAMES = 2 + 5


class Looking(Detector):
    """A detector that counts what it looks at, and fails when it is told to.

    Attributes:
        seen: frames so far.
        fails_at: the frame at which the engine fails; None: never.
    """

    def __init__(self, fails_at: int | None = None, confidence: float = 0.5) -> None:
        manifest = tiny_manifest().with_confidence(confidence)
        super().__init__(manifest, constant_engine(INPUT, tiny_answer(class_id=1)))
        self.seen = 0
        self.fails_at = fails_at

    def find(self, image: Image) -> Detections:
        if self.seen == self.fails_at:
            raise EngineError("the board is gone")
        self.seen += 1
        return super().find(image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture, a video of five frames in a folder below, and what is neither."""
    made = tmp_path / "source"
    (made / "below").mkdir(parents=True)
    write_picture(made / "a.png", np.full((32, 64, 3), 90, np.uint8))
    write_video(made / "below" / "b.mp4", 5)
    write_picture(made / "c.jpg", np.full((32, 32, 3), 90, np.uint8))
    (made / "notes.txt").write_text("no picture")
    write_picture(made / ".hidden.png", np.full((32, 32, 3), 90, np.uint8))
    return made


@pytest.fixture
def results(tmp_path: Path) -> list[Path]:
    return [tmp_path / "out.json", tmp_path / "out.csv"]


def coco(results: list[Path]) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(results[0].read_text())
    return content


def test_a_folder_becomes_coco_and_csv(folder: Path, results: list[Path]) -> None:
    summary = predict(Looking(), folder, Outputs(results=results))

    assert (summary.frames, summary.boxes) == (ALL_FRAMES, {"car": ALL_FRAMES})
    content = coco(results)
    files = [(image["file_name"], image["frame"]) for image in content["images"]]
    assert files == [("a.png", 0), *[("below/b.mp4", n) for n in range(5)], ("c.jpg", 0)]
    assert [category["name"] for category in content["categories"]] == list(CLASSES)
    first = content["annotations"][0]
    assert (first["image_id"], first["category_id"]) == (1, 2)
    assert first["bbox"] == [16, 16, 32, 16]
    assert first["score"] == pytest.approx(0.9)
    with results[1].open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == ALL_FRAMES
    assert lines[0] == {
        "file": "a.png", "frame": "0", "class": "car", "confidence": "0.9",
        "left": "16.0", "top": "16.0", "right": "48.0", "bottom": "32.0", "share": "",
    }  # fmt: skip
    assert sorted(path.name for path in results[0].parent.iterdir()) == [
        "out.csv", "out.json", "source",
    ]  # fmt: skip


@pytest.mark.parametrize("fails_at", range(ALL_FRAMES))
def test_a_run_that_broke_off_looks_at_no_frame_twice(
    folder: Path, results: list[Path], fails_at: int
) -> None:
    whole = [folder.parent / "whole.json", folder.parent / "whole.csv"]
    predict(Looking(), folder, Outputs(results=whole))

    broken = Looking(fails_at)
    with pytest.raises(EngineError):
        predict(broken, folder, Outputs(results=results))
    assert not results[0].exists()
    again = Looking()
    summary = predict(again, folder, Outputs(results=results))

    assert broken.seen + again.seen == ALL_FRAMES
    assert summary == Summary(ALL_FRAMES, summary.boxes, {})
    assert summary.boxes == {"car": ALL_FRAMES}
    for path, expected in zip(results, whole, strict=True):
        assert path.read_text() == expected.read_text()


def test_a_journal_that_was_cut_off_in_a_line_goes_on(folder: Path, results: list[Path]) -> None:
    with pytest.raises(EngineError):
        predict(Looking(4), folder, Outputs(results=results))
    journal = results[0].with_name(".out.json.journal")
    text = journal.read_text()
    journal.write_text(text[:-20])
    again = Looking()
    predict(again, folder, Outputs(results=results))
    assert again.seen == ALL_FRAMES - 3
    assert len(coco(results)["images"]) == ALL_FRAMES


@pytest.mark.parametrize("tail", [b"\x00\x00\x00\n", b"[1]\n", b"\xff\xfe{\n", b'{"file": 7'])
def test_what_a_power_cut_left_at_a_journals_end_is_looked_at_again(
    folder: Path, results: list[Path], tail: bytes
) -> None:
    with pytest.raises(EngineError):
        predict(Looking(4), folder, Outputs(results=results))
    journal = results[0].with_name(".out.json.journal")
    journal.write_bytes(journal.read_bytes() + tail)
    again = Looking()
    predict(again, folder, Outputs(results=results))
    assert again.seen == ALL_FRAMES - 4
    assert len(coco(results)["images"]) == ALL_FRAMES


def test_another_question_does_not_go_on(folder: Path, results: list[Path]) -> None:
    with pytest.raises(EngineError):
        predict(Looking(2), folder, Outputs(results=results))
    drawn = Outputs(folder.parent / "drawn", results)
    for asked, outputs in ((Looking(confidence=0.6), Outputs(results=results)), (Looking(), drawn)):
        with pytest.raises(MediaError, match="begun with another network, manifest, source or --"):
            predict(asked, folder, outputs)


def test_a_picture_whose_name_tells_no_format_is_drawn_as_png(folder: Path, tmp_path: Path) -> None:
    (folder / "a.png").rename(folder / "a")
    predict(Looking(), folder, Outputs(tmp_path / "seen"))
    assert read_picture(tmp_path / "seen" / "a.png").shape == (32, 64, 3)


def test_a_file_where_a_folder_should_be_is_told_before_anything_is_looked_at(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    detector = Looking()
    for outputs in (
        Outputs(results=[tmp_path / "file" / "o.json"]),
        Outputs(tmp_path / "file" / "o"),
    ):
        with pytest.raises(MediaError, match="cannot be made a folder"):
            predict(detector, folder, outputs)
    assert detector.seen == 0


def test_a_folder_is_drawn_into_a_folder_and_goes_on_by_files(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen"
    with pytest.raises(EngineError):
        predict(Looking(3), folder, Outputs(out))
    again = Looking()
    predict(again, folder, Outputs(out))

    assert again.seen == ALL_FRAMES - 1, "the picture was done, the video begins anew"
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert found == ["a.png", "below/b.mp4.mp4", "c.jpg"]
    assert (read_picture(out / "a.png") != read_picture(folder / "a.png")).any()
    with VideoReader(out / "below" / "b.mp4.mp4") as reader:
        assert len(list(reader)) == 5


def test_files_that_cannot_be_read_stop_none_of_the_rest(folder: Path, tmp_path: Path) -> None:
    (folder / "aa.mp4").write_bytes(b"no video")
    whole = (folder / "c.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[:200])
    model, out = write_tiny_model(tmp_path), tmp_path / "out.csv"

    done = CliRunner().invoke(app, ["predict", str(folder), "--model", str(model),
                                    "--results", str(out)])  # fmt: skip

    assert done.exit_code == 1
    assert f"left out: {folder / 'aa.mp4'}: is no video" in done.stderr
    with out.open(newline="") as file:
        files = {line["file"] for line in csv.DictReader(file)}
    assert {"a.png", "below/b.mp4", "c.jpg"} <= files
    assert "aa.mp4" not in files

    alone = CliRunner().invoke(app, ["predict", str(folder / "aa.mp4"), "--model", str(model),
                                     "--results", str(tmp_path / "one.csv")])  # fmt: skip
    assert alone.exit_code == 1
    assert not (tmp_path / "one.csv").exists()


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (Outputs(), "nothing to write"),
        (Outputs(results=[Path("out.xml")]), "written as .json"),
        (Outputs(Path("{source}/seen")), "lies in the source"),
        (Outputs(Path("{source}/a.png")), "is a file, and"),
    ],
)
def test_outputs_that_cannot_be_are_refused_before_anything_is_looked_at(
    folder: Path, outputs: Outputs, said: str
) -> None:
    drawn = outputs.annotated and Path(str(outputs.annotated).format(source=folder))
    detector = Looking()
    with pytest.raises(MediaError, match=said):
        predict(detector, folder, Outputs(drawn, outputs.results))
    assert detector.seen == 0


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="neither a picture nor a video"):
        predict(Looking(), tmp_path, Outputs(results=[tmp_path / "out.json"]))


def test_the_command_writes_both(folder: Path, tmp_path: Path) -> None:
    model, out = write_tiny_model(tmp_path), tmp_path / "seen"
    done: Result = CliRunner().invoke(app, [
        "predict", str(folder), "--model", str(model), "--out", str(out),
        "--results", str(tmp_path / "out.json"), "--results", str(tmp_path / "out.csv"),
    ])  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("out.csv: 7 frames, seen: 7 person\n")
    assert (tmp_path / "out.json").exists()
    assert (out / "c.jpg").exists()
