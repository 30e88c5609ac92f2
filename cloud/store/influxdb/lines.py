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
from typing import cast
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

Field = str | int | float | bool


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


def point(name: str, point_tags: dict[str, str], fields: dict[str, Field], at_ns: int) -> str:
    """A line of any measurement, written by hand: Point objects cost five times as much."""
    head = [f",{key}={_escaped(text)}" for key, text in point_tags.items()]
    body = [_key(key) + _field_text(value) for key, value in fields.items()]
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


def _field_text(value: Field) -> str:
    kind = type(value)
    if kind is str:
        return f'"{_escaped_string(cast(str, value))}"'
    if kind is int:
        return f"{value}i"
    if kind is bool:
        return "true" if value else "false"
    return repr(value)


def _escaped_string(text: str) -> str:
    # To look first is faster than to replace nothing.
    if '"' in text or "\\" in text:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


def _fields(event: EventRecord) -> dict[str, Field]:
    """What can be asked for by name; the payload has the whole event for readers."""
    fields: dict[str, Field] = {
        "event_id": str(event.id),
        "boot": boot_text(event.id.boot),
        "lane": event.id.lane.slug,
        "seq": event.id.seq,
        "captured_ns": event.captured_ns,
        "payload": b64encode(event.payload).decode(),
    }
    wire = EventBatch.Event.FromString(event.payload)
    _put(
        fields,
        frame=event.frame,
        model=event.model,
        model_version=event.model_version,
        track_id=event.track_id,
        confidence=event.confidence,
        target=event.target,
        direction=event.direction,
        dwell_s=event.dwell_s,
        value=event.value,
        snapshot_id=wire.snapshot_id,
    )
    if event.box is not None:
        top, left, width, height = event.box
        _put(fields, top=top, left=left, width=width, height=height)
    _put_details(fields, wire)
    return fields


def _put_details(fields: dict[str, Field], event: EventBatch.Event) -> None:
    """The content that only some kinds have."""
    if event.HasField("object"):
        seen = event.object
        _put(fields, speed_mps=seen.speed_mps, stationary=seen.stationary,
             first_seen_ns=seen.first_seen_ns)  # fmt: skip
    if event.HasField("position"):
        at = event.position
        _put(fields, latitude_deg=at.latitude_deg, longitude_deg=at.longitude_deg,
             position_speed_mps=at.speed_mps, heading_deg=at.heading_deg)  # fmt: skip
    if event.HasField("sensor"):
        _put(fields, sensor=event.sensor.sensor, unit=event.sensor.unit)
    if event.HasField("camera_status"):
        _put(fields, state=event.camera_status.state, detail=event.camera_status.detail)
    if event.HasField("events_lost"):
        _put(fields, lost=sum(lost.count for lost in event.events_lost.ranges))
    for area in event.segmentation.areas:
        _put(fields, **{f"share_{area.class_name}": area.share})
    for count in event.counts.counts:
        direction = direction_slug(count.direction)
        name = "_".join(part for part in ("count", count.class_name, direction) if part)
        _put(fields, **{name: count.count})


def _put(fields: dict[str, Field], **values: Field | None) -> None:
    """Add what the database can hold: no empty text, no NaN or infinity, no unsigned 64 bits."""
    for name, value in values.items():
        if value is None or value == "":
            continue
        kind = type(value)
        if kind is float and not math.isfinite(cast(float, value)):
            continue
        if kind is int and cast(int, value) > _MAX_INT:
            continue
        fields[name] = value
