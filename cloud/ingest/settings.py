"""How much ingest gathers, and for how long; and who may push to it."""

from pydantic import BaseModel, ConfigDict, Field

from wayside.net import Port

_LARGEST_PUSH_BYTES = 14 * 1024 * 1024
"""Pub/Sub takes 10 MB a message, which base64 makes a third longer."""


class IngestSettings(BaseModel):
    """How much ingest gathers, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batches: int = Field(100, ge=1, le=1000, description="batches in one write")
    max_wait_ms: float = Field(
        100.0, ge=0, le=10_000, description="time between two writes, unless one is full before"
    )
    max_messages: int = Field(1000, ge=1, le=100_000, description="batches held unwritten")
    max_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, description="bytes of the batches held unwritten"
    )
    receipt_interval_ms: float = Field(
        200.0, gt=0, le=10_000, description="a device gets one receipt in this time at most"
    )
    max_receipt_ranges: int = Field(
        10_000, ge=1, description="stored ranges waiting for their receipt, all devices together"
    )
    retry_initial_s: float = Field(0.2, gt=0, le=60, description="wait when the store is away")
    retry_max_s: float = Field(10.0, gt=0, le=600, description="longest wait for the store")


class PushSettings(BaseModel):
    """Where `ingest-push` listens, and whom it believes.

    It may listen on any address: every request shows a token that Google signed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="0.0.0.0 in a container")
    port: Port = Field(8090, description="TCP port")
    audience: str | None = Field(
        None, min_length=1, description="as the push subscription names it; ingest-push needs it"
    )
    service_accounts: tuple[str, ...] = Field(
        (), description="e-mails of those that may push; ingest-push needs one"
    )
    max_body_bytes: int = Field(
        16 * 1024 * 1024, ge=_LARGEST_PUSH_BYTES, description="of one request"
    )
    receipt_timeout_s: float = Field(
        5.0, gt=0, le=60, description="a request waits this long for its receipt to be published"
    )
