"""Pictures and videos are read and written, or it is said why not."""

from pathlib import Path

import numpy as np
import pytest

from models.errors import MediaError
from models.media import (
    VideoReader,
    is_picture,
    picture_of_png,
    png_of,
    read_picture,
    shrunk,
    write_picture,
)
from tests.support.media import HEIGHT, WIDTH, number_of, picture, write_video


def test_a_picture_comes_back_as_it_was_written(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "picture.png"

    write_picture(path, image)

    assert is_picture(path)
    np.testing.assert_array_equal(read_picture(path), image)
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_is_no_picture(tmp_path: Path) -> None:
    assert not is_picture(write_video(tmp_path / "video.avi", 2))


def test_a_missing_file_or_a_folder_is_said_to_be_none(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(MediaError, match="there is no such file"):
            is_picture(path)


def test_a_broken_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    write_picture(path, picture(1))
    path.write_bytes(path.read_bytes()[:24])

    with pytest.raises(MediaError, match="no picture that OpenCV can read"):
        read_picture(path)


def test_a_suffix_that_is_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"can be written as '\.mp4'"):
        write_picture(tmp_path / "out.mp4", picture(1))


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="No such file or directory"):
        write_picture(tmp_path / "none" / "out.png", picture(1))


def test_a_picture_too_wide_for_its_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be written"):
        write_picture(tmp_path / "out.jpg", np.zeros((1, 70_000, 3), np.uint8))

    assert list(tmp_path.iterdir()) == []


def test_a_videos_frames_come_in_order(tmp_path: Path) -> None:
    with VideoReader(write_video(tmp_path / "video.avi", 5, fps=7)) as reader:
        frames = list(reader)

    assert [number_of(frame) for frame in frames] == [0, 1, 2, 3, 4]
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
    assert reader.fps == pytest.approx(7)
    assert reader.total_frames == 5


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"this is no video" * 100)

    with pytest.raises(MediaError, match=r"video\.mp4: is no video that OpenCV can read"):
        VideoReader(path)


def test_a_png_in_memory_comes_back_as_it_was() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)

    np.testing.assert_array_equal(picture_of_png(png_of(image), 30, 20), image)


def test_a_png_of_another_size_or_damaged_is_refused() -> None:
    whole = png_of(picture(1))

    with pytest.raises(MediaError, match="is no PNG of 10x10"):
        picture_of_png(whole, 10, 10)
    with pytest.raises(MediaError, match="is a damaged PNG"):
        picture_of_png(whole[:40], WIDTH, HEIGHT)
    with pytest.raises(MediaError, match="no PNG can be made"):
        png_of(np.zeros((0, 4, 3), np.uint8))


def test_only_what_is_too_large_is_shrunk() -> None:
    image = np.zeros((100, 400, 3), np.uint8)

    assert shrunk(image, 400) is image
    assert shrunk(image, 200).shape == (50, 200, 3)
    assert shrunk(image[:1], 100).shape == (1, 100, 3)
