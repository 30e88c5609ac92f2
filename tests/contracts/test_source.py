"""What holds for every source of frames: the fake, a file, a file at its pace, a stream."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.capture.clock import WallClock
from edge.capture.port import Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Camera
from edge.errors import CaptureError
from tests.support.fake_source import FakeSource
from tests.support.media import MjpegCamera, number_of, write_video

FRAMES = 12
Make = Callable[[], Source]


@pytest.fixture(params=["fake", "file", "file-live", "http"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    if request.param == "fake":
        yield lambda: FakeSource(FRAMES, "cam-one")
        return
    if request.param == "http":
        remote = MjpegCamera()
        remote.switch_on()
        settings = CameraSource(source=remote.url)
    else:
        remote = None
        path = write_video(tmp_path / "small.mp4", FRAMES, fps=50)
        pace = "live" if request.param == "file-live" else "lossless"
        settings = CameraSource(source=str(path), pace=pace)
    camera = Camera("cam-one", settings, WallClock())
    yield lambda: camera.open(lambda seconds: None)
    if remote is not None:
        remote.switch_off()


def test_frames_are_pictures_in_order(make: Make) -> None:
    source = make()
    try:
        frames = [source.read() for _ in range(FRAMES)]
    finally:
        source.close()
    assert [frame.number for frame in frames if frame] == list(range(FRAMES))
    assert {frame.camera for frame in frames if frame} == {"cam-one"}
    assert {(f.image.shape, f.image.dtype.name) for f in frames if f} == {((48, 64, 3), "uint8")}
    assert [number_of(f.image) for f in frames if f] == list(range(FRAMES))


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
