"""Where the agent answers programs that watch."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wayside.net import Port, require_loopback


class TelemetrySettings(BaseModel):
    """HTTP for Prometheus and probes; without a port nobody listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="a loopback address: it asks for no password")
    port: Port | None = Field(None, description="of /metrics, /healthz and /readyz; null: none")

    @field_validator("host")
    @classmethod
    def _stays_at_home(cls, host: str) -> str:
        return require_loopback(
            host, "the agent's metrics", "keep it on 127.0.0.1, and let a Prometheus agent on the "
            "device or a reverse proxy with TLS and a password pass it on",
        )  # fmt: skip
