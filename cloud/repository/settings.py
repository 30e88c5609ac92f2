"""Where the signed repository is, and how long its signatures last."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cloud.blobs.settings import BlobSettings
from wayside.paths import SettingsPath


class ExpirySettings(BaseModel):
    """How long a signature lasts, by role; no device believes it afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    root_days: int = Field(365, ge=1, le=3_650, description="life of a root, signed offline")
    targets_days: int = Field(365, ge=1, le=3_650, description="of who may sign which family")
    family_days: int = Field(180, ge=1, le=3_650, description="of the releases of a family")
    snapshot_days: int = Field(30, ge=1, le=365, description="of which files belong together")
    timestamp_days: int = Field(
        7, ge=1, le=365, description="of what is newest; so long a stolen server can hide news"
    )

    @model_validator(mode="after")
    def _the_timestamp_ends_first(self) -> "ExpirySettings":
        if self.timestamp_days > self.snapshot_days:
            raise ValueError(
                f"timestamp_days {self.timestamp_days} is more than snapshot_days "
                f"{self.snapshot_days}"
            )
        return self


class RepositorySettings(BaseModel):
    """The signed repository: plain files that any static host can serve."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blobs: BlobSettings = Field(description="where its files are written; all of it is public")
    keys_folder: SettingsPath = Field(
        description="folder with the private keys of snapshot and timestamp, for their owner only"
    )
    expiry: ExpirySettings = ExpirySettings()
    warn_offline_days: int = Field(
        30, ge=1, le=365, description="so long before the end of a role that people sign"
    )
    warn_online_days: int = Field(
        2, ge=1, le=365, description="so long before the end of snapshot or timestamp"
    )

    @model_validator(mode="after")
    def _warns_of_the_end_and_not_from_the_start(self) -> "RepositorySettings":
        offline = min(self.expiry.root_days, self.expiry.targets_days, self.expiry.family_days)
        for name, warn, days in (
            ("warn_offline_days", self.warn_offline_days, offline),
            ("warn_online_days", self.warn_online_days, self.expiry.timestamp_days),
        ):
            if warn >= days:
                raise ValueError(f"{name} {warn} is no less than the shortest life, {days} days")
        return self
