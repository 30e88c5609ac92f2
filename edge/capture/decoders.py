"""Who decodes a camera: what the settings want, and what the machine has."""

import functools
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import structlog

from edge.capture import opencv, pipelines
from edge.capture.port import Video
from edge.capture.settings import CameraSource
from edge.capture.y4m import PipedVideo
from edge.errors import CaptureError

_log = structlog.get_logger(__name__)

Way = Literal["opencv", "opencv-gstreamer", "gst-launch", "ffmpeg"]
_PROBE_S = 20.0
_SECRETS = ("-pw", "pass", "token", "secret", "@")
"""What stands in a pipeline that holds a password or the like (user-pw, passphrase, ?token=)."""

GET_GSTREAMER = (
    "install it with `apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad`"
)
GET_FFMPEG = "install it with `apt-get install ffmpeg`"


@dataclass(frozen=True, slots=True)
class Technologies:
    """What the machine has.

    Attributes:
        opencv_gstreamer: OpenCV was built with GStreamer.
        gst_launch: path of the program, empty where it is missing.
        ffmpeg: path of the program, empty where it is missing.
        elements: GStreamer's, of those that matter here.
    """

    opencv_gstreamer: bool
    gst_launch: str
    ffmpeg: str
    elements: frozenset[str] = frozenset()


def ways(settings: CameraSource, machine: Technologies) -> tuple[Way, ...]:
    """How to read a camera; where the first does not open it, the next may.

    Raises:
        CaptureError: what it takes is missing; the message says how to get it.
    """
    if settings.transport == "udp" or settings.decoder == "ffmpeg":
        if not machine.ffmpeg:
            what = "transport udp" if settings.transport == "udp" else "decoder ffmpeg"
            raise CaptureError(f"{what} needs the program `ffmpeg`; {GET_FFMPEG}")
        return ("ffmpeg",)
    if settings.decoder == "gstreamer" or settings.kind in ("csi", "gst"):
        return (_by_gstreamer(settings, machine),)
    has_hardware = bool(machine.elements & set(pipelines.HARDWARE[settings.codec]))
    if settings.decoder == "auto" and settings.kind == "rtsp" and has_hardware:
        return ("opencv-gstreamer", "opencv") if machine.opencv_gstreamer else ("opencv",)
    return ("opencv",)


def _by_gstreamer(settings: CameraSource, machine: Technologies) -> Way:
    if machine.opencv_gstreamer:
        return "opencv-gstreamer"
    if not machine.gst_launch:
        raise CaptureError(f"{settings.shown} needs GStreamer's `gst-launch-1.0`; {GET_GSTREAMER}")
    if (settings.kind == "rtsp" and settings.shown != settings.source) or _names_secret(settings):
        raise CaptureError(
            f"{settings.shown} holds a password, which `gst-launch-1.0` would show in the list of "
            "processes; use decoder `auto` or `ffmpeg`, or an OpenCV built with GStreamer"
        )
    return "gst-launch"


def _names_secret(settings: CameraSource) -> bool:
    source = str(settings.source).lower()
    return settings.kind == "gst" and any(word in source for word in _SECRETS)


def element_of(settings: CameraSource, elements: Iterable[str]) -> tuple[str, str]:
    """The decoder and the source of CSI cameras that a pipeline shall use.

    Raises:
        CaptureError: there is none that the camera needs.
    """
    there = set(elements)
    preferred = (*pipelines.HARDWARE[settings.codec], *pipelines.SOFTWARE[settings.codec])
    decoder = next((name for name in preferred if name in there), "")
    csi = next((name for name in pipelines.CSI_SOURCES if name in there), "")
    if settings.kind == "rtsp" and not decoder:
        raise CaptureError(f"GStreamer has no decoder of {settings.codec}; {GET_GSTREAMER}")
    if settings.kind == "csi" and not csi:
        raise CaptureError(
            f"{settings.shown}: GStreamer has none of {', '.join(pipelines.CSI_SOURCES)}; "
            "a Jetson's comes with JetPack, others with gstreamer1.0-libcamera"
        )
    return decoder, csi


def open_video(settings: CameraSource) -> Video:
    """The camera, open, by the first way that does it.

    Raises:
        CaptureError: none does, or what it takes is missing.
    """
    machine = technologies(settings)
    first, *others = ways(settings, machine)
    try:
        return _open(first, settings, machine)
    except CaptureError as error:
        if not others:
            raise
        _log.debug("camera opened another way", source=settings.shown, error=str(error))
    return _open(others[0], settings, machine)


def _open(way: Way, settings: CameraSource, machine: Technologies) -> Video:
    if way == "opencv":
        return opencv.OpenCvVideo(settings)
    if way == "ffmpeg":
        return _by_ffmpeg(settings, machine.ffmpeg)
    pipeline = pipelines.capture_pipeline(settings, *element_of(settings, machine.elements))
    if way == "opencv-gstreamer":
        return opencv.OpenCvVideo(settings, pipeline=pipeline + pipelines.APPSINK)
    return _piped(
        settings,
        lambda fd: pipelines.launch_command(machine.gst_launch, pipeline, fd),
        f"gst-launch {pipelines.decoder_in(pipeline)}",
    )


def _by_ffmpeg(settings: CameraSource, ffmpeg: str) -> Video:
    flags = _passthrough(ffmpeg)
    return _piped(
        settings,
        lambda fd: pipelines.ffmpeg_command(ffmpeg, fd, settings.decode_threads, flags),
        "ffmpeg process",
        pipelines.ffmpeg_input(settings),
    )


def _piped(
    settings: CameraSource, command: Callable[[int], list[str]], decoder: str, given: bytes = b""
) -> Video:
    return PipedVideo(
        command, given, source=str(settings.source), decoder=decoder,
        open_timeout_s=settings.open_timeout_ms / 1000,
        read_timeout_s=settings.read_timeout_ms / 1000, to_bgr=opencv.bgr_of_i420,
    )  # fmt: skip


def technologies(settings: CameraSource) -> Technologies:
    """What the machine has of that which a camera may need; looked for once a process."""
    gst_launch = shutil.which("gst-launch-1.0") or ""
    has_gstreamer = opencv.has_gstreamer()
    wants = settings.decoder == "gstreamer" or settings.kind in ("csi", "gst")
    may = settings.decoder == "auto" and settings.kind == "rtsp" and has_gstreamer
    elements = _elements() if wants or may else frozenset[str]()
    return Technologies(has_gstreamer, gst_launch, shutil.which("ffmpeg") or "", elements)


@functools.cache
def _elements() -> frozenset[str]:
    inspect = shutil.which("gst-inspect-1.0")
    if inspect is None:
        return frozenset()
    return frozenset(
        name for name in sorted(pipelines.ELEMENTS) if _answers([inspect, "--exists", name])
    )


@functools.cache
def _passthrough(ffmpeg: str) -> tuple[str, str]:
    """How this ffmpeg is told to neither double nor drop pictures: 5.1 has a new word for it."""
    probe = [
        ffmpeg, "-hide_banner", "-loglevel", "quiet", "-fps_mode", "passthrough",
        "-f", "lavfi", "-i", "nullsrc=s=16x16", "-frames:v", "1", "-f", "null", "-",
    ]  # fmt: skip
    return ("-fps_mode", "passthrough") if _answers(probe) else ("-vsync", "0")


def _answers(command: list[str]) -> bool:
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0
