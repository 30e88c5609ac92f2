"""Where the API listens, and whom it lets in."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from wayside.net import Port, is_loopback, require_loopback
from wayside.paths import SettingsPath

_REMEDY = "set api.authentication to required, and api.tls to a certificate and its key"


class ApiTlsSettings(BaseModel):
    """Files of a TLS server, in PEM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    certificate_file: SettingsPath = Field(description="certificate, and those between it and a CA")
    key_file: SettingsPath = Field(description="the key of certificate_file, without a passphrase")


class LimitsSettings(BaseModel):
    """What one client, and all of them together, may ask of the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_body_bytes: int = Field(
        65_536, ge=1024, le=2**30, description="bytes of a request's body; larger ones get 413"
    )
    body_timeout_s: float = Field(
        20.0, gt=0, le=3600, description="seconds until a body has come; slower ones get 408"
    )
    max_header_bytes: int = Field(
        32_768, ge=8192, le=2**20, description="bytes of a request's first line and headers"
    )
    keep_alive_s: int = Field(
        10, ge=1, le=3600, description="seconds that a connection stays open without a request"
    )
    max_connections: int = Field(
        500, ge=1, le=100_000, description="connections at once; who comes then gets 503"
    )


class ApiSettings(BaseModel):
    """Where the API listens, and whom it lets in.

    The host comes last, as it is judged by what stands above it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: Port = Field(8080, description="TCP port")
    authentication: Literal["required", "none"] | None = Field(
        None, description="null: none on a loopback address, required elsewhere"
    )
    tls: ApiTlsSettings | None = Field(None, description="null: plain HTTP, on loopback only")
    limits: LimitsSettings = LimitsSettings()
    host: str = Field(
        "127.0.0.1", description="an address of this machine; beyond loopback needs keys and TLS"
    )

    @field_validator("host")
    @classmethod
    def _goes_out_only_with_keys_and_tls(cls, host: str, validation: ValidationInfo) -> str:
        given = validation.data
        is_judged = {"authentication", "tls"} <= set(given)  # what was refused is told already
        if is_judged and (given["authentication"] == "none" or given["tls"] is None):
            return require_loopback(host, "the API", _REMEDY)
        return host.strip("[]")

    @property
    def requires_key(self) -> bool:
        """True where nobody gets an answer without a key."""
        if self.authentication is None:
            return not is_loopback(self.host)
        return self.authentication == "required"

    @property
    def scheme(self) -> Literal["http", "https"]:
        """How its URLs begin."""
        return "http" if self.tls is None else "https"
