"""Which message goes where, with which attributes, or why it is refused. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cloud.bus import attributes as attr
from cloud.bus import topology
from cloud.bus.dead_letters import fitting, refusal_attributes
from protos import codec, topics
from protos.errors import InvalidIdError, WireError
from protos.ids import Lane, boot_text, check_id
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.snapshot_pb2 import Snapshot
from protos.v1.update_report_pb2 import UpdateReport

MAX_DEAD_LETTER_BYTES = 8 * 1024 * 1024
"""Of a refused payload; Pub/Sub takes 10 MB a request."""


class Outgoing(NamedTuple):
    """A message for Pub/Sub."""

    topic: str
    data: bytes
    attributes: dict[str, str]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Whose devices they are; the same for every message of a bridge."""

    project: str
    registry: str
    region: str


@dataclass(frozen=True, slots=True)
class Downward:
    """A message for a device."""

    device: str
    topic: str
    payload: bytes
    retain: bool


def upward(registry: Registry, topic: str, payload: bytes) -> Outgoing:
    """Where a device's message goes; what breaks a rule goes to the dead letter."""
    try:
        uplink, identity = _origin(registry, topic)
        target, copies = _accept(uplink, payload)
    except WireError as error:
        return dead_letter(topic, payload, str(error))
    return Outgoing(target, payload, {**identity, **copies})


def identity_problem(name: str, topic: str, user_properties: Sequence[tuple[str, str]]) -> str:
    """Why a message is not believed to come from its topic's device; empty where it is.

    Args:
        name: of the user property in which the broker states who published.
        topic: the message's; what is wrong with itself is not said here.
        user_properties: the message's, in order.
    """
    stated = [value for key, value in user_properties if key == name]
    if not stated:
        return f"the broker does not state who published it: there is no user property {name!r}"
    if len(stated) > 1:
        # One may be the publisher's own, and nothing says which.
        return f"user property {name!r} stands there {len(stated)} times, and not once"
    try:
        device = topics.parse_uplink(topic).device
    except WireError as error:
        return str(error)
    if stated[0] != device:
        return f"{stated[0]!r} published on the topic of {device!r}"
    return ""


def dead_letter(topic: str, payload: bytes, reason: str) -> Outgoing:
    """A refused message with the reason, cut where Pub/Sub would refuse it too."""
    attributes = refusal_attributes(reason, topic, len(payload))
    data = payload[:MAX_DEAD_LETTER_BYTES]
    return Outgoing(topology.DEAD_LETTER, data, attributes, refusal=reason)


def downward(attributes: dict[str, str], data: bytes) -> Downward:
    """The MQTT message that a downlink message stands for.

    Raises:
        WireError: no valid device, or a subfolder that is none of the way down's.
    """
    device = check_id(attributes.get(attr.DEVICE_ID, ""), attr.DEVICE_ID)
    match attributes.get(attr.SUB_FOLDER, "").split("/"):
        case ["config"]:
            return Downward(device, topics.config(device), data, retain=True)
        case ["commands", name]:
            return Downward(device, topics.command(device, name), data, retain=False)
        case parts:
            folder = "/".join(parts)
            raise InvalidIdError(
                f"{attr.SUB_FOLDER} {folder!r} is neither config nor commands/NAME"
            )


def _accept(uplink: topics.UplinkTopic, payload: bytes) -> tuple[str, dict[str, str]]:
    """The Pub/Sub topic and the copies of the header, after the message's own checks."""
    if uplink.subfolder == topics.UPDATE:
        _same_device(uplink, codec.decode(UpdateReport, payload).device)
        return topology.UPDATES, {}
    lane = uplink.lane
    if lane is None:
        _same_device(uplink, codec.decode(DeviceState, payload).device)
        return topology.STATE, {}
    if lane is Lane.EVIDENCE:
        _same_device(uplink, codec.decode(Snapshot, payload).device)
        return topology.EVIDENCE, {}
    header = codec.read_header(payload)
    _same_device(uplink, header.device)
    if int(header.lane) != lane:
        raise WireError(f"a batch of lane {int(header.lane)} came on the topic of {lane.slug}")
    copies = {
        attr.SCHEMA: str(header.schema),
        attr.BOOT: boot_text(header.boot),
        attr.LANE: lane.slug,
        attr.FIRST_SEQ: str(header.first_seq),
        attr.COUNT: str(header.count),
    }
    if header.traceparent:
        copies[attr.TRACEPARENT] = fitting(header.traceparent)
    return topology.EVENTS, copies


def _same_device(uplink: topics.UplinkTopic, device: str) -> None:
    if device != uplink.device:
        raise WireError(f"a message of device {device!r} came on the topic of {uplink.device!r}")


@lru_cache(maxsize=16_384)
def _origin(registry: Registry, topic: str) -> tuple[topics.UplinkTopic, Mapping[str, str]]:
    """Who sent it, and the attributes that say so: the same for every message of a topic.

    Raises:
        WireError: it is no topic of a device.
    """
    uplink = topics.parse_uplink(topic)
    return uplink, {
        attr.DEVICE_ID: uplink.device,
        attr.DEVICE_NUM_ID: str(_number(uplink.device)),
        attr.REGISTRY_ID: registry.registry,
        attr.REGISTRY_LOCATION: registry.region,
        attr.PROJECT_ID: registry.project,
        attr.SUB_FOLDER: uplink.subfolder,
    }


def _number(device: str) -> int:
    """A stable number of a device, where IoT Core would have given one (FNV-1a, 63 bits)."""
    value = 0xCBF29CE484222325
    for byte in device.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value >> 1
