"""Limits of the bridge."""

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BridgeSettings(BaseModel):
    """How much is on the way at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: str = Field("wayside", description="deviceRegistryId of each message")
    region: str = Field("local", description="deviceRegistryLocation of each message")
    share_group: str = Field(
        "bridge",
        pattern="^[A-Za-z0-9_-]{1,64}$",
        repr=False,
        description="shared subscription of all bridges; where devices are not trusted, a secret "
        "of 20 random characters or more, for its digest is seen: one that knows it can take "
        "messages from the bridges, which delays them",
    )
    receive_maximum: int = Field(
        64, ge=1, le=65_535, description="messages that the broker may have on the way to us"
    )
    downlink_in_flight: int = Field(
        64, ge=1, le=1_000, description="messages on the way down without a PUBACK"
    )
    downlink_rate: float = Field(
        50.0, gt=0, le=10_000, description="messages/s to one device in the long run"
    )
    downlink_burst: int = Field(
        200, ge=1, le=100_000, description="messages to one device at once; beyond, they come later"
    )
    drain_timeout_s: float = Field(
        10.0, gt=0, le=300, description="what is in flight at the end gets this long"
    )
    presence_interval_s: float = Field(
        1.0, ge=0.05, le=60, description="MQTT 3.1.1: how often the active bridge says that it is"
    )
    presence_timeout_s: float = Field(
        3.5, ge=0.1, le=600, description="MQTT 3.1.1: silence after which a standby takes over"
    )
    identity_property: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="MQTT 5 user property in which the broker itself states who published, "
        "overwriting what the publisher says; must be the topic's device",
    )

    @model_validator(mode="after")
    def _one_word_may_be_lost(self) -> "BridgeSettings":
        if self.presence_timeout_s < 2 * self.presence_interval_s:
            raise ValueError(
                f"presence_timeout_s {self.presence_timeout_s} is less than two times "
                f"presence_interval_s {self.presence_interval_s}: raise it, or standbys take over "
                "from bridges that live"
            )
        return self
