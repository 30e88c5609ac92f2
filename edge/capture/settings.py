"""Where a camera's frames come from, and at which pace."""

import re
import shlex
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from edge.capture.machine import Limits
from edge.capture.redaction import redact
from edge.capture.soundness import Soundness
from edge.capture.synthetic.scene import parse_scene

Kind = Literal["file", "rtsp", "http", "usb", "csi", "gst", "synthetic"]

_SCHEMES: dict[str, Kind] = {
    "rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http", "csi": "csi", "gst": "gst",
    "synthetic": "synthetic",
}  # fmt: skip
_DEVICE = re.compile(r"/dev/video[0-9]+")
_CSI = re.compile(r"csi://[0-9]{1,2}", re.IGNORECASE)
_ALLOWED = (
    "a file, a folder of pictures, rtsp://, http:// or https://, a USB camera (0 or /dev/video0), "
    "csi://0, gst://PIPELINE or synthetic://"
)

OWN_LIMIT_S = 0.25
"""What a source gets to end a read by its own limit, before its silence is told."""


class CameraSource(BaseModel):
    """Where a camera's frames come from, and at which pace."""

    # The source may hold a password: no error and no repr shows it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: int | str = Field(
        repr=False,
        description="a path, a URL (rtsp, http, csi, gst, synthetic), USB index or device",
    )
    pace: Literal["lossless", "live"] | None = Field(
        None,
        description="files: `lossless` (default) reads every frame as fast as they are inferred, "
        "`live` releases each at its time and drops the old ones; cameras are always live",
    )
    loop: bool = Field(False, description="files of pace `live`: begin again at the end")
    transport: Literal["tcp", "udp"] = Field(
        "tcp", description="of RTSP; udp is read by an `ffmpeg` process"
    )
    decoder: Literal["auto", "opencv", "gstreamer", "ffmpeg"] = Field(
        "auto",
        description="who decodes; auto: the board's decoder by GStreamer where it has one, "
        "else OpenCV. What is really in use stands in status and heartbeat",
    )
    codec: Literal["h264", "h265"] = Field(
        "h264", description="of an RTSP camera that GStreamer reads"
    )
    width_px: int | None = Field(
        None, ge=16, le=16384, description="asked of a USB or CSI camera; null: its own choice"
    )
    height_px: int | None = Field(
        None, ge=16, le=16384, description="asked of a USB or CSI camera; null: its own choice"
    )
    fps: float | None = Field(
        None, gt=0, le=1000,
        description="asked of a USB or CSI camera, and the pace of a folder; null: its own, 10",
    )  # fmt: skip
    open_timeout_ms: int = Field(5000, ge=100, le=120_000)
    read_timeout_ms: int = Field(2000, ge=100, le=120_000, description="silence that is a loss")
    hang_timeout_ms: int = Field(
        1000, ge=100, le=120_000, description="beyond the two above, until the thread is replaced"
    )
    max_hanging: int = Field(3, ge=1, le=16, description="replaced threads that may hang on")
    decode_threads: int = Field(
        1, ge=1, le=64, description="of a stream; each beyond the first delays it by one frame"
    )
    reconnect_initial_s: float = Field(0.2, gt=0, le=60)
    reconnect_max_s: float = Field(3.0, gt=0, le=600, description="longest wait before a retry")
    frozen_after_s: float | None = Field(
        10.0, ge=1, le=3600,
        description="of the same picture, after which a camera is stalled; null: never; not files",
    )  # fmt: skip
    frozen_tolerance: float = Field(
        3.0, ge=0, le=64, description="levels of 255 by which a block of a frozen picture may vary"
    )
    corrupt_share: float | None = Field(
        0.25, gt=0, le=1,
        description="of the picture filled in by the decoder, from which it is dropped; null: "
        "never; not files",
    )  # fmt: skip
    corrupt_after_s: float = Field(
        1.0, ge=0, le=3600, description="of corrupt pictures, after which a camera is stalled"
    )
    reopen_stalled_s: float = Field(
        10.0, ge=1, le=300, description="between attempts to mend a stall by opening again"
    )
    max_frame_age_ms: int = Field(
        1000, ge=1, le=3_600_000, description="live: an older frame is dropped, not inferred"
    )
    queue_frames: int = Field(4, ge=1, le=64, description="lossless: frames read ahead")

    @field_validator("source", mode="before")
    @classmethod
    def _is_a_source(cls, value: Any, info: ValidationInfo) -> int | str:
        if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
            raise ValueError(f"must be {_ALLOWED}")
        if isinstance(value, int) or value.isdecimal():
            if not 0 <= int(value) <= 63:
                raise ValueError("the index of a USB camera is 0 to 63")
            return int(value)
        scheme, separator, _ = value.partition("://")
        if separator:
            return _checked_url(value, scheme)
        base = (info.context or {}).get("base")
        return str(Path(base) / value) if base is not None else value

    @model_validator(mode="after")
    def _pace_fits(self) -> "CameraSource":
        if self.kind not in ("file", "synthetic") and self.pace == "lossless":
            raise ValueError("pace `lossless` is for files: a camera does not wait")
        if self.loop and (self.kind != "file" or self.pace != "live"):
            raise ValueError(
                "loop needs a file of pace `live`: a loop has no end to count back from"
            )
        return self

    @model_validator(mode="after")
    def _scene_fits(self) -> "CameraSource":
        if self.kind == "synthetic" and self.lossless:
            scene = parse_scene(str(self.source))
            if not scene.frames:
                raise ValueError("pace `lossless` of synthetic:// needs `frames`: an end")
            if scene.faults or scene.control:
                raise ValueError("faults of synthetic:// need pace `live`: they have their time")
        return self

    @model_validator(mode="after")
    def _ways_fit(self) -> "CameraSource":
        if self.transport == "udp" and self.kind != "rtsp":
            raise ValueError("transport `udp` is for rtsp://")
        if self.transport == "udp" and self.decoder in ("opencv", "gstreamer"):
            raise ValueError("transport `udp` is read by ffmpeg: decoder `auto` or `ffmpeg`")
        if self.decoder == "ffmpeg" and self.kind not in ("rtsp", "http"):
            raise ValueError("decoder `ffmpeg` is for rtsp:// and http://")
        if self.decoder == "opencv" and self.kind in ("csi", "gst"):
            raise ValueError(f"{self.kind}:// is read by GStreamer: decoder `auto` or `gstreamer`")
        if self.decoder == "gstreamer" and self.kind in ("file", "http", "synthetic"):
            raise ValueError("decoder `gstreamer` is for rtsp://, USB, csi:// and gst://")
        if (self.width_px is None) != (self.height_px is None):
            raise ValueError("width_px and height_px go together")
        return self

    @property
    def kind(self) -> Kind:
        """Which sort of source it is."""
        if isinstance(self.source, int) or _DEVICE.fullmatch(self.source):
            return "usb"
        return _SCHEMES.get(self.source.partition("://")[0].lower(), "file")

    @property
    def lossless(self) -> bool:
        """True where every frame counts: files, unless their pace is `live`."""
        if self.kind == "file":
            return self.pace != "live"
        return self.pace == "lossless"

    @property
    def is_camera(self) -> bool:
        """True where it should never end: whatever is no file."""
        return self.kind != "file" and not self.lossless

    @property
    def limits(self) -> Limits:
        """What the camera may take."""
        return Limits(
            open_s=self.open_timeout_ms / 1000 if self.is_camera else None,
            silence_s=self.read_timeout_ms / 1000 + OWN_LIMIT_S if self.is_camera else None,
            hang_s=self.hang_timeout_ms / 1000,
            retry_initial_s=self.reconnect_initial_s,
            retry_max_s=self.reconnect_max_s,
            reopen_stalled_s=self.reopen_stalled_s,
            max_hanging=self.max_hanging,
            is_final=not self.is_camera,
        )

    def soundness(self) -> Soundness:
        """A judge of the camera's pictures; of a file's, only their size and rate count."""
        return Soundness(
            self.frozen_after_s if self.is_camera else None,
            self.frozen_tolerance,
            self.corrupt_share if self.is_camera else None,
            self.corrupt_after_s,
        )

    @property
    def shown(self) -> str:
        """The source as people may see it, without credentials."""
        return redact(str(self.source))


def _checked_url(url: str, scheme: str) -> str:
    kind = _SCHEMES.get(scheme.lower())
    if kind is None:
        # What stands before it may be a user and a password, in the wrong place.
        shown = redact(url).partition("://")[0]
        raise ValueError(f"{shown}:// is not supported; must be {_ALLOWED}")
    if kind == "csi" and not _CSI.fullmatch(url):
        raise ValueError("a CSI camera is csi:// and its number, such as csi://0")
    if kind == "gst" and not url.partition("://")[2].strip():
        raise ValueError("gst:// needs a pipeline, such as gst://v4l2src device=/dev/video0")
    if kind == "gst":
        _check_quotes(url.partition("://")[2])
    if kind == "synthetic":
        parse_scene(url)
    if any(character < " " or character == "\x7f" for character in url):
        raise ValueError(f"the {scheme}:// URL holds a control character, such as a line's end")
    if kind in ("rtsp", "http") and not _has_host(url):
        raise ValueError(f"the {scheme}:// URL has no valid host and port")
    return url


def _check_quotes(pipeline: str) -> None:
    try:
        shlex.split(pipeline)
    except ValueError as error:
        raise ValueError(f"the pipeline of gst:// cannot be read: {error}") from error


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
