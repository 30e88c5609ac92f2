import os
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge.capture.decoders import open_video
from edge.capture.opencv import bgr_of_i420
from edge.capture.settings import CameraSource
from edge.capture.y4m import PipedVideo
from edge.errors import CaptureError
from tests.support.media import MjpegCamera, number_of
from tests.support.processes import free_port

SECRET = "hunter2"
SOURCE = f"rtsp://admin:{SECRET}@cam/1"


def piped(program: str, timeout_s: float = 5.0) -> PipedVideo:
    """What a Python program writes to the descriptor that is its first argument."""
    whole = f"import os, sys, time\nfd = int(sys.argv[1])\n{program}"
    return PipedVideo(
        lambda fd: [sys.executable, "-c", whole, str(fd)],
        b"",
        source=SOURCE,
        decoder="test",
        open_timeout_s=timeout_s,
        read_timeout_s=timeout_s,
        to_bgr=bgr_of_i420,
    )  # fmt: skip


def test_pictures_are_read_however_they_are_cut() -> None:
    video = piped(
        "data = b'YUV4MPEG2 W16 H8 F25:2 Ip C420mpeg2\\n'\n"
        "for level in (16, 235):\n"
        "    data += b'FRAME\\n' + bytes([level]) * 128 + b'\\x80' * 64\n"
        "for at in range(0, len(data), 37): os.write(fd, data[at:at + 37])\n"
    )
    assert (video.fps, video.pts_ns, video.frame_count) == (12.5, None, 0)
    images = [video.read() for _ in range(3)]
    assert [None if image is None else int(image.mean()) for image in images] == [0, 255, None]
    assert images[0] is not None
    assert images[0].shape == (8, 16, 3)
    video.close()
    video.close()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("sys.exit('rtsp://admin:hunter2@cam/1: 401 Unauthorized')",
         r"rtsp://\*\*\*@cam/1 cannot be opened by test: rtsp://\*\*\*@cam/1: 401 Unauthorized"),
        ("sys.exit('at tcp://admin:hunter2@cam:554')", r"tcp://\*\*\*@cam:554"),
        ("os.write(fd, b'GIF89a\\n')", "something that is no video"),
        ("os.write(fd, b'YUV4MPEG2 W16\\n')", "without a size"),
        ("os.write(fd, b'YUV4MPEG2 W16 H99999\\n')", "which cannot be"),
        ("os.write(fd, b'YUV4MPEG2 W15 H8 C420\\n')", "even width and height"),
        ("os.write(fd, b'YUV4MPEG2 W16 H8 C444\\n')", "C444|444"),
        ("os.write(fd, b'x' * 100000)", "cannot be opened"),
    ],
)  # fmt: skip
def test_a_program_that_fails_is_quoted_without_the_password(program: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        piped(program)
    assert SECRET not in str(caught.value)


def test_a_program_that_says_nothing_is_ended() -> None:
    with pytest.raises(CaptureError, match="no picture within 0.2 s"):
        piped("time.sleep(600)", timeout_s=0.2)


def test_a_program_that_talks_without_end_does_not_block() -> None:
    video = piped(
        "os.write(fd, b'YUV4MPEG2 W16 H8 F5:1\\n')\n"
        "for _ in range(3):\n"
        "    os.write(2, b'error\\n' * 50000)\n"
        "    os.write(fd, b'FRAME\\n' + bytes(192))\n"
    )
    assert [video.read() is not None for _ in range(4)] == [True, True, True, False]
    video.close()


@contextmanager
def few_descriptors() -> Iterator[None]:
    """This process may open no further one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_program_that_cannot_be_started_is_the_camera_s_trouble_alone() -> None:
    with few_descriptors(), pytest.raises(CaptureError, match="be started: Too many open files"):
        piped("")


def test_a_high_descriptor_is_read_as_any_other() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2048), hard))
    held = [os.dup(0) for _ in range(1024)]
    try:
        # That nothing more is said on stderr is noticed before the picture comes.
        video = piped(
            "os.close(2); time.sleep(0.3)\n"
            "os.write(fd, b'YUV4MPEG2 W16 H8 F5:1\\nFRAME\\n' + bytes(192))\n"
        )
        assert video.read() is not None
        video.close()
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_no_picture_is_an_error() -> None:
    video = piped("os.write(fd, b'YUV4MPEG2 W16 H8\\nFRANE\\n')")
    with pytest.raises(CaptureError, match="no picture"):
        video.read()
    video.close()


def test_ffmpeg_reads_a_camera_over_http() -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed; `make test` installs it")
    remote = MjpegCamera()
    remote.switch_on()
    try:
        video = open_video(CameraSource(source=remote.url, decoder="ffmpeg"))
        assert video.decoder == "ffmpeg process"
        images = [video.read() for _ in range(12)]
        video.close()
    finally:
        remote.switch_off()
    numbers = [number_of(image) for image in images if image is not None]
    assert np.diff(numbers).tolist() == [1] * 11, "none doubled, none dropped"


def test_ffmpeg_that_finds_nobody_says_so_without_the_password() -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed; `make test` installs it")
    url = f"rtsp://admin:{SECRET}@127.0.0.1:{free_port()}/1"
    with pytest.raises(CaptureError, match="ffmpeg process: Connection refused") as caught:
        open_video(CameraSource(source=url, transport="udp"))
    assert SECRET not in str(caught.value)


def test_gst_launch_runs_a_pipeline_of_one_s_own(tmp_path: Path) -> None:
    if shutil.which("gst-launch-1.0") is None:
        pytest.skip("GStreamer is not installed; `make test` installs it")
    caps = "video/x-raw,width=64,height=48,framerate=20/1"
    source = f"gst://videotestsrc pattern=smpte num-buffers=5 ! {caps} ! jpegenc ! jpegdec"
    video = open_video(CameraSource(source=source))
    assert (video.decoder, video.fps) == ("gst-launch jpegdec", 20)
    images = [video.read() for _ in range(6)]
    video.close()
    assert [image is not None for image in images] == [True] * 5 + [False]
    assert images[0] is not None
    left, right = images[0][5, 3], images[0][5, -4]
    assert left.min() > 150, "SMPTE bars begin with grey"
    assert right[0] > 150 > right[2], "and end with blue"
