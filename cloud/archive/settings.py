"""How much is gathered into a file, and how long files are kept."""

from pydantic import BaseModel, ConfigDict, Field


class ArchiveSettings(BaseModel):
    """How much is gathered into a file, and how long files are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batches: int = Field(5000, ge=1, le=50_000, description="batches in one round of files")
    max_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="bytes of the batches in one round of files"
    )
    max_wait_s: float = Field(
        60.0, ge=0, le=600, description="how long a batch waits for others of its file"
    )
    events_per_file: int = Field(
        2000,
        ge=1,
        le=50_000,
        description="events in a file; larger rounds make several, each of a share of the devices",
    )
    parallel_writes: int = Field(2, ge=1, le=64, description="files written at the same time")
    retry_initial_s: float = Field(1.0, gt=0, le=60, description="wait when blobs are away")
    retry_max_s: float = Field(60.0, gt=0, le=600, description="longest wait for blobs")
    retention_days: int | None = Field(
        None, ge=1, le=36_500, description="days that `archive apply-retention` keeps; null: all"
    )
