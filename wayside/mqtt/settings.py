"""Where the broker is and who we are to it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from wayside.net import Port, TlsSettings, require_loopback
from wayside.paths import SettingsPath


class MqttSettings(BaseModel):
    """Where the broker is and who we are to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="name or address of the broker")
    port: Port = Field(1883, description="TCP port of the broker")
    tls: TlsSettings | None = Field(None, description="required for a broker on another machine")
    username: str | None = None
    password_file: SettingsPath | None = Field(
        None, description="file whose first line is the password"
    )
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive_s: int = Field(30, ge=5, le=3600)
    connect_timeout_s: float = Field(10.0, gt=0, le=120)
    retry_initial_s: float = Field(0.5, gt=0, le=60)
    retry_max_s: float = Field(60.0, gt=0, le=3600)

    @model_validator(mode="after")
    def _plain_text_stays_at_home(self) -> "MqttSettings":
        if self.tls is None:
            require_loopback(self.host, "plain-text MQTT", "add a `tls` section (an empty one `{}` "
                             "trusts the system's CAs)")  # fmt: skip
        return self

    def password(self) -> str | None:
        """The password, read anew so that it can be rotated.

        Raises:
            OSError: the file cannot be read.
        """
        if self.password_file is None:
            return None
        return self.password_file.read_text(encoding="utf-8").partition("\n")[0].strip()
