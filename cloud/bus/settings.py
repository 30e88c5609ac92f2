"""Where Pub/Sub is."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wayside.net import require_loopback


class BusSettings(BaseModel):
    """Where Pub/Sub is: Google's, or a server on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str = Field(
        "wayside",
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        description="Google Cloud project; any name for a server on this machine",
    )
    endpoint: str | None = Field(
        "127.0.0.1:8085",
        description="host:port of a server on this machine (plain text); null: Google's Pub/Sub, "
        "with the application default credentials",
    )
    start_timeout_s: float = Field(
        30.0, gt=0, le=600, description="how long to wait for the server when starting"
    )
    publish_timeout_s: float = Field(
        60.0, gt=0, le=600, description="a publish fails after trying for this long"
    )
    attempt_timeout_s: float = Field(
        10.0, gt=0, le=60, description="one try of a publish or a request takes this long at most"
    )
    retry_max_s: float = Field(
        1.0, gt=0, le=60, description="longest wait between two tries of a publish or connection"
    )
    lease_s: int = Field(
        10, ge=10, le=600,
        description="what a process held when it died comes again after this; a living one extends "
        "its leases for as long as it takes",
    )  # fmt: skip
    batch_messages: int = Field(100, ge=1, le=1000, description="messages in one publish request")
    batch_bytes: int = Field(
        1_000_000, ge=1, le=9_000_000, description="bytes in one publish request"
    )
    batch_latency_ms: float = Field(
        10.0,
        ge=0,
        le=1000,
        description="how long a message waits for others of its request; while an earlier "
        "one has no answer, up to 250 ms longer",
    )
    parallel_requests: int = Field(
        8, ge=1, le=100, description="publish requests on their way at once"
    )
    in_flight_messages: int = Field(
        1000, ge=1, le=100_000, description="messages without an answer; beyond, publishers wait"
    )
    in_flight_bytes: int = Field(
        64 * 1024 * 1024, ge=16 * 1024 * 1024,
        description="bytes without an answer; beyond, publishers wait",
    )  # fmt: skip

    @field_validator("endpoint")
    @classmethod
    def _plain_text_stays_at_home(cls, endpoint: str | None) -> str | None:
        if endpoint is None:
            return None
        host, colon, port = endpoint.rpartition(":")
        if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{endpoint!r} is not host:port")
        if ":" in host.removeprefix("[").removesuffix("]") and host[:1] + host[-1:] != "[]":
            raise ValueError(f"{endpoint!r} is ambiguous: an IPv6 address stands in brackets")
        require_loopback(host, "plain-text Pub/Sub", "only a server on this machine is spoken to "
                         "without TLS; `endpoint: null` is Google's")  # fmt: skip
        return endpoint
