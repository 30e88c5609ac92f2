"""GStreamer pipelines and ffmpeg command lines, as text.

A command line is seen by every user of the machine, so none of these holds a URL that may hold
a password: ffmpeg is given its URL on stdin.
"""

import shlex
from collections.abc import Sequence

from edge.capture.settings import CameraSource

HARDWARE = {
    "h264": ("nvv4l2decoder", "vah264dec", "v4l2h264dec"),
    "h265": ("nvv4l2decoder", "vah265dec", "v4l2h265dec"),
}
"""Decoders in hardware: Jetson, VA-API, and boards with a V4L2 codec."""

SOFTWARE = {
    "h264": ("avdec_h264", "openh264dec"),
    "h265": ("avdec_h265",),
}

CSI_SOURCES = ("nvarguscamerasrc", "libcamerasrc")
"""Of a Jetson, and of boards with libcamera such as a Raspberry Pi."""

ELEMENTS = frozenset(
    name for group in (*HARDWARE.values(), *SOFTWARE.values(), CSI_SOURCES) for name in group
)
"""Every element of which a pipeline here depends on whether it is installed."""

APPSINK = " ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
Y4M = " ! videoconvert ! video/x-raw,format=I420 ! y4menc ! fdsink sync=false fd={fd}"
_LATENCY_MS = 200
_PROTOCOLS = "pipe,rtsp,rtp,tcp,udp,tls,crypto,http,https,httpproxy"


def capture_pipeline(settings: CameraSource, decoder: str, csi_source: str) -> str:
    """What brings a camera's raw pictures by GStreamer; a sink is still to be added.

    Args:
        settings: the camera.
        decoder: element that decodes an RTSP stream.
        csi_source: element that reads a CSI camera.
    """
    source = str(settings.source)
    match settings.kind:
        case "gst":
            return source.partition("://")[2].strip()
        case "csi":
            number = int(source.partition("://")[2])
            return _csi(csi_source, number) + _caps(settings, csi_source)
        case "usb":
            device = source if source.startswith("/") else f"/dev/video{source}"
            return f"v4l2src device={device}{_caps(settings, '')} ! decodebin"
        case _:
            codec = settings.codec
            return (
                f"rtspsrc location={_quoted(source)} protocols=tcp latency={_LATENCY_MS} "
                f"timeout={settings.read_timeout_ms * 1000} ! rtp{codec}depay ! {codec}parse"
                f" ! {decoder}{_from_device_memory(decoder)}"
            )


def _csi(element: str, number: int) -> str:
    return f"{element} sensor-id={number}" if element == "nvarguscamerasrc" else element


def _caps(settings: CameraSource, element: str) -> str:
    """What is asked of the camera, and the way out of the board's own memory."""
    asked = []
    if settings.width_px and settings.height_px:
        asked.append(f"width={settings.width_px},height={settings.height_px}")
    if settings.fps:
        asked.append(f"framerate={round(settings.fps * 1000)}/1000")
    if element == "nvarguscamerasrc":
        caps = ",".join(["video/x-raw(memory:NVMM)", *asked])
        return f" ! {caps}{_from_device_memory(element)}"
    return f" ! {','.join(['video/x-raw', *asked])}" if asked else ""


def _from_device_memory(element: str) -> str:
    return " ! nvvidconv ! video/x-raw,format=BGRx" if element.startswith("nv") else ""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def decoder_in(pipeline: str) -> str:
    """What decodes in a pipeline, as far as its text says."""
    known = {name for group in (*HARDWARE.values(), *SOFTWARE.values()) for name in group}
    found = [word for word in pipeline.split() if word in known or word.endswith("dec")]
    if found:
        return found[0]
    return "decodebin" if "decodebin" in pipeline else "raw"


def launch_command(gst_launch: str, pipeline: str, fd: int) -> list[str]:
    """gst-launch, writing pictures as YUV4MPEG2 to a file descriptor that it inherits."""
    return [gst_launch, "-q", *shlex.split(pipeline + Y4M.format(fd=fd))]


def ffmpeg_command(
    ffmpeg: str, fd: int, threads: int, passthrough: Sequence[str] = ("-vsync", "0")
) -> list[str]:
    """ffmpeg, reading its list of inputs on stdin, writing YUV4MPEG2 to a descriptor.

    Args:
        ffmpeg: the program.
        fd: that it inherits.
        threads: that decode; each beyond the first delays by one picture.
        passthrough: how this version is told to neither double nor drop pictures.
    """
    return [
        ffmpeg, "-hide_banner", "-nostdin", "-loglevel", "error",
        "-fflags", "nobuffer", "-flags", "low_delay", "-threads", str(threads),
        "-f", "concat", "-safe", "0", "-protocol_whitelist", _PROTOCOLS, "-i", "pipe:0",
        "-an", *passthrough, "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", f"pipe:{fd}",
    ]  # fmt: skip


def ffmpeg_input(settings: CameraSource) -> bytes:
    """The list of one input that ffmpeg reads on stdin (its `concat` script)."""
    escaped = str(settings.source).replace("'", "'\\''")
    lines = ["ffconcat version 1.0", f"file '{escaped}'"]
    if settings.kind == "rtsp":
        lines.append(f"option rtsp_transport {settings.transport}")
    return "\n".join([*lines, ""]).encode()
