"""Where the device's credentials are, and when they are renewed."""

from pydantic import BaseModel, ConfigDict, Field

from wayside.paths import SettingsPath


class IdentitySettings(BaseModel):
    """Credentials that `wayside-edge enroll` wrote, and that the agent renews."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: SettingsPath | None = Field(
        None, description="that enroll wrote, and `mqtt.tls` names; null: nothing is renewed"
    )
    renew_at: float = Field(
        0.67, ge=0.6, le=0.9, description="share of a certificate's life after which it is renewed"
    )
    jitter: float = Field(
        0.05, ge=0, le=0.05, description="share of its life by which that comes later, at random"
    )
    retry_initial_s: float = Field(
        10.0, ge=1, le=3600, description="s before the first attempt after a failed one"
    )
    retry_max_s: float = Field(1800.0, ge=1, le=86_400, description="s between attempts at most")
