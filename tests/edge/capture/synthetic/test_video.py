from pathlib import Path

import numpy as np
import pytest

from edge.capture.synthetic.scene import Scene, parse_scene
from edge.capture.synthetic.video import SyntheticCamera, SyntheticVideo
from edge.errors import CaptureError
from models.detections import Image


class Device:
    """A synthetic camera whose time only waiting moves."""

    def __init__(self, query: str = "", *, is_paced: bool = True) -> None:
        self.settings = parse_scene(f"synthetic://yard?width=128&height=72&fps=10&{query}")
        self.now_s = 50.0
        self.waits_s: list[float] = []
        self.camera = SyntheticCamera(
            self.settings, 0.05, is_paced=is_paced, monotonic_s=lambda: self.now_s
        )

    def open(self) -> SyntheticVideo:
        return SyntheticVideo(self.camera, self.wait)

    def wait(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds


def test_pictures_come_at_their_time_and_are_those_of_the_scene() -> None:
    device = Device()
    video, scene = device.open(), Scene(device.settings)
    for number in range(5):
        image = video.read()
        assert image is not None
        assert (image == scene.picture(number)).all()
        assert video.pts_ns == number * 100_000_000
    assert device.waits_s == pytest.approx([0.1] * 5)


def test_without_a_pace_they_come_as_they_are_read_and_end() -> None:
    device = Device("frames=7", is_paced=False)
    video = device.open()
    assert (video.frame_count, video.count(), video.fps) == (7, 7, 10)
    images = [video.read() for _ in range(9)]
    assert [image is None for image in images] == [False] * 7 + [True] * 2
    assert device.waits_s == []


def test_a_late_reader_catches_up_and_a_very_late_one_loses_pictures() -> None:
    device = Device()
    video = device.open()
    device.now_s += 1.5
    for _ in range(15):
        assert video.read() is not None
    assert sum(device.waits_s) < 1e-9
    assert video.pts_ns == 1_400_000_000
    device.now_s += 60
    video.read()
    assert video.pts_ns > 60_000_000_000


def test_it_goes_on_while_nobody_is_connected() -> None:
    device = Device()
    device.open().read()
    device.now_s += 10
    video = device.open()
    image = video.read()
    assert image is not None
    assert (image == Scene(device.settings).picture(101)).all()
    assert video.pts_ns == 0, "timestamps are the connection's"


def test_faults_of_the_picture() -> None:
    device = Device("faults=freeze@1-2,garbage@3-4,size@5-6")
    video = device.open()
    shown: dict[float, Image] = {}
    for _ in range(70):
        image = video.read()
        assert image is not None
        shown[round(device.now_s - 50, 1)] = image
    assert (shown[1.1] == shown[1.9]).all()
    assert (shown[2.1] != shown[1.9]).any()
    assert (shown[3.5][50:] == 128).all()
    assert not (shown[3.5][:40] == 128).all()
    assert shown[5.5].shape == (36, 64, 3)
    assert shown[6.5].shape == (72, 128, 3)


def test_a_frozen_picture_is_the_same_on_the_next_connection() -> None:
    device = Device("faults=freeze@0-9")
    first, again = device.open().read(), device.open().read()
    assert first is not None
    assert again is not None
    assert np.array_equal(first, again)


def test_faults_of_the_connection(tmp_path: Path) -> None:
    control = tmp_path / "fault"
    device = Device(f"control={control}")
    video = device.open()
    for fault in ("down", "end", "silent"):
        control.write_text(fault)
        assert video.read() is None, fault
        control.write_text("")
        assert video.read() is not None
    control.write_text("down")
    with pytest.raises(CaptureError, match="is down"):
        device.open()
    control.write_text("up")
    with pytest.raises(CaptureError, match="there is no fault 'up'"):
        video.read()


def test_timestamps_begin_again() -> None:
    device = Device("faults=reset@1-2")
    video = device.open()
    times = list[int]()
    for _ in range(15):
        video.read()
        times.append(video.pts_ns // 100_000_000)
    assert times == [*range(9), *range(6)]


def test_a_slow_camera_brings_a_quarter() -> None:
    device = Device("faults=slow@0-99")
    video = device.open()
    begun_s = device.now_s
    for _ in range(5):
        video.read()
    assert device.now_s - begun_s == pytest.approx(2.0)
    assert video.pts_ns == pytest.approx(1.6e9)


def test_closing_ends_it() -> None:
    video = Device().open()
    video.close()
    assert video.read() is None
