"""A video file appears when it is whole, and not before."""

import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from models.detections import Image
from models.errors import MediaError
from models.media import VideoReader
from models.video_writer import VideoFormat, VideoWriter, find_h264_encoder
from tests.support.media import HEIGHT, WIDTH, number_of, picture

Program = Callable[[], str | None]

FORM = VideoFormat(WIDTH, HEIGHT, 10.0)


def ffmpeg() -> str:
    program = find_h264_encoder()
    if program is None:
        pytest.skip("ffmpeg with libx264 is not installed; `make test` installs it")
    return program


def fake_program(folder: Path, script: str) -> str:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def write(
    path: Path, frames: Iterable[Image], program: str | None, form: VideoFormat = FORM
) -> None:
    with VideoWriter(path, form, program) as writer:
        for frame in frames:
            writer.write(frame)


@pytest.mark.parametrize("program", [ffmpeg, lambda: None], ids=["ffmpeg", "opencv"])
def test_frames_come_back_in_order(tmp_path: Path, program: Program) -> None:
    path = tmp_path / "out.mp4"

    write(path, (picture(number) for number in range(6)), program())

    with VideoReader(path) as reader:
        assert [number_of(frame) for frame in reader] == list(range(6))
        assert reader.fps == pytest.approx(10)
    assert list(tmp_path.iterdir()) == [path]


def test_odd_sides_are_made_even_for_h264(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"

    frame = np.full((21, 33, 3), 128, np.uint8)
    write(path, [frame], ffmpeg(), VideoFormat(33, 21, 10.0))

    with VideoReader(path) as reader:
        assert next(iter(reader)).shape == (22, 34, 3)


@pytest.mark.parametrize("program", [ffmpeg, lambda: None], ids=["ffmpeg", "opencv"])
def test_an_error_on_the_way_leaves_nothing_behind(tmp_path: Path, program: Program) -> None:
    frames = [picture(0), np.zeros((10, 10, 3), np.uint8)]

    with pytest.raises(MediaError, match="size of the frames changed"):
        write(tmp_path / "out.mp4", frames, program())

    assert list(tmp_path.iterdir()) == []


def test_a_container_that_nobody_knows_is_refused_with_ffmpegs_reason(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="ffmpeg failed: .+"):
        write(tmp_path / "out.qqq", [picture(0)], ffmpeg())

    assert list(tmp_path.iterdir()) == []


def test_opencv_says_which_container_it_writes(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"use \.mp4"):
        VideoWriter(tmp_path / "out.qqq", FORM, None)


def test_an_encoder_that_dies_is_told_with_its_last_words(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = fake_program(folder, "echo 'no space left on device' >&2; exit 1")
    frames = [np.zeros((480, 640, 3), np.uint8)] * 20

    with pytest.raises(MediaError, match="no space left on device"):
        write(tmp_path / "out.mp4", frames, program, VideoFormat(640, 480, 10.0))


def test_an_encoder_that_fails_in_silence_is_still_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = fake_program(folder, "cat > /dev/null; exit 3")

    with pytest.raises(MediaError, match="it said nothing"):
        write(tmp_path / "out.mp4", [picture(0)], program)


def test_the_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"

    with VideoWriter(path, FORM, None) as writer:
        writer.write(picture(0))
        assert not path.exists()

    assert path.exists()


def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="there is no folder"):
        VideoWriter(tmp_path / "none" / "out.mp4", FORM, None)
