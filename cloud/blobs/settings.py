"""Where blobs are kept."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from wayside.paths import from_file

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_PREFIX = re.compile(r"(/[A-Za-z0-9][A-Za-z0-9=._-]*)*")


class BlobSettings(BaseModel):
    """A folder of this machine, or a bucket of Google Cloud Storage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "file:///var/lib/wayside/blobs",
        description="file:FOLDER, taken relative to the settings file, or gs://BUCKET/FOLDER with "
        "application default credentials",
    )
    timeout_s: float = Field(30.0, gt=0, le=600, description="of one request to a bucket")
    retry_s: float = Field(60.0, ge=0, le=600, description="of trying until a request fails")

    @field_validator("url")
    @classmethod
    def _a_folder_or_a_bucket(cls, url: str, validation: ValidationInfo) -> str:
        parts = urlsplit(url)
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must carry neither credentials nor a query")
        if parts.scheme == "file":
            path = unquote(parts.path)
            if parts.netloc or path in ("", "/") or "\0" in path:
                raise ValueError("must be like file:///var/lib/wayside/blobs or file:blobs")
            return from_file(Path(path), validation).absolute().as_uri()
        if parts.scheme == "gs":
            if not _BUCKET.fullmatch(parts.netloc) or not _PREFIX.fullmatch(_bare(parts.path)):
                raise ValueError("must be like gs://BUCKET or gs://BUCKET/FOLDER")
        else:
            raise ValueError("must be file:///FOLDER or gs://BUCKET")
        return url

    @property
    def folder(self) -> Path | None:
        """The folder, None for a bucket."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    @property
    def bucket(self) -> str:
        """The bucket's name, empty for a folder."""
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str | None:
        """The folder within the bucket, None for all of it."""
        return urlsplit(self.url).path.strip("/") or None


def _bare(path: str) -> str:
    return path.removesuffix("/")
