"""Where the state of devices is kept, and when one is missed."""

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator


class PresenceSettings(BaseModel):
    """How much silence of a device is too much."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    late_after_intervals: int = Field(
        3, ge=1, le=1000, description="a device silent for so many of its own intervals is late"
    )
    offline_after_intervals: int = Field(
        10, ge=2, le=10_000, description="and for so many it is offline"
    )

    @model_validator(mode="after")
    def _late_comes_first(self) -> "PresenceSettings":
        if self.offline_after_intervals <= self.late_after_intervals:
            raise ValueError("offline_after_intervals must be more than late_after_intervals")
        return self


class FleetSettings(BaseModel):
    """Where the state of devices is kept, and when one is missed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "sqlite:///wayside-fleet.sqlite",
        description="SQLAlchemy URL: SQLite, or PostgreSQL where several processes need it; a "
        "password belongs into PGPASSWORD or ~/.pgpass, never here",
    )
    presence: PresenceSettings = PresenceSettings()

    @field_validator("url")
    @classmethod
    def _is_one(cls, url: str, validation: ValidationInfo) -> str:
        # Where nobody names a database, no process need know SQLAlchemy to read its settings.
        from cloud.fleet.url import checked_url

        return checked_url(url, validation)
