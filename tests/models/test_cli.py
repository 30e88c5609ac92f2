"""wayside-models, as its users call it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from models.cli import app
from models.media import VideoReader, read_picture, write_picture
from tests.support.media import write_video
from tests.support.tiny_detector import write_tiny_model


def call(*arguments: object, environ: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environ)


def refusal(result: Result, code: int = 1) -> str:
    """The one line in which a command says why it failed."""
    assert result.exit_code == code
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.png"
    write_picture(path, np.full((64, 64, 3), 90, np.uint8))
    return path


def test_a_picture_is_drawn_on(tmp_path: Path, model: Path, source: Path) -> None:
    out = tmp_path / "out.png"

    result = call("predict", source, "--model", model, "--out", out)

    assert result.exit_code == 0
    assert result.stdout == f"{out}: 1 frame, seen: 1 person\n"
    assert (read_picture(out) != read_picture(source)).any()


def test_a_confidence_above_what_is_seen_draws_nothing(
    tmp_path: Path, model: Path, source: Path
) -> None:
    out = tmp_path / "out.png"

    result = call("predict", source, "--model", model, "--out", out, "--confidence", "0.95")

    assert result.stdout == f"{out}: 1 frame, seen: nothing\n"
    np.testing.assert_array_equal(read_picture(out), read_picture(source))


def test_a_video_is_drawn_on_frame_by_frame(tmp_path: Path, model: Path) -> None:
    source = write_video(tmp_path / "source.avi", 5)
    out = tmp_path / "out.mp4"

    result = call("predict", source, "--model", model, "--out", out)

    assert result.exit_code == 0
    assert result.stdout == f"{out}: 5 frames, seen: 5 person\n"
    with VideoReader(out) as reader:
        assert len(list(reader)) == 5


def test_without_ffmpeg_it_says_what_it_writes(tmp_path: Path, model: Path) -> None:
    source = write_video(tmp_path / "source.avi", 2)
    out = tmp_path / "out.mp4"

    result = call("predict", source, "--model", model, "--out", out,
                  environ={"PATH": str(tmp_path)})  # fmt: skip

    assert result.exit_code == 0
    assert "MPEG-4 Part 2" in result.stderr
    assert out.stat().st_size > 0


def test_a_video_that_cannot_be_read_is_one_line(tmp_path: Path, model: Path) -> None:
    source = tmp_path / "source.mp4"
    source.write_bytes(b"this is no video" * 100)

    line = refusal(call("predict", source, "--model", model, "--out", tmp_path / "out.mp4",
                        environ={"PATH": os.environ["PATH"]}))  # fmt: skip

    assert line.endswith("source.mp4: is no video that OpenCV can read")
    assert not (tmp_path / "out.mp4").exists()


def test_a_video_without_frames_is_one_line(tmp_path: Path, model: Path) -> None:
    whole = write_video(tmp_path / "source.avi", 3)
    frameless = tmp_path / "frameless.avi"
    frameless.write_bytes(whole.read_bytes()[: whole.read_bytes().index(b"movi") + 4])

    line = refusal(call("predict", frameless, "--model", model, "--out", tmp_path / "out.mp4"))

    assert "OpenCV can read" in line


def test_a_video_is_not_written_as_a_picture(tmp_path: Path, model: Path) -> None:
    source = write_video(tmp_path / "source.avi", 2)

    line = refusal(call("predict", source, "--model", model, "--out", tmp_path / "out.png"))

    assert line.endswith("is a video; use .mp4")


def test_the_source_is_never_written_over(model: Path, source: Path) -> None:
    line = refusal(call("predict", source, "--model", model, "--out", source))

    assert "is the source itself" in line


def test_a_manifest_with_mistakes_ends_with_code_2_and_their_lines(
    tmp_path: Path, source: Path
) -> None:
    manifest = tmp_path / "bad.yaml"
    manifest.write_text("name: bad\nsize: 3\n")

    result = call("predict", source, "--model", manifest, "--out", tmp_path / "out.png")

    assert result.exit_code == 2
    assert f"{manifest}:2: size: is unknown" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_network_that_is_not_the_manifests_is_one_line(
    tmp_path: Path, model: Path, source: Path
) -> None:
    (tmp_path / "tiny.onnx").write_bytes(b"another file")

    line = refusal(call("predict", source, "--model", model, "--out", tmp_path / "out.png"))

    assert "sha256 is" in line
    assert "expected" in line


def test_an_unknown_network_is_one_line_with_a_hint(tmp_path: Path, source: Path) -> None:
    line = refusal(call("predict", source, "--model", "yolo-nano", "--out", tmp_path / "out.png"))

    assert "did you mean 'yolox-nano'?" in line


def test_pull_fetches_from_the_folder_that_the_variable_names(tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "zoo"
    folder.mkdir(parents=True)
    (folder / "yolox_nano.onnx").write_bytes(b"another file")
    environ = {"WAYSIDE_ASSETS": str(tmp_path / "assets")}

    line = refusal(call("pull", "yolox-nano", environ=environ))

    assert "sha256 is" in line
    assert (folder / "yolox_nano.onnx").exists()


def test_pull_says_where_the_file_is(tmp_path: Path) -> None:
    from tests.support.real_assets import real_asset

    path = real_asset("fastestdet")

    assert call("pull", "fastestdet").stdout == f"fastestdet  {path}\n"


def test_pull_refuses_a_name_before_it_fetches_another(tmp_path: Path) -> None:
    environ = {"WAYSIDE_ASSETS": "", "XDG_CACHE_HOME": str(tmp_path)}

    line = refusal(call("pull", "yolox-nano", "fastest", environ=environ))

    assert "did you mean 'fastestdet'?" in line
    assert list(tmp_path.iterdir()) == []


def test_pull_wants_a_name() -> None:
    assert call("pull").exit_code == 2


def test_the_list_shows_networks_videos_and_licences() -> None:
    shown = call("pull", "--list", environ={"COLUMNS": "200"}).stdout

    for text in ("yolox-nano", "fastestdet", "cctv-people", "Apache-2.0", "CC-BY-4.0"):
        assert text in shown


def test_help_loads_neither_opencv_nor_onnxruntime() -> None:
    program = (
        "import sys\nfrom models.cli import app\n"
        "try:\n    app(['predict', '--help'])\nexcept SystemExit:\n    pass\n"
        "print({'cv2', 'onnxruntime', 'numpy'} & set(sys.modules))"
    )

    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "--confidence" in shown.stdout
    assert shown.stdout.splitlines()[-1] == "set()"
