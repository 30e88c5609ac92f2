"""What holds for every source of frames: files, folders, streams, a process, the fake."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest

from edge.capture.clock import WallClock
from edge.capture.port import Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Camera
from edge.errors import CaptureError
from tests.support.fake_source import FakeSource
from tests.support.media import MjpegCamera, number_of, picture, write_video

FRAMES = 12
Make = Callable[[], Source]


KINDS = ["fake", "file", "file-live", "folder", "http", "ffmpeg", "synthetic", "synthetic-live"]
DRAWN = {"fake", "file", "file-live", "folder", "http", "ffmpeg"}
"""Whose pictures are those of `tests.support.media.picture`."""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(kind: str, tmp_path: Path) -> Iterator[Make]:
    if kind == "fake":
        yield lambda: FakeSource(FRAMES, "cam-one")
        return
    remote = MjpegCamera()
    if kind in ("http", "ffmpeg"):
        remote.switch_on()
    camera = Camera("cam-one", settings_of(kind, tmp_path, remote), WallClock())
    yield lambda: camera.open(lambda seconds: None)
    remote.switch_off()


def settings_of(kind: str, folder: Path, remote: MjpegCamera) -> CameraSource:
    if kind == "http":
        return CameraSource(source=remote.url)
    if kind == "ffmpeg":
        if shutil.which("ffmpeg") is None:
            pytest.skip("ffmpeg is not installed; `make test` installs it")
        return CameraSource(source=remote.url, decoder="ffmpeg")
    if kind.startswith("synthetic"):
        url = f"synthetic://yard?width=64&height=64&fps=50&objects=1&frames={FRAMES}"
        return CameraSource(source=url, pace="live" if kind.endswith("live") else "lossless")
    if kind == "folder":
        for number in range(FRAMES):
            cv2.imwrite(str(folder / f"{number}.png"), picture(number))
        return CameraSource(source=str(folder))
    path = write_video(folder / "small.mp4", FRAMES, fps=50)
    return CameraSource(source=str(path), pace="live" if kind == "file-live" else "lossless")


def test_frames_are_pictures_in_order(make: Make, kind: str) -> None:
    source = make()
    try:
        frames = [source.read() for _ in range(FRAMES)]
    finally:
        source.close()
    assert [frame.number for frame in frames if frame] == list(range(FRAMES))
    assert {frame.camera for frame in frames if frame} == {"cam-one"}
    assert {(f.image.shape[2], f.image.dtype.name) for f in frames if f} == {(3, "uint8")}
    if kind in DRAWN:
        assert {f.image.shape for f in frames if f} == {(48, 64, 3)}
        first, *others = [number_of(f.image) for f in frames if f]
        assert others == list(range(first + 1, first + FRAMES))
        assert first == 0 or kind == "ffmpeg", "which looks at some pictures first"


def test_a_source_names_what_decodes_it(make: Make) -> None:
    source = make()
    try:
        assert source.decoder
        assert source.clock_resets == 0
    finally:
        source.close()


def test_captured_times_strictly_increase(make: Make) -> None:
    source = make()
    try:
        times = [frame.captured_ns for _ in range(FRAMES) if (frame := source.read())]
    finally:
        source.close()
    assert times == sorted(set(times))


def test_frames_are_not_overwritten_by_later_ones(make: Make) -> None:
    source = make()
    try:
        first = source.read()
        assert first is not None
        before = first.image.copy()
        source.read()
    finally:
        source.close()
    assert (first.image == before).all()


def test_a_lossless_source_knows_its_end(make: Make) -> None:
    source = make()
    try:
        if source.lossless:
            assert source.total_frames == FRAMES
            assert sum(1 for _ in iter(source.read, None)) == FRAMES
            assert source.read() is None
        else:
            assert source.total_frames in (None, FRAMES)
    finally:
        source.close()


def test_closing_twice_is_harmless_and_nothing_comes_any_more(make: Make) -> None:
    source = make()
    assert source.read() is not None
    source.close()
    source.close()
    with contextlib.suppress(CaptureError):  # as good an end
        assert source.read() is None
