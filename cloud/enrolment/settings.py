"""Whether this server enrols, how often may be tried, what devices are told."""

from pydantic import BaseModel, ConfigDict, Field

from wayside.net import Port


class AttemptsSettings(BaseModel):
    """How often may be tried within a window of time; who comes then gets 429."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: float = Field(60.0, ge=1, le=3600, description="s after which all is counted anew")
    per_token: int = Field(10, ge=1, le=10_000, description="with one claim token or certificate")
    per_address: int = Field(
        30, ge=1, le=100_000, description="from one address, or one /64 of IPv6"
    )
    in_all: int = Field(600, ge=1, le=100_000, description="by all together")


class EnrolmentSettings(BaseModel):
    """Enrolment and renewal over HTTP, by the process that answers the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(
        False, description="the API signs certificates: its process holds the CA's folder, key too"
    )
    broker_host: str | None = Field(
        None, pattern=r"^\S{1,253}$", description="name of the broker as devices reach it"
    )
    broker_port: Port = Field(8883, description="its TLS port")
    repository_url: str | None = Field(
        None, pattern=r"^https?://\S{1,1000}$", description="where devices find signed models"
    )
    attempts: AttemptsSettings = AttemptsSettings()
