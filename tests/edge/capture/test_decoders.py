from dataclasses import replace
from typing import Any

import pytest

from edge.capture import pipelines
from edge.capture.decoders import Technologies, element_of, ways
from edge.capture.settings import CameraSource
from edge.errors import CaptureError

WHEEL = Technologies(False, "/usr/bin/gst-launch-1.0", "/usr/bin/ffmpeg")
"""OpenCV as PyPI has it, on a machine with everything else."""

JETSON = Technologies(True, "/usr/bin/gst-launch-1.0", "", frozenset({"nvv4l2decoder"}))
BARE = Technologies(False, "", "")
SECRET = "hunter2"
URL = f"rtsp://admin:{SECRET}@10.0.0.5/stream1"


def camera(source: object, **settings: Any) -> CameraSource:
    return CameraSource.model_validate({"source": source, **settings})


@pytest.mark.parametrize(
    ("settings", "machine", "expected"),
    [
        (camera(URL), WHEEL, ("opencv",)),
        (camera(URL), BARE, ("opencv",)),
        (camera(URL), JETSON, ("opencv-gstreamer", "opencv")),
        (camera(URL), replace(JETSON, elements=frozenset({"avdec_h264"})), ("opencv",)),
        (camera(URL, decoder="opencv"), JETSON, ("opencv",)),
        (camera(URL, decoder="ffmpeg"), WHEEL, ("ffmpeg",)),
        (camera(URL, transport="udp"), WHEEL, ("ffmpeg",)),
        (camera(URL, decoder="gstreamer"), JETSON, ("opencv-gstreamer",)),
        (camera("rtsp://10.0.0.5/1", decoder="gstreamer"), WHEEL, ("gst-launch",)),
        (camera("http://cam/video.mjpg"), JETSON, ("opencv",)),
        (camera(0), JETSON, ("opencv",)),
        (camera(0, decoder="gstreamer"), WHEEL, ("gst-launch",)),
        (camera("csi://0"), JETSON, ("opencv-gstreamer",)),
        (camera("csi://0"), WHEEL, ("gst-launch",)),
        (camera("gst://videotestsrc"), WHEEL, ("gst-launch",)),
    ],
)
def test_who_decodes(
    settings: CameraSource, machine: Technologies, expected: tuple[str, ...]
) -> None:
    assert ways(settings, machine) == expected


@pytest.mark.parametrize(
    ("settings", "machine", "words"),
    [
        (camera(URL, transport="udp"), BARE, "transport udp needs .*apt-get install ffmpeg"),
        (camera(URL, decoder="ffmpeg"), JETSON, "decoder ffmpeg needs .*apt-get install ffmpeg"),
        (camera("csi://0"), BARE, "csi://0 needs GStreamer.*apt-get install gstreamer1.0-tools"),
        (camera(URL, decoder="gstreamer"), WHEEL, "holds a password.*decoder `auto`"),
        (camera(f"gst://rtspsrc location=rtsp://cam user-pw={SECRET}"), WHEEL, "holds a password"),
        (camera(f"gst://rtspsrc location=rtsp://a:{SECRET}@cam"), WHEEL, "holds a password"),
        (camera(f"gst://srtsrc passphrase={SECRET}"), WHEEL, "holds a password"),
        (camera(f"gst://souphttpsrc location=http://c/?token={SECRET}"), WHEEL, "holds a password"),
        (camera(f"gst://rtspsrc proxy-pw={SECRET}"), WHEEL, "holds a password"),
    ],
)
def test_what_is_missing_is_named_without_the_password(
    settings: CameraSource, machine: Technologies, words: str
) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        ways(settings, machine)
    assert SECRET not in str(caught.value)


def test_a_board_s_own_decoder_is_preferred() -> None:
    every = pipelines.ELEMENTS
    assert element_of(camera(URL), every) == ("nvv4l2decoder", "nvarguscamerasrc")
    pc = every - {"nvv4l2decoder", "nvarguscamerasrc"}
    assert element_of(camera(URL, codec="h265"), pc) == ("vah265dec", "libcamerasrc")
    assert element_of(camera(URL), {"openh264dec", "avdec_h264"}) == ("avdec_h264", "")


@pytest.mark.parametrize(
    ("source", "words"), [(URL, "no decoder of h264"), ("csi://1", "has none of nvargus")]
)
def test_a_pipeline_without_its_element_is_refused(source: str, words: str) -> None:
    with pytest.raises(CaptureError, match=words) as caught:
        element_of(camera(source), ())
    assert SECRET not in str(caught.value)
