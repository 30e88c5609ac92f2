"""The broker; limits of the outbox and of the forwarder."""

from pydantic import BaseModel, ConfigDict, Field

from protos.codec import MAX_BATCH_BYTES, MAX_EVENTS
from wayside.mqtt.settings import MqttSettings

KIB = 1024
MIB = 1024 * KIB


class UplinkSettings(MqttSettings):
    """The broker, to a device that may pay by the byte."""

    keepalive_s: int = Field(
        45, ge=5, le=3600, description="s of silence after which the connection is probed"
    )


class OutboxSettings(BaseModel):
    """How much is kept, in memory and on disk, and how often it is made durable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(
        512 * MIB, ge=256 * KIB, description="bytes of events on disk; then the oldest go"
    )
    max_age_s: float | None = Field(
        None, ge=1, le=3650 * 86_400,
        description="s after which events go that no receipt has come for; null: never for their "
        "age. Counts only while a time service keeps the clock",
    )  # fmt: skip
    staging_max_bytes: int = Field(
        16 * MIB,
        ge=64 * KIB,
        description="bytes of events in memory while the disk does not answer",
    )
    commit_linger_ms: float = Field(
        250.0,
        ge=0,
        le=1000,
        description="ms that events other than alarms wait for a common commit",
    )
    retry_s: float = Field(
        1.0, gt=0, le=60, description="s between attempts to write while the disk refuses"
    )


class ForwarderSettings(BaseModel):
    """How events travel to the broker, and when they travel again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_batch_events: int = Field(
        MAX_EVENTS, ge=1, le=MAX_EVENTS, description="events of a batch at most"
    )
    max_batch_bytes: int = Field(
        MAX_BATCH_BYTES, ge=KIB, le=MAX_BATCH_BYTES,
        description="bytes of a batch at most; a larger event travels alone",
    )  # fmt: skip
    linger_ms: float = Field(
        250.0, ge=0, le=10_000, description="ms that events other than alarms wait for their batch"
    )
    window: int = Field(16, ge=1, le=1000, description="batches on the way without PUBACK")
    max_awaiting: int = Field(
        256, ge=1, le=10_000, description="batches of a lane that wait for their receipt"
    )
    receipt_timeout_min_s: float = Field(
        10.0, gt=0, le=3600, description="s after PUBACK before a batch goes out again, at least"
    )
    receipt_timeout_max_s: float = Field(
        300.0, gt=0, le=86_400, description="s after PUBACK before a batch goes out again, at most"
    )
    receipt_timeout_factor: float = Field(
        4.0, ge=1, le=100, description="times the observed time from PUBACK to receipt"
    )
    replay_max_per_s: float = Field(
        500.0, ge=1, le=100_000,
        description="events a second at most of what gathered offline or has to go again; fewer "
        "while receipts take long",
    )  # fmt: skip
    replay_start_max_s: float = Field(
        10.0, ge=0, le=3600,
        description="s after a reconnect at most, by chance, before such events other than alarms "
        "begin to go",
    )  # fmt: skip
    puback_timeout_s: float = Field(
        120.0, gt=0, le=3600,
        description="s without any PUBACK before the connection is made anew",
    )  # fmt: skip
    refusals_before_aside: int = Field(
        3, ge=1, le=100,
        description="closed connections, or sendings without a receipt that others do get, before "
        "a message is set aside",
    )  # fmt: skip
    settle_s: float = Field(
        0.25, gt=0, le=10,
        description="s after PUBACK within which a closed connection still blames the message",
    )  # fmt: skip
    aside_retry_s: float = Field(
        300.0, gt=0, le=86_400, description="s before what was set aside is tried again"
    )
    nobody_retry_initial_s: float = Field(
        0.5, gt=0, le=60, description="s before the next attempt where nobody subscribes, at first"
    )
    nobody_retry_max_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="s before the next attempt where nobody subscribes, at most",
    )
