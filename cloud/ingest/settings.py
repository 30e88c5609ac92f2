"""How much ingest gathers, and for how long."""

from pydantic import BaseModel, ConfigDict, Field


class IngestSettings(BaseModel):
    """How much ingest gathers, and for how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batches: int = Field(100, ge=1, le=1000, description="batches in one write")
    max_wait_ms: float = Field(
        20.0, ge=0, le=10_000, description="how long a batch waits for others of its write"
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
