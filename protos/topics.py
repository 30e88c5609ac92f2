"""MQTT topics, laid out as Google IoT Core's.

/devices/{device}/events/{lane}     up    EventBatch; evidence: Snapshot; update: UpdateReport
/devices/{device}/state             up    DeviceState, retained
/devices/{device}/live              up    JPEG and boxes, QoS 0, only while a lease runs
/devices/{device}/config            down  DesiredState, retained
/devices/{device}/commands/{name}   down  Command; name `receipts`: Receipt
/bridges/{group}/presence           -     between bridges on MQTT 3.1.1: which one is active; QoS 0
"""

import hashlib
from dataclasses import dataclass

from protos.errors import InvalidIdError, InvalidTopicError
from protos.ids import Lane, check_id

EVENTS_FILTER = "/devices/+/events/#"
STATE_FILTER = "/devices/+/state"
PRESENCE_FILTER = "/bridges/+/presence"
UPDATE = "update"
"""The folder under events that carries update reports instead of a lane."""

RECEIPTS = "receipts"
"""The command name under which receipts come down."""


def shared(group: str, topic_filter: str) -> str:
    """An MQTT 5 shared subscription; the filter keeps its own leading slash."""
    return f"$share/{group}/{topic_filter}"


def presence(group: str) -> str:
    """Where the bridges of a share group tell each other which one is active.

    The group may be a secret word, which a topic that others can see must not give away.
    """
    return f"/bridges/{hashlib.sha256(group.encode()).hexdigest()[:16]}/presence"


def events(device: str, lane: Lane) -> str:
    """Where a device publishes the batches of a lane."""
    return f"/devices/{check_id(device, 'device')}/events/{lane.slug}"


def updates(device: str) -> str:
    """Where a device publishes its update reports."""
    return f"/devices/{check_id(device, 'device')}/events/{UPDATE}"


def state(device: str) -> str:
    """Where a device publishes birth, heartbeat and last will."""
    return f"/devices/{check_id(device, 'device')}/state"


def config(device: str) -> str:
    """Where a device reads its desired state."""
    return f"/devices/{check_id(device, 'device')}/config"


def command(device: str, name: str) -> str:
    """Where a device reads commands of one name."""
    return f"/devices/{check_id(device, 'device')}/commands/{check_id(name, 'command')}"


def commands_filter(device: str) -> str:
    """All commands of one device."""
    return f"/devices/{check_id(device, 'device')}/commands/#"


@dataclass(frozen=True, slots=True)
class UplinkTopic:
    """A topic that a device publishes to, taken apart.

    Attributes:
        device: id of the device.
        subfolder: lane slug or `update` under events, empty for the state topic.
        lane: the lane, or None for state and update reports.
    """

    device: str
    subfolder: str
    lane: Lane | None


def parse_uplink(topic: str) -> UplinkTopic:
    """The parts of a topic that a device published to.

    Raises:
        InvalidTopicError: it is neither an events nor a state topic of a valid device.
    """
    match topic.split("/"):
        case ["", "devices", device, "state"]:
            subfolder = ""
        case ["", "devices", device, "events", subfolder] if subfolder:
            pass
        case _:
            raise InvalidTopicError(f"topic {topic!r} is no events or state topic of a device")
    try:
        lane = None if subfolder in ("", UPDATE) else Lane.from_slug(subfolder)
        return UplinkTopic(check_id(device, "device"), subfolder, lane)
    except InvalidIdError as error:
        raise InvalidTopicError(f"topic {topic!r}: {error}") from error
