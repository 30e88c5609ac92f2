"""Where the state of devices is kept."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from wayside.paths import from_file


class FleetSettings(BaseModel):
    """Where the state of devices is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        "sqlite:///wayside-fleet.sqlite",
        description="SQLAlchemy URL: SQLite, or PostgreSQL where several processes need it; a "
        "password belongs into PGPASSWORD or ~/.pgpass, never here",
    )

    @field_validator("url")
    @classmethod
    def _is_one(cls, url: str, validation: ValidationInfo) -> str:
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ValueError("must be sqlite:///FILE or postgresql://HOST/DATABASE") from error
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError("must be sqlite:///FILE or postgresql://HOST/DATABASE")
        if parsed.password is not None or {"password", "passfile"} & set(parsed.query):
            raise ValueError("must not hold a password; use PGPASSWORD or ~/.pgpass")
        if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, ":memory:"):
            path = from_file(Path(parsed.database), validation)
            return parsed.set(database=str(path)).render_as_string()
        return url
