"""Where the CA is kept, how long its certificates last, limits of the broker."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from protos.codec import MAX_PAYLOAD_BYTES
from wayside.net import Port
from wayside.paths import SettingsPath

PACKET_MARGIN_BYTES = 64 * 1024
"""What a PUBLISH packet may be larger than its payload: topic and properties."""


class ListenerSettings(BaseModel):
    """The broker that `wayside-cloud broker config` writes a configuration for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("", pattern=r"^\S*$", description="address to listen on; empty: all")
    port: Port = Field(8883, description="TCP port to listen on, TLS only")
    pid_file: SettingsPath | None = Field(
        None, description="the broker writes its process id there; null: it writes none"
    )
    user: str = Field(
        "mosquitto",
        pattern=r"^[a-z_][a-z0-9_-]*$",
        description="what a broker started by root changes to",
    )
    max_connections: int = Field(10_000, ge=10, description="clients at once")
    max_message_bytes: int = Field(
        2 * MAX_PAYLOAD_BYTES, ge=MAX_PAYLOAD_BYTES, description="larger payloads are refused"
    )
    max_inflight_messages: int = Field(
        64, ge=1, le=65_535, description="QoS 1 messages on the way to one client"
    )
    max_queued_messages: int = Field(
        100_000, ge=1_000, description="waiting for one client; Mosquitto drops QoS 1 beyond this"
    )
    max_queued_bytes: int = Field(
        256 * 1024 * 1024, ge=1024 * 1024, description="waiting for one client, as above"
    )

    @property
    def max_packet_bytes(self) -> int:
        """Of any packet; a larger one ends its connection."""
        return self.max_message_bytes + PACKET_MARGIN_BYTES


class IdentitySettings(BaseModel):
    """The certificate authority and the broker that trusts it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: SettingsPath = Field(description="folder of the CA: its key, certificate and registry")
    root_days: int = Field(3_650, ge=30, le=36_500, description="life of the CA's certificate")
    certificate_days: int = Field(365, ge=1, le=36_500, description="life of what it issues")
    crl_days: int = Field(
        180,
        ge=2,
        le=3_650,
        description="life of its revocation list; the broker takes nobody after",
    )
    listener: ListenerSettings = ListenerSettings()

    @model_validator(mode="after")
    def _the_root_lives_longest(self) -> "IdentitySettings":
        if self.certificate_days > self.root_days:
            raise ValueError(
                f"certificate_days {self.certificate_days} is more than root_days {self.root_days}"
            )
        return self
