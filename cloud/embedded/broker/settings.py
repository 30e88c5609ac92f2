"""Where the local broker listens, and which one it is."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wayside.net import Port, require_loopback


class BrokerSettings(BaseModel):
    """The broker that `wayside-cloud up` starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["auto", "mosquitto", "amqtt"] = Field(
        "auto", description="auto: Mosquitto, or amqtt with a warning where there is none"
    )
    host: str = Field("127.0.0.1", description="loopback address to listen on")
    port: Port = Field(1883, description="TCP port to listen on")
    max_queued_messages: int = Field(
        100_000, ge=1_000, description="for each subscriber; Mosquitto drops QoS 1 beyond this"
    )
    max_packet_bytes: int = Field(
        2 * 1024 * 1024, ge=128 * 1024, description="larger PUBLISH packets end a connection"
    )

    @field_validator("host")
    @classmethod
    def _stays_at_home(cls, host: str) -> str:
        return require_loopback(
            host, "a broker without passwords or TLS", "run your own broker and name it in `mqtt`"
        )
