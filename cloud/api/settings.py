"""Where the API listens."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from wayside.net import Port, require_loopback


class ApiSettings(BaseModel):
    """Where the API listens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="a loopback address")
    port: Port = Field(8080, description="TCP port")

    @field_validator("host")
    @classmethod
    def _stays_at_home(cls, host: str) -> str:
        return require_loopback(
            host, "the API", "a wider bind is refused until there is authentication"
        )
