"""Which store, and where."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wayside.net import require_loopback
from wayside.paths import SettingsPath


class DuckDbSettings(BaseModel):
    """A file of this machine, held by the one process that ingests and answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["duckdb"] = "duckdb"
    path: SettingsPath = Field(
        Path("wayside.duckdb"), description="the file; made where there is none"
    )
    retention_days: int | None = Field(
        None, ge=1, le=36_500, description="events captured longer ago are deleted; null: never"
    )
    rollup_retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="counts by minute outlive their events this long; null: they go together",
    )

    memory_limit_mb: int = Field(
        256,
        ge=64,
        le=1_048_576,
        description="MB of memory for data and questions at most; what needs more uses the disk",
    )
    threads: int | None = Field(
        None, ge=1, le=256, description="threads for questions and writes; null: one a core"
    )

    @model_validator(mode="after")
    def _counts_outlive_events(self) -> "DuckDbSettings":
        events, counts = self.retention_days, self.rollup_retention_days
        if counts is not None and (events is None or counts < events):
            raise ValueError("rollup_retention_days needs retention_days, and at least as many")
        return self


class InfluxDbSettings(BaseModel):
    """An InfluxDB that takes `/api/v2/write` and answers InfluxQL on `/query`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["influxdb"]
    url: str = Field("http://127.0.0.1:8086", description="https, or http on loopback")
    org: str = Field("wayside", min_length=1, description="organisation; 1.x ignores it")
    bucket: str = Field(
        "wayside",
        min_length=1,
        description="bucket; for 1.x the database, or `database/retention-policy`",
    )
    token_file: SettingsPath | None = Field(None, description="file whose first line is the token")
    token_variable: str | None = Field(
        None, description="environment variable that holds the token"
    )
    ca_file: SettingsPath | None = Field(
        None, description="CA of the server; default: the system's"
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="days that `store apply` has the bucket keep; null: as it is",
    )
    timeout_s: float = Field(10.0, gt=0, le=300, description="of one request")
    lines_per_write: int = Field(5000, ge=1, le=50_000, description="points in one request")
    gzip: bool | None = Field(
        None, description="compress large writes; default: where they leave this machine"
    )
    retry_within_s: float = Field(
        5.0, ge=0, le=60, description="a write that the server puts off is tried again this long"
    )
    series_per_camera: int = Field(
        50, ge=1, le=10_000, description="series of a camera; classes beyond become `other`"
    )
    series_per_device: int = Field(
        1000, ge=1, le=100_000, description="series of a device; cameras beyond become `other`"
    )
    series_in_all: int = Field(
        200_000, ge=1, description="series of the bucket; what is new beyond becomes `other`"
    )
    rollup_days: int = Field(
        35, ge=0, le=3_650,
        description="events of so many days before the start of `serve` are counted by minute "
        "beforehand; 0: none are",
    )  # fmt: skip
    writer: str = Field(
        "ingest",
        pattern=r"^[a-z][a-z0-9-]{0,62}$",
        description="name of this ingest worker; each worker on one bucket needs its own",
    )

    @field_validator("url")
    @classmethod
    def _plain_text_stays_at_home(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be http://HOST:PORT or https://HOST:PORT")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must not carry credentials or a query; use token_file")
        if parts.scheme == "http":
            require_loopback(parts.hostname, "plain-text InfluxDB", "use https://")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _one_token(self) -> "InfluxDbSettings":
        if self.token_file is not None and self.token_variable is not None:
            raise ValueError("token_file and token_variable exclude each other")
        return self

    def token(self, environ: Mapping[str, str] = os.environ) -> str:
        """The token, empty where none is configured.

        Raises:
            OSError: the file cannot be read.
            KeyError: the environment variable is not set.
        """
        if self.token_file is not None:
            return self.token_file.read_text(encoding="utf-8").partition("\n")[0].strip()
        return environ[self.token_variable] if self.token_variable is not None else ""


StoreSettings = Annotated[DuckDbSettings | InfluxDbSettings, Field(discriminator="kind")]
