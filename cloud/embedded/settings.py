"""The embedded Pub/Sub server's limits."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wayside.net import Port, require_loopback
from wayside.paths import SettingsPath

MIB = 1024 * 1024


class PubsubServerSettings(BaseModel):
    """Where the embedded Pub/Sub server listens and keeps messages, and how many in memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="loopback address to listen on")
    port: Port = Field(8085, description="TCP port")
    data_dir: SettingsPath = Field(description="folder of its database; made where missing")
    window_messages: int = Field(
        10_000, ge=1, description="messages of one subscription held in memory at most"
    )
    window_bytes: int = Field(
        32 * MIB, ge=1, description="bytes of one subscription held in memory at most"
    )
    uncommitted_bytes: int = Field(
        64 * MIB,
        ge=1,
        description="bytes on their way to disk at most; beyond, a publish is put off",
    )
    tick_s: float = Field(
        0.1, gt=0, le=1, description="how often leases and backoffs are looked at"
    )
    sweep_s: float = Field(
        60.0, gt=0, le=3600, description="how often old messages and idle subscriptions are removed"
    )
    stop_grace_s: float = Field(
        5.0, ge=0, le=60, description="time for requests in flight when stopping"
    )

    @field_validator("host")
    @classmethod
    def _stays_at_home(cls, host: str) -> str:
        return require_loopback(
            host, "the embedded Pub/Sub server", "it has no authentication; for other machines "
            "use Google's Pub/Sub (`bus.endpoint: null`)",
        )  # fmt: skip
