"""Where a camera's frames come from, and at which pace."""

import re
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

Kind = Literal["file", "rtsp", "http", "usb"]

_SCHEMES: dict[str, Kind] = {"rtsp": "rtsp", "rtsps": "rtsp", "http": "http", "https": "http"}
_DEVICE = re.compile(r"/dev/video[0-9]+")
_PLAIN_URL = re.compile(r"([^@/?#]*@)?([A-Za-z0-9._:\[\]-]+)(/[^@?#]*)?([?#][^@]*)?")
_ALLOWED = "a file, rtsp://, http:// or https://, or a USB camera (0 or /dev/video0)"


class CameraSource(BaseModel):
    """Where a camera's frames come from, and at which pace."""

    # The source may hold a password: no error and no repr shows it.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: int | str = Field(
        repr=False, description="a path, rtsp:// or http(s):// URL, USB index or /dev/videoN"
    )
    pace: Literal["lossless", "live"] | None = Field(
        None,
        description="files: `lossless` (default) reads every frame as fast as they are inferred, "
        "`live` releases each at its time and drops the old ones; cameras are always live",
    )
    loop: bool = Field(False, description="files of pace `live`: begin again at the end")
    open_timeout_ms: int = Field(5000, ge=100, le=120_000)
    read_timeout_ms: int = Field(2000, ge=100, le=120_000, description="silence that is a loss")
    decode_threads: int = Field(
        1, ge=1, le=64, description="of a stream; each beyond the first delays it by one frame"
    )
    reconnect_initial_s: float = Field(0.2, gt=0, le=60)
    reconnect_max_s: float = Field(3.0, gt=0, le=600, description="longest wait before a retry")
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
        if self.kind != "file" and self.pace == "lossless":
            raise ValueError("pace `lossless` is for files: a camera does not wait")
        if self.loop and (self.kind != "file" or self.pace != "live"):
            raise ValueError(
                "loop needs a file of pace `live`: a loop has no end to count back from"
            )
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
        return self.kind == "file" and self.pace != "live"

    @property
    def shown(self) -> str:
        """The source as people may see it, without credentials."""
        return redact(str(self.source))


def _checked_url(url: str, scheme: str) -> str:
    if scheme.lower() not in _SCHEMES:
        raise ValueError(f"{scheme}:// is not supported; must be {_ALLOWED}")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError(f"the {scheme}:// URL has no valid host and port")
    return url


def redact(source: str) -> str:
    """A source without credentials: user, password and query become `***`.

    Cameras take passwords in the path as well (`/user=admin_password=...`), so one with a
    `=` goes too. Whatever can be read in two ways, such as an `@` behind the host, is
    hidden from the scheme on.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        return source
    match = _PLAIN_URL.fullmatch(rest)
    if match is None:
        return f"{scheme}://***"
    user, host, path, query = match.groups(default="")
    return (
        f"{scheme}://{'***@' if user else ''}{host}"
        f"{'/***' if '=' in path else path}{query[:1] + '***' if query else ''}"
    )
