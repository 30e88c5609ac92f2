"""How many devices, how fast, how unruly."""

from dataclasses import dataclass

from protos.codec import MAX_EVENTS
from protos.ids import check_id

MAX_DEVICES = 99_999


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet is to do.

    Attributes:
        devices: simulated devices, each with a connection of its own.
        rate: batches/s that all devices make together.
        events_per_batch: events in each.
        heartbeat_s: s between heartbeats of a device.
        duration_s: s for which batches are made.
        drain_s: s after that for the last receipts.
        receipt_timeout_s: s after PUBACK before a batch goes out again; doubled each time.
        storm_s: s between reconnect storms; 0: none.
        storm_share: of the devices that lose their connection in a storm.
        duplicates: share of sendings that happen twice.
        reorder: share of sendings that are held back, so that later ones overtake them.
        seed: of every choice but the boots, which are new in each run.
        prefix: of the device ids.

    Raises:
        InvalidIdError: the prefix makes no valid device ids.
        ValueError: a value is out of its range.
    """

    devices: int = 10
    rate: float = 1.0
    events_per_batch: int = 10
    heartbeat_s: float = 30.0
    duration_s: float = 60.0
    drain_s: float = 60.0
    receipt_timeout_s: float = 10.0
    storm_s: float = 0.0
    storm_share: float = 1.0
    duplicates: float = 0.0
    reorder: float = 0.0
    seed: int = 0
    prefix: str = "sim"

    def __post_init__(self) -> None:
        check_id(self.device_id(1), "device")
        limits = {
            "devices": 1 <= self.devices <= MAX_DEVICES,
            "rate": self.rate > 0,
            "events_per_batch": 1 <= self.events_per_batch <= MAX_EVENTS,
            "heartbeat_s": self.heartbeat_s >= 1,
            "duration_s": self.duration_s > 0,
            "drain_s": self.drain_s >= 0,
            "receipt_timeout_s": self.receipt_timeout_s > 0,
            "storm_s": self.storm_s >= 0,
            "storm_share": 0 <= self.storm_share <= 1,
            "duplicates": 0 <= self.duplicates <= 1,
            "reorder": 0 <= self.reorder <= 1,
        }
        for name, is_within in limits.items():
            if not is_within:
                raise ValueError(f"{name} {getattr(self, name)} is out of its range")

    def device_id(self, number: int) -> str:
        """`sim-00001` for 1."""
        return f"{self.prefix}-{number:05d}"
