"""An event as a line of InfluxDB's line protocol.

Everything in a line comes from the event's own bytes, so a second delivery writes the same
point. Which measurement an event belongs to:

object         object-started, object-updated, object-ended
rule           whatever a rule found
counts         counts
segmentation   segmentation
sensor         sensor
device         the rest: camera-state, events-lost, and kinds of a newer peer without object or rule

Tags are device, camera, kind and class, and rule in `rule`. A tag's text is the value with
control characters, quotes, backslashes and percent signs percent-encoded (RFC 3986, 2.1), because
line protocol has no safe way to write them in a tag; valid ids stand as they are.

Reference: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

import math
import re
from base64 import b64encode
from functools import lru_cache
from urllib.parse import unquote

from cloud.store.port import EventRecord
from cloud.store.records import direction_slug
from protos.ids import boot_text
from protos.v1.event_batch_pb2 import EventBatch

MEASUREMENTS = ("object", "rule", "counts", "segmentation", "sensor", "device")
OTHER = "other"
"""The tag of a value beyond the budget of series; the point has the value in a field `TAG_name`."""

REPLACEABLE = ("camera", "class", "kind", "rule")
"""Tags that may be OTHER."""

_OWN = {"counts": "counts", "segmentation": "segmentation", "sensor": "sensor",
        "camera-state": "device", "events-lost": "device"}  # fmt: skip
_MAX_INT = 2**63 - 1
_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]*")
_UNWRITABLE = re.compile(r'[\x00-\x1f\x7f%\\"]')
_SEPARATOR = re.compile(r"([,= ])")

Fields = dict[str, str | int | float | bool | None]


def measurement(event: EventRecord) -> str:
    """The measurement that an event belongs to, by its kind and content."""
    if event.rule:
        return "rule"
    own = _OWN.get(event.kind)
    if own is not None:
        return own
    return "device" if event.track_id is None else "object"


def tags(event: EventRecord) -> dict[str, str]:
    """The tags by name, in the order in which they are written, as texts; empty ones left out."""
    found = {
        "camera": event.camera,
        "class": event.class_name,
        "device": event.id.device,
        "kind": event.kind,
        "rule": event.rule,
    }
    return {name: tag_text(value) for name, value in found.items() if value}


def time_ns(event: EventRecord) -> int:
    """When the point is: the captured time cut to µs, told apart by seq in the nanoseconds."""
    return event.captured_ns // 1000 * 1000 + event.id.seq % 1000


def line(event: EventRecord, point_tags: dict[str, str]) -> str:
    """The whole line, without its end.

    Args:
        event: the event.
        point_tags: as `tags` has them, some of REPLACEABLE perhaps replaced by OTHER.
    """
    fields = _fields(event)
    values = (event.camera, event.class_name, event.kind, event.rule)
    for name, value in zip(REPLACEABLE, values, strict=True):
        if value and point_tags.get(name) == OTHER != tag_text(value):
            fields[f"{name}_name"] = value
    return point(measurement(event), point_tags, fields, time_ns(event))


def point(name: str, point_tags: dict[str, str], fields: Fields, at_ns: int) -> str:
    """A line of any measurement, written by hand: Point objects cost five times as much.

    Fields that the database cannot hold are left out: what is absent, empty text, NaN and
    infinity, and integers of 64 bits without a sign.
    """
    head = [f",{key}={_escaped(text)}" for key, text in point_tags.items()]
    body = []
    for key, value in fields.items():
        if isinstance(value, str):
            if value:
                body.append(f'{_key(key)}"{_escaped_string(value)}"')
        elif isinstance(value, float):
            if math.isfinite(value):
                body.append(f"{_key(key)}{value!r}")
        elif isinstance(value, bool):
            body.append(f"{_key(key)}{'true' if value else 'false'}")
        elif value is not None and value <= _MAX_INT:
            body.append(f"{_key(key)}{value}i")
    return f"{name}{''.join(head)} {','.join(body)} {at_ns}"


@lru_cache(maxsize=4096)
def tag_text(value: str) -> str:
    """A tag's value as the database keeps it."""
    if _PLAIN.fullmatch(value):
        return value
    return _UNWRITABLE.sub(lambda match: f"%{ord(match[0]):02X}", value)


def tag_value(text: str) -> str:
    """The value that `tag_text` made the text of."""
    return unquote(text)


@lru_cache(maxsize=4096)
def _escaped(text: str) -> str:
    return _SEPARATOR.sub(r"\\\1", text)


@lru_cache(maxsize=4096)
def _key(text: str) -> str:
    return f"{_escaped(tag_text(text))}="


def _escaped_string(text: str) -> str:
    # To look first is faster than to replace nothing.
    if '"' in text or "\\" in text:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


def _fields(event: EventRecord) -> Fields:
    """What can be asked for by name; the payload has the whole event for readers."""
    wire = EventBatch.Event.FromString(event.payload)
    fields: Fields = {
        "event_id": str(event.id),
        "boot": boot_text(event.id.boot),
        "lane": event.id.lane.slug,
        "seq": event.id.seq,
        "captured_ns": event.captured_ns,
        "payload": b64encode(event.payload).decode(),
        "frame": event.frame,
        "model": event.model,
        "model_version": event.model_version,
        "track_id": event.track_id,
        "confidence": event.confidence,
        "target": event.target,
        "direction": event.direction,
        "dwell_s": event.dwell_s,
        "value": event.value,
        "snapshot_id": wire.snapshot_id,
    }
    if event.box is not None:
        fields["top"], fields["left"], fields["width"], fields["height"] = event.box
    _put_details(fields, wire)
    return fields


def _put_details(fields: Fields, event: EventBatch.Event) -> None:
    """The content that only some kinds have."""
    if event.HasField("object"):
        seen = event.object
        fields["speed_mps"] = seen.speed_mps
        fields["stationary"] = seen.stationary
        fields["first_seen_ns"] = seen.first_seen_ns
    if event.HasField("position"):
        at = event.position
        fields["latitude_deg"] = at.latitude_deg
        fields["longitude_deg"] = at.longitude_deg
        fields["position_speed_mps"] = at.speed_mps
        fields["heading_deg"] = at.heading_deg
    if event.HasField("sensor"):
        fields["sensor"], fields["unit"] = event.sensor.sensor, event.sensor.unit
    if event.HasField("camera_status"):
        status = event.camera_status
        fields["state"], fields["detail"] = status.state, status.detail
    if event.HasField("events_lost"):
        fields["lost"] = sum(lost.count for lost in event.events_lost.ranges)
    for area in event.segmentation.areas:
        fields[f"share_{area.class_name}"] = area.share
    for count in event.counts.counts:
        direction = direction_slug(count.direction)
        name = "_".join(part for part in ("count", count.class_name, direction) if part)
        fields[name] = count.count
