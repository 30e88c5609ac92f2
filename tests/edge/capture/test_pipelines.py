import pytest

from edge.capture import pipelines
from edge.capture.settings import CameraSource

SECRET = "hunter2"


def pipeline(source: str | int, decoder: str = "", csi: str = "", **settings: object) -> str:
    camera = CameraSource.model_validate({"source": source, **settings})
    return pipelines.capture_pipeline(camera, decoder, csi)


def test_an_rtsp_camera_on_a_jetson() -> None:
    assert pipeline("rtsp://10.0.0.5/1", "nvv4l2decoder", codec="h265") == (
        'rtspsrc location="rtsp://10.0.0.5/1" protocols=tcp latency=200 timeout=2000000'
        " ! rtph265depay ! h265parse ! nvv4l2decoder ! nvvidconv ! video/x-raw,format=BGRx"
    )


def test_a_decoder_in_software_needs_no_way_out_of_the_board_s_memory() -> None:
    assert pipeline("rtsp://10.0.0.5/1", "avdec_h264").endswith(" ! h264parse ! avdec_h264")


def test_a_url_cannot_add_elements() -> None:
    text = pipeline('rtsp://10.0.0.5/1"!filesink', "avdec_h264")
    assert 'location="rtsp://10.0.0.5/1\\"!filesink"' in text


def test_a_csi_camera() -> None:
    assert pipeline("csi://1", "", "nvarguscamerasrc", width_px=1280, height_px=720, fps=30) == (
        "nvarguscamerasrc sensor-id=1"
        " ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=30000/1000"
        " ! nvvidconv ! video/x-raw,format=BGRx"
    )
    assert pipeline("csi://0", "", "libcamerasrc") == "libcamerasrc"


def test_a_usb_camera_and_a_pipeline_of_one_s_own() -> None:
    assert pipeline(2) == "v4l2src device=/dev/video2 ! decodebin"
    assert pipeline("/dev/video7", width_px=640, height_px=480) == (
        "v4l2src device=/dev/video7 ! video/x-raw,width=640,height=480 ! decodebin"
    )
    assert pipeline("gst://videotestsrc ! identity") == "videotestsrc ! identity"


@pytest.mark.parametrize(
    ("text", "decoder"),
    [
        ("rtspsrc ! nvv4l2decoder ! nvvidconv", "nvv4l2decoder"),
        ("v4l2src ! jpegdec", "jpegdec"),
        ("v4l2src ! decodebin", "decodebin"),
        ("nvarguscamerasrc ! nvvidconv", "raw"),
    ],
)
def test_what_decodes_is_read_from_the_pipeline(text: str, decoder: str) -> None:
    assert pipelines.decoder_in(text) == decoder


def test_ffmpeg_s_command_line_holds_no_url() -> None:
    camera = CameraSource(source=f"rtsp://ad'min:{SECRET}@cam/1", transport="udp")
    assert SECRET not in " ".join(pipelines.ffmpeg_command("ffmpeg", 5, 1))
    assert pipelines.ffmpeg_input(camera).decode().splitlines() == [
        "ffconcat version 1.0",
        f"file 'rtsp://ad'\\''min:{SECRET}@cam/1'",
        "option rtsp_transport udp",
    ]
