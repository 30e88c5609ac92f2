"""How many pictures are taken at once, and how long they are kept."""

from pydantic import BaseModel, ConfigDict, Field


class EvidenceSettings(BaseModel):
    """How many pictures are taken at once, and how long they are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_pictures: int = Field(64, ge=1, le=1000, description="pictures in one round of writes")
    max_wait_ms: float = Field(
        20.0, ge=0, le=10_000, description="how long a picture waits for others of its round"
    )
    parallel_writes: int = Field(4, ge=1, le=64, description="pictures written at the same time")
    receipt_interval_ms: float = Field(
        200.0, gt=0, le=10_000, description="a device gets one receipt in this time at most"
    )
    max_receipt_ranges: int = Field(
        10_000, ge=1, description="ranges waiting for their receipt, all devices together"
    )
    retry_initial_s: float = Field(0.2, gt=0, le=60, description="wait when blobs are away")
    retry_max_s: float = Field(10.0, gt=0, le=600, description="longest wait for blobs")
    retention_days: int | None = Field(
        None, ge=1, le=36_500, description="days that `evidence apply-retention` keeps; null: all"
    )
