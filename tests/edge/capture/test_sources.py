import shutil
import subprocess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from structlog.testing import capture_logs

from edge.capture.clock import WallClock
from edge.capture.folder import FolderVideo
from edge.capture.opencv import OpenCvVideo
from edge.capture.port import Frame, Source
from edge.capture.settings import CameraSource
from edge.capture.sources import Camera
from edge.errors import CaptureError
from models import zoo
from models.errors import AssetError
from tests.support.media import MjpegCamera, number_of, picture, served, write_video
from tests.support.processes import free_port

S = 1_000_000_000
NOW_NS = 1_700_000_000 * S


class StandingClock:
    """A wall clock that only waiting moves."""

    def __init__(self) -> None:
        self.ns = NOW_NS
        self.waits_s: list[float] = []

    def wall(self) -> WallClock:
        return WallClock(lambda: self.ns, lambda: self.ns)

    def wait(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.ns += round(seconds * S)


def opened(clock: StandingClock, source: object, **settings: Any) -> Source:
    camera = CameraSource.model_validate({"source": source, **settings})
    return Camera("cam-one", camera, clock.wall()).open(clock.wait)


def read_all(source: Source) -> list[Frame]:
    frames = list(iter(source.read, None))
    source.close()
    return frames


def test_a_lossless_file_ends_now_and_keeps_its_pace(tmp_path: Path) -> None:
    clock = StandingClock()
    frames = read_all(opened(clock, str(write_video(tmp_path / "a.mp4", 20, fps=10))))
    offsets = [frame.captured_ns - (NOW_NS - 2 * S) for frame in frames]
    assert np.allclose(offsets, np.arange(20) * S // 10, atol=1000)
    assert clock.waits_s == []


def test_frame_times_of_a_real_video_are_its_timestamps(tmp_path: Path) -> None:
    if shutil.which("ffprobe") is None:
        pytest.skip("ffprobe is not installed; `make test` installs ffmpeg")
    try:
        path = zoo.video("dashcam-lanes")
    except AssetError as error:
        pytest.skip(str(error))
    listing = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
         "frame=pts_time", "-of", "csv=p=0", str(path)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    expected = [float(line.strip(",")) for line in listing.split()]
    frames = read_all(opened(StandingClock(), str(path)))
    seconds = [(frame.captured_ns - frames[0].captured_ns) / S for frame in frames]
    assert len(frames) == len(expected) == 221
    assert np.allclose(seconds, np.array(expected) - expected[0], atol=1e-4)
    assert frames[-1].captured_ns < NOW_NS


def test_a_file_of_pace_live_is_released_as_it_was_filmed(tmp_path: Path) -> None:
    clock = StandingClock()
    path = write_video(tmp_path / "a.mp4", 5, fps=10)
    frames = read_all(opened(clock, str(path), pace="live"))
    offsets = [frame.captured_ns - NOW_NS for frame in frames]
    assert np.allclose(offsets, np.arange(5) * S // 10, atol=10_000)
    assert np.allclose(clock.waits_s, [0.1] * 4, atol=1e-3)


def test_a_late_reader_is_not_held_back(tmp_path: Path) -> None:
    clock = StandingClock()
    source = opened(clock, str(write_video(tmp_path / "a.mp4", 5, fps=10)), pace="live")
    clock.ns += 10 * S
    assert len(read_all(source)) == 5
    assert clock.waits_s == []


def test_a_live_file_goes_on_from_now_when_the_clock_is_set(tmp_path: Path) -> None:
    clock, ahead_s = StandingClock(), 0
    wall = WallClock(lambda: clock.ns + ahead_s * S, lambda: clock.ns)
    path = str(write_video(tmp_path / "a.mp4", 9, fps=10))
    settings = CameraSource(source=path, pace="live", loop=True)
    source = Camera("cam-one", settings, wall).open(clock.wait)
    for _ in range(5):
        source.read()
    ahead_s = 3600
    after = [source.read() for _ in range(30)]
    source.close()
    times = np.array([frame.captured_ns for frame in after if frame])
    assert times[0] - NOW_NS >= 3600 * S, "else each frame would be an hour old"
    assert np.allclose(np.diff(times), S // 10, atol=10_000)
    assert len(clock.waits_s) >= 30, "and the hour would be read as fast as it can be"


def test_a_live_file_that_decodes_too_slowly_plays_more_slowly(tmp_path: Path) -> None:
    clock = StandingClock()
    path = str(write_video(tmp_path / "a.mp4", 9, fps=10))
    source = opened(clock, path, pace="live", loop=True)
    lags_ns = []
    for _ in range(600):
        clock.ns += S // 8  # for each picture that is due every tenth of a second
        frame = source.read()
        assert frame is not None
        lags_ns.append(clock.ns - frame.captured_ns)
    source.close()
    assert max(lags_ns) < 2.5 * S
    assert sum(lag_ns > S for lag_ns in lags_ns) < 300, "else all of them would be too old soon"


@pytest.mark.parametrize("name", ["a.mp4", "a.mjpeg"])
def test_a_loop_goes_on_where_the_file_began(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / "a.mp4", 3, fps=10)
    if name == "a.mjpeg":
        path = raw_stream(path.parent, 3)
    source = opened(StandingClock(), str(path), pace="live", loop=True)
    frames = [source.read() for _ in range(8)]
    source.close()
    assert [number_of(frame.image) for frame in frames if frame] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert [frame.number for frame in frames if frame] == list(range(8))
    times = np.array([frame.captured_ns for frame in frames if frame])
    assert np.ptp(np.diff(times)) < 10_000
    assert source.total_frames is None


def raw_stream(folder: Path, frames: int) -> Path:
    """JPEGs one after the other: a video that announces neither length nor times."""
    path = folder / "raw.mjpeg"
    capture = cv2.VideoCapture(str(write_video(folder / "b.mp4", frames)))
    images = [capture.read()[1] for _ in range(frames)]
    path.write_bytes(b"".join(cv2.imencode(".jpg", image)[1].tobytes() for image in images))
    return path


def test_a_file_that_does_not_say_how_long_it_is_is_counted(tmp_path: Path) -> None:
    source = opened(StandingClock(), str(raw_stream(tmp_path, 30)))
    assert source.total_frames == 30
    frames = read_all(source)
    assert len(frames) == 30
    assert NOW_NS - 2 * S < frames[0].captured_ns < frames[-1].captured_ns < NOW_NS


def test_frames_without_timestamps_are_counted_at_the_announced_rate(tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed; `make test` installs it")
    path, raw = write_video(tmp_path / "a.mp4", 10), tmp_path / "a.h264"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-c:v", "libx264", "-bf", "0", str(raw)],
        check=True,
    )
    frames = read_all(opened(StandingClock(), str(raw)))
    gaps = np.diff([frame.captured_ns for frame in frames])
    assert len(frames) == 10
    assert gaps.min() == gaps.max() == S // 25


def test_a_cut_video_is_told(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with capture_logs() as logs:
        source = opened(StandingClock(), str(path))
        total, frames = source.total_frames, read_all(source)
    assert total == 100
    assert 0 < len(frames) < 60
    assert [(log["event"], log["announced_s"]) for log in logs] == [
        ("video ends early: it is cut or damaged", 10.0)
    ]


def test_a_whole_video_is_not_called_cut(tmp_path: Path) -> None:
    with capture_logs() as logs:
        read_all(opened(StandingClock(), str(write_video(tmp_path / "a.avi", 30))))
    assert logs == []


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "there is no such file"), (b"", "is no video"), (b"no video " * 99, "is no video")],
)
def test_a_file_that_is_no_video_is_named(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CaptureError, match=f"film.mp4: {words}"):
        opened(StandingClock(), str(path))


def test_a_folder_of_pictures_is_a_video_in_the_order_of_its_names(tmp_path: Path) -> None:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    (tmp_path / "notes.txt").write_text("no picture")
    clock = StandingClock()
    source = opened(clock, str(tmp_path), fps=5)
    assert (source.total_frames, source.decoder) == (12, "OpenCV pictures")
    frames = read_all(source)
    assert [number_of(frame.image) for frame in frames] == list(range(12))
    offsets = [frame.captured_ns - (NOW_NS - 12 * S // 5) for frame in frames]
    assert np.allclose(offsets, np.arange(12) * S // 5, atol=1000)


def test_a_folder_may_be_walked_through_again_and_again(tmp_path: Path) -> None:
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    source = opened(StandingClock(), str(tmp_path), pace="live", loop=True)
    numbers = [number_of(frame.image) for frame in (source.read() for _ in range(7)) if frame]
    source.close()
    assert numbers == [0, 1, 2, 0, 1, 2, 0]


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="is a folder without pictures"):
        opened(StandingClock(), str(tmp_path))


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="gone: cannot be read: No such file"):
        FolderVideo(tmp_path / "gone", 10.0)


@pytest.mark.parametrize("names", [("1²3.png", "2.png"), ("01.png", "1.png", "2.png")])
def test_any_names_of_pictures_have_one_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    for number in reversed(range(len(names))):
        cv2.imwrite(str(tmp_path / names[number]), picture(number))
    video = FolderVideo(tmp_path, 10.0)
    images = [video.read() for _ in names]
    assert [number_of(image) for image in images if image is not None] == [*range(len(names))]


def test_a_broken_picture_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    source = opened(StandingClock(), str(tmp_path))
    with pytest.raises(CaptureError, match=r"a\.png: is no picture"):
        source.read()


def test_a_usb_camera_that_is_not_there() -> None:
    with pytest.raises(CaptureError, match="USB camera 63 cannot be opened"):
        opened(StandingClock(), 63)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_camera_that_does_not_answer(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{scheme}://admin:s3cret@127.0.0.1:{free_port()}/live"
    with pytest.raises(CaptureError, match="check address, user and password") as caught:
        opened(StandingClock(), url, open_timeout_ms=500)
    assert "s3cret" not in f"{caught.value!r} {capfd.readouterr()}"


def test_a_camera_that_falls_silent_or_closes_is_lost() -> None:
    remote = MjpegCamera()
    remote.switch_on()
    try:
        source = opened(StandingClock(), remote.url, read_timeout_ms=200)
        assert [source.read() is not None for _ in range(3)] == [True] * 3
        remote.freeze()
        with pytest.raises(CaptureError, match=r"\*\*\*@127.0.0.1:\d+/video.mjpg stopped"):
            list(iter(source.read, None))
        source.close()
    finally:
        remote.switch_off()


def test_a_stream_is_timed_by_arrival_and_goes_on_after_a_loss() -> None:
    remote = MjpegCamera(period_s=0.001)
    remote.switch_on()
    clock = StandingClock()
    settings = CameraSource(source=remote.url)
    camera = Camera("cam-one", settings, clock.wall())
    frames: list[Frame] = []
    try:
        for _ in range(2):
            source = camera.open(clock.wait)
            for _ in range(3):
                clock.ns += S // 10
                frame = source.read()
                assert frame is not None
                frames.append(frame)
            source.close()
    finally:
        remote.switch_off()
    assert [frame.number for frame in frames] == list(range(6))
    assert [frame.captured_ns - NOW_NS for frame in frames] == [n * S // 10 for n in range(1, 7)]


def test_a_source_that_was_replaced_makes_no_frame() -> None:
    clock = StandingClock()
    settings = CameraSource(source="synthetic://yard?width=64&height=64&fps=10")
    camera = Camera("cam-one", settings, clock.wall())
    replaced = camera.open(clock.wait)
    assert replaced.read() is not None
    source = camera.open(clock.wait)
    with pytest.raises(CaptureError, match="opened again meanwhile"):
        replaced.read()
    frame = source.read()
    assert frame is not None
    assert frame.number == 1, "no number is missing"
    replaced.close()
    source.close()


def test_a_video_file_behind_a_url_ends(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", 7)
    with served(tmp_path) as url:
        source = opened(StandingClock(), f"{url}/a.avi")
        assert source.total_frames == 7
        assert len(read_all(source)) == 7


class BrokenCapture:
    """Opens, and then sends pictures that cannot be decoded."""

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def grab(self) -> bool:
        return False

    def read(self) -> tuple[bool, Any]:
        raise cv2.error("imdecode failed")

    def get(self, propId: int) -> float:  # noqa: N803
        return 0.0

    def getBackendName(self) -> str:  # noqa: N802
        return "FAKE"

    def release(self) -> None:
        """Nothing is held."""


def test_a_broken_picture_is_an_error_of_the_camera() -> None:
    video = OpenCvVideo(CameraSource(source=0), lambda *arguments: BrokenCapture())
    with pytest.raises(CaptureError, match="0 sent a picture that cannot be decoded"):
        video.read()


def test_the_port_s_settings_reach_opencv() -> None:
    seen: list[tuple[Any, ...]] = []

    def open_capture(*arguments: Any) -> BrokenCapture:
        seen.append(arguments)
        return BrokenCapture()

    OpenCvVideo(CameraSource(source="/dev/video7"), open_capture)
    asked = CameraSource(source=1, width_px=1280, height_px=720, fps=25)
    OpenCvVideo(asked, open_capture)
    settings = CameraSource(source="rtsp://cam/1", open_timeout_ms=1234, read_timeout_ms=567)
    OpenCvVideo(settings, open_capture)
    OpenCvVideo(settings, open_capture, pipeline="videotestsrc ! appsink")
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 1234, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 567,
        cv2.CAP_PROP_N_THREADS, 1,
    ]  # fmt: skip
    size = [
        cv2.CAP_PROP_FRAME_WIDTH, 1280, cv2.CAP_PROP_FRAME_HEIGHT, 720, cv2.CAP_PROP_FPS, 25,
    ]  # fmt: skip
    assert seen == [
        ("/dev/video7", cv2.CAP_V4L2),
        (1, cv2.CAP_V4L2, size),
        ("rtsp://cam/1", cv2.CAP_FFMPEG, limits),
        ("videotestsrc ! appsink", cv2.CAP_GSTREAMER),
    ]
