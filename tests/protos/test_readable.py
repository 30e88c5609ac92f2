"""Messages as plain values."""

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from protos.readable import readable
from protos.v1.event_batch_pb2 import EventBatch

Event = EventBatch.Event


def test_what_is_set_is_told_in_the_order_of_the_fields() -> None:
    event = Event(
        camera="yard", captured_ns=1_777_636_800_000_000_001, kind=EventBatch.LINE_CROSSED, frame=7
    )
    event.rule_hit.rule, event.rule_hit.direction = "door", EventBatch.A_TO_B
    event.counts.counts.add(class_name="person", count=3)

    assert list(readable(event).items()) == [
        ("camera", "yard"),
        ("captured_ns", "1777636800000000001"),
        ("kind", "line-crossed"),
        ("rule_hit", {"rule": "door", "direction": "a-to-b"}),
        ("counts", {"counts": [{"class_name": "person", "count": 3}]}),
        ("frame", 7),
    ]


def test_a_box_at_the_edge_is_told_whole() -> None:
    event = Event()
    event.object.box.width = 0.5
    event.object.polygon.add()

    assert readable(event)["object"] == {
        "box": {"top": 0.0, "left": 0.0, "width": 0.5, "height": 0.0},
        "polygon": [{"x": 0.0, "y": 0.0}],
    }


def test_a_kind_that_a_newer_peer_sent_stays_a_number() -> None:
    assert readable(Event.FromString(b"\x20\x4d")) == {"kind": 77}


@given(st.floats(0, 1, width=32))
def test_a_confidence_comes_back_and_is_short(confidence: float) -> None:
    event = Event(object=EventBatch.Object(confidence=confidence))
    told = json.loads(json.dumps(readable(event)))["object"].get("confidence", 0.0)

    assert struct.pack("<f", told) == struct.pack("<f", confidence)
    assert len(f"{told:.9g}") <= len(f"{confidence:.9g}")
