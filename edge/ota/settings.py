"""Where updates come from, and what they may take of the line and the disk."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from edge.ota.update_settings import UpdateSettings
from wayside.net import TlsSettings, is_loopback
from wayside.paths import SettingsPath

MIB = 1024 * 1024


class FetchSettings(BaseModel):
    """What fetching may take, and how long it is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes_per_s: int | None = Field(
        None, ge=1024, le=10**10, description="of models; null: as fast as the line is"
    )
    min_bytes_per_s: int = Field(
        128, ge=1, le=10**9, description="a server that sends less over slow_window_s is given up"
    )
    slow_window_s: float = Field(
        30.0, ge=1, le=3600, description="s of waiting over which a server's rate is measured"
    )
    connect_timeout_s: float = Field(
        10.0, gt=0, le=120, description="s until an attempt to connect is given up"
    )
    answer_timeout_s: float = Field(
        30.0, gt=0, le=600, description="s of silence after which an answer is given up"
    )
    attempts: int = Field(
        5, ge=1, le=100, description="in a row that bring nothing before a file is given up for now"
    )
    retry_initial_s: float = Field(
        1.0, gt=0, le=60, description="s before the first attempt to go on"
    )
    retry_max_s: float = Field(60.0, gt=0, le=3600, description="s between attempts at most")
    max_redirects: int = Field(3, ge=0, le=10, description="that are followed, to https only")
    min_free_bytes: int = Field(
        256 * MIB, ge=0, le=10**13, description="of the disk that models leave free"
    )


class OtaSettings(UpdateSettings):
    """Updates of models from a signed repository."""

    url: str | None = Field(
        None, max_length=500, description="of the signed repository; null: no updates"
    )
    root_file: SettingsPath | None = Field(
        None, description="root.json of the repository, as it came with the device: all trust "
        "follows from it"
    )  # fmt: skip
    tls: TlsSettings | None = Field(
        None, description="of an https url; null: the system's CAs, no certificate of ours"
    )
    fetch: FetchSettings = FetchSettings()

    @field_validator("url")
    @classmethod
    def _plain_text_stays_at_home(cls, url: str | None) -> str | None:
        return None if url is None else check_url(url)

    @model_validator(mode="after")
    def _root_goes_with_url(self) -> "OtaSettings":
        if (self.url is None) != (self.root_file is None):
            raise ValueError("url and root_file go together: nothing is believed without a root")
        return self


def check_url(url: str) -> str:
    """A URL that may be asked, without a slash at its end.

    Raises:
        ValueError: it is plain text to another machine, holds a password, or is none.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError(f"must be https://HOST/..., not {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(f"plain text from {host!r} is not taken: only https, or http on loopback")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must hold no user, no query and no fragment")
    return url.rstrip("/")
