"""An event as a line of InfluxDB's line protocol.

Everything in a line comes from the event's own bytes, so a second delivery writes the same
point. Which measurement an event belongs to:

object         object-started, object-updated, object-ended
counts         counts
segmentation   segmentation
sensor         sensor
rule           whatever else a rule found
device         the rest: camera-state, events-lost, and kinds of a newer peer without object or rule

Tags are device, camera, kind and class, and rule where a rule found it (RULED). A tag's text is
the value with control characters, quotes, backslashes and percent signs percent-encoded (RFC 3986,
2.1), because line protocol has no safe way to write them in a tag; valid ids stand as they are.

Reference: https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
"""

import math
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote

from cloud.store.port import EventRecord
from cloud.store.records import direction_slug
from protos.ids import EventId, Lane, boot_text
from protos.v1.event_batch_pb2 import EventBatch

MEASUREMENTS = ("object", "rule", "counts", "segmentation", "sensor", "device")
RULED = ("rule", "counts", "segmentation")
"""Those whose points may name a rule; `rule` has what earlier releases wrote of the others, too."""

OTHER = "other"
"""The tag of a value beyond the budget of series; the point has the value in a field `TAG_name`."""

REPLACEABLE = ("camera", "class", "kind", "rule")
"""Tags that may be OTHER."""

_OWN = {"counts": "counts", "segmentation": "segmentation", "sensor": "sensor",
        "camera-state": "device", "events-lost": "device"}  # fmt: skip
_BOX = ("top", "left", "width", "height")
_MAX_INT = 2**63 - 1
# Each made by one %, which takes a third of what f-strings with as many parts take.
_ID = '%s%d%s,seq=%di,captured_ns=%di,payload="%s"%s'
_SEEN = (
    "track_id=%di,confidence=%.9g,top=%.9g,left=%.9g,width=%.9g,height=%.9g"
    ",speed_mps=%.9g,stationary=%s,first_seen_ns=%di"
)
"""Nine digits tell one float32 from every other."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:/-]*")
_UNWRITABLE = re.compile(r'[\x00-\x1f\x7f%\\"]')
_SEPARATOR = re.compile(r"([,= ])")

Fields = dict[str, str | int | float | bool | None]


def measurement(event: EventRecord) -> str:
    """The measurement that an event belongs to, by its kind and content."""
    own = _OWN.get(event.kind)
    if own is not None:
        return own
    if event.rule:
        return "rule"
    return "device" if event.track_id is None else "object"


def tags(event: EventRecord) -> Mapping[str, str]:
    """The tags by name, in the order in which they are written, as texts; empty ones left out."""
    return _tags(event.camera, event.class_name, event.id.device, event.kind, event.rule)


def time_ns(event: EventRecord) -> int:
    """When the point is: the captured time cut to µs, told apart by seq in the nanoseconds."""
    return event.captured_ns // 1000 * 1000 + event.id.seq % 1000


def line(event: EventRecord, point_tags: Mapping[str, str]) -> str:
    """The whole line, without its end.

    Args:
        event: the event.
        point_tags: as `tags` has them, some of REPLACEABLE perhaps replaced by OTHER.
    """
    if OTHER not in point_tags.values():
        return line_of(head(event, point_tags), event)
    replaced = ",".join(_pairs(_replaced(event, point_tags)))
    begin = f"{head(event, point_tags)} {replaced}{',' if replaced else ''}"
    return f"{begin}{_drafted(event).rest}"


Series = tuple[str, str, str, str, str, bool]
"""What the series of an event's own depends on."""


class Draft(EventRecord):
    """An event whose line stands ready, but for its head.

    Attributes:
        series: whose the head is, if the budget admits it.
        rest: fields and time, as they stand in the line.
    """

    series: Series
    rest: str


def draft(event: EventRecord) -> Draft:
    """The event with all of its line that does not depend on the budget of series."""
    made = Draft._make(event)
    made.series = series_of(event)
    made.rest = f"{_fields(event)} {time_ns(event)}"
    return made


def series_of(event: EventRecord) -> Series:
    """What an event's own series depends on; equal for events of one series."""
    if isinstance(event, Draft):
        return event.series
    plain = event.track_id is None
    return event.camera, event.class_name, event.id.device, event.kind, event.rule, plain


def head(event: EventRecord, point_tags: Mapping[str, str]) -> str:
    """Measurement and tags as they begin a line."""
    return _series(measurement(event), tuple(point_tags.items()))


def line_of(line_head: str, event: EventRecord) -> str:
    """The line of an event whose tags are its own."""
    return f"{line_head} {_drafted(event).rest}"


def _drafted(event: EventRecord) -> Draft:
    return event if isinstance(event, Draft) else draft(event)


def point(name: str, point_tags: Mapping[str, str], fields: Fields, at_ns: int) -> str:
    """A line of any measurement, written by hand: Point objects cost five times as much.

    Fields that the database cannot hold are left out: what is absent, empty text, NaN and
    infinity, and integers of 64 bits without a sign.
    """
    return _line(name, point_tags, ",".join(_pairs(fields)), at_ns)


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
def _name(text: str) -> str:
    """A field's name as it stands in a line."""
    return _escaped(tag_text(text))


def _escaped_string(text: str) -> str:
    # To look first is faster than to replace nothing.
    if '"' in text or "\\" in text:
        return text.replace("\\", "\\\\").replace('"', '\\"')
    return text


@lru_cache(maxsize=4096)
def _tags(camera: str, class_name: str, device: str, kind: str, rule: str) -> Mapping[str, str]:
    found = {"camera": camera, "class": class_name, "device": device, "kind": kind, "rule": rule}
    return MappingProxyType({name: tag_text(value) for name, value in found.items() if value})


@lru_cache(maxsize=4096)
def _series(name: str, point_tags: tuple[tuple[str, str], ...]) -> str:
    """Measurement and tags as they begin a line."""
    return name + "".join(f",{key}={_escaped(text)}" for key, text in point_tags)


def _line(name: str, point_tags: Mapping[str, str], fields: str, at_ns: int) -> str:
    return f"{_series(name, tuple(point_tags.items()))} {fields} {at_ns}"


def _pairs(fields: Fields) -> list[str]:
    """Fields of any name and type as `name=value`, without those that can't be held."""
    body: list[str] = []
    for key, value in fields.items():
        name = _name(key)
        if isinstance(value, str):
            _put_text(body, name, value)
        elif isinstance(value, float):
            _put_float(body, name, value)
        elif isinstance(value, bool):
            body.append(f"{name}={'true' if value else 'false'}")
        else:
            _put_integer(body, name, value)
    return body


def _replaced(event: EventRecord, point_tags: Mapping[str, str]) -> Fields:
    """The values whose tags are OTHER, and are not called so themselves."""
    values = (event.camera, event.class_name, event.kind, event.rule)
    return {
        f"{name}_name": value
        for name, value in zip(REPLACEABLE, values, strict=True)
        if value and point_tags.get(name) == OTHER != tag_text(value)
    }


@lru_cache(maxsize=4096)
def _stream(device: str, boot: int, lane: Lane) -> tuple[str, str]:
    """What stands before and behind the seq of an event's id."""
    id_text, _, _ = str(EventId(device, boot, lane, 0)).rpartition("0")
    return f'event_id="{id_text}', f'",boot="{boot_text(boot)}",lane="{lane.slug}"'


@lru_cache(maxsize=4096)
def _model(model: str, version: str) -> str:
    body: list[str] = []
    _put_text(body, "model", model)
    _put_text(body, "model_version", version)
    return "".join(f",{field}" for field in body)


def _fields(event: EventRecord) -> str:
    """What can be asked for by name, as in a line; the payload has the whole event for readers.

    Not by way of `_pairs`, which takes five times as long: each event passes here.
    """
    wire = EventBatch.Event.FromString(event.payload)
    before, behind = _stream(event.id.device, event.id.boot, event.id.lane)
    seq, payload = event.id.seq, b64encode(event.payload).decode()
    model = _model(event.model, event.model_version)
    body = [_ID % (before, seq, behind, seq, event.captured_ns, payload, model)]
    _put_integer(body, "frame", event.frame)
    if event.track_id is not None:
        _put_object(body, event, wire.object)
    if wire.HasField("rule_hit"):
        _put_text(body, "target", event.target)
        _put_text(body, "direction", event.direction)
        _put_float(body, "dwell_s", event.dwell_s)
    _put_float(body, "value", event.value)
    _put_text(body, "snapshot_id", wire.snapshot_id)
    if details := _details(wire):
        body += _pairs(details)
    return ",".join(body)


def _put_object(body: list[str], event: EventRecord, seen: EventBatch.Object) -> None:
    box, confidence, speed_mps = event.box, event.confidence, seen.speed_mps
    stationary = "true" if seen.stationary else "false"
    integers = event.track_id or 0, seen.first_seen_ns
    if box is not None and confidence is not None and max(integers) <= _MAX_INT:
        top, left, width, height = box
        # Finite when all are: a double holds the sum of any float32.
        if math.isfinite(confidence + top + left + width + height + speed_mps):
            body.append(
                _SEEN
                % (integers[0], confidence, top, left, width, height, speed_mps, stationary,
                   integers[1])
            )  # fmt: skip
            return
    _put_integer(body, "track_id", integers[0])
    _put_float32(body, "confidence", confidence)
    for name, part in zip(_BOX, box or (), strict=False):
        _put_float32(body, name, part)
    _put_float32(body, "speed_mps", speed_mps)
    body.append(f"stationary={stationary}")
    _put_integer(body, "first_seen_ns", integers[1])


def _put_text(body: list[str], name: str, text: str) -> None:
    if text:
        body.append(f'{name}="{_escaped_string(text)}"')


def _put_float(body: list[str], name: str, value: float | None) -> None:
    if value is not None and math.isfinite(value):
        body.append(f"{name}={value!r}")


def _put_float32(body: list[str], name: str, value: float | None) -> None:
    if value is not None and math.isfinite(value):
        body.append(f"{name}={value:.9g}")


def _put_integer(body: list[str], name: str, value: int | None) -> None:
    if value is not None and value <= _MAX_INT:
        body.append(f"{name}={value}i")


def _details(event: EventBatch.Event) -> Fields:
    """The content that only some kinds have."""
    fields: Fields = {}
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
    if event.HasField("segmentation"):
        for area in event.segmentation.areas:
            fields[f"share_{area.class_name}"] = area.share
    if event.HasField("counts"):
        for count in event.counts.counts:
            direction = direction_slug(count.direction)
            name = "_".join(part for part in ("count", count.class_name, direction) if part)
            fields[name] = count.count
    return fields
