"""Line protocol, read back by a parser that knows nothing of the writer."""

import re
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cloud.store.influxdb import lines
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.stored import START_NS, Event, crossing, person, stored

texts = st.text(max_size=20)


def split(text: str, separator: str) -> list[str]:
    """Cut at separators that are neither escaped nor within a string."""
    parts, current, quoted, skip = [], "", False, False
    for char in text:
        if skip:
            skip = False
        elif char == "\\":
            skip = True
        elif char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            parts.append(current)
            current = ""
            continue
        current += char
    return [*parts, current]


def parse(line: str) -> tuple[str, dict[str, str], dict[str, Any], int]:
    """Measurement, tags, fields and time, as the reference of line protocol says."""
    head, body, time_text = split(line, " ")
    name, *tag_texts = split(head, ",")
    tags = {}
    for text in tag_texts:
        key, value = split(text, "=")
        tags[key] = re.sub(r"\\([,= ])", r"\1", value)
    fields: dict[str, Any] = {}
    for text in split(body, ","):
        key, value = split(text, "=")
        key = re.sub(r"\\([,= ])", r"\1", key)
        if value.startswith('"'):
            fields[key] = re.sub(r'\\(["\\])', r"\1", value[1:-1])
        elif value in ("true", "false"):
            fields[key] = value == "true"
        else:
            fields[key] = int(value[:-1]) if value.endswith("i") else float(value)
    return name, tags, fields, int(time_text)


@given(camera=texts, class_name=texts, rule=texts, target=texts)
def test_every_text_comes_back(camera: str, class_name: str, rule: str, target: str) -> None:
    event = crossing(1, camera=camera, rule=rule, target=target)
    event.object.class_name = class_name
    [record] = stored(event)

    name, tags, fields, _ = parse(lines.line(record, lines.tags(record)))

    assert name == ("rule" if rule else "object")
    found = {key: lines.tag_value(text) for key, text in tags.items()}
    expected = {"camera": camera, "class": class_name, "device": "cam-box",
                "kind": "line-crossed", "rule": rule}  # fmt: skip
    assert found == {key: value for key, value in expected.items() if value}
    assert fields.get("target", "") == target
    assert fields["event_id"] == str(record.id)


filled = texts.filter(bool)


@given(
    floats=st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6),
    camera=texts,
    replaced=st.sets(st.sampled_from(lines.REPLACEABLE)),
)
def test_a_draft_gives_the_same_line_and_floats_of_32_bits_come_back(
    floats: list[float], camera: str, replaced: set[str]
) -> None:
    event = crossing(1, camera=camera)
    seen = event.object
    seen.box.top, seen.box.left, seen.box.width, seen.box.height = floats[:4]
    seen.confidence, seen.speed_mps = floats[4:]
    [record] = stored(event)
    own = lines.tags(record)
    tags = {name: lines.OTHER if name in replaced else text for name, text in own.items()}
    text = lines.line(record, tags)

    assert lines.line(lines.draft(record), tags) == text
    _, _, fields, _ = parse(text)
    names = ("top", "left", "width", "height", "confidence", "speed_mps")
    assert [np.float32(fields[name]) for name in names] == [np.float32(one) for one in floats]


@given(st.dictionaries(filled, filled | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_every_field_comes_back(fields: lines.Fields) -> None:
    _, _, found, at_ns = parse(lines.point("m", {}, fields, 5))

    assert {lines.tag_value(key): value for key, value in found.items()} == fields
    assert at_ns == 5


def test_time_is_the_microsecond_and_the_seq() -> None:
    [record] = stored(person(12_345, START_NS + 6_789))

    assert lines.time_ns(record) == START_NS + 6_000 + 345


def test_a_second_delivery_writes_the_same_line() -> None:
    batch = person(1)
    [first], [second] = stored(batch), stored(batch)

    assert lines.line(first, lines.tags(first)) == lines.line(second, lines.tags(second))


def test_what_the_database_cannot_hold_is_left_to_the_payload() -> None:
    event = person(1)
    event.object.track_id = 2**64 - 1
    event.object.confidence = float("nan")
    [record] = stored(event)

    _, _, fields, _ = parse(lines.line(record, lines.tags(record)))

    assert "track_id" not in fields
    assert "confidence" not in fields
    assert fields["top"] == 0.25


def test_counts_of_a_rule_stand_beside_other_counts_and_name_their_rule() -> None:
    event = crossing(1, rule="traffic")
    event.kind = EventBatch.COUNTS
    event.counts.counts.add(class_name="car", count=3)
    [record] = stored(event)
    name, tags, fields, _ = parse(lines.line(record, lines.tags(record)))
    assert (name, tags["rule"], fields["count_car"]) == ("counts", "traffic", 3)


def test_kinds_without_a_rule_have_measurements_of_their_own() -> None:
    kinds = {
        EventBatch.COUNTS: "counts",
        EventBatch.SEGMENTATION: "segmentation",
        EventBatch.SENSOR: "sensor",
        EventBatch.CAMERA_STATE: "device",
        EventBatch.EVENTS_LOST: "device",
        EventBatch.SPEED: "device",
    }
    for kind, name in kinds.items():
        [record] = stored(Event(seq=1, kind=kind, captured_ns=1))
        assert lines.measurement(record) == name
    [counts] = stored(Event(seq=1, kind=EventBatch.COUNTS, counts={"counts": [
        {"class_name": "person", "count": 3, "direction": EventBatch.B_TO_A}]}))  # fmt: skip
    assert parse(lines.line(counts, lines.tags(counts)))[2]["count_person_b-to-a"] == 3
