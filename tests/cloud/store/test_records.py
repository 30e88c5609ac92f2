"""EventBatch to EventRecords."""

import pytest

from cloud.store.records import MAX_CAPTURED_NS, kind_slug, record, records
from protos.errors import InvalidPayloadError
from protos.ids import EventId, Lane
from protos.v1.event_batch_pb2 import EventBatch
from tests.support.stored import Event, batch_of, crossing, person


def test_a_record_has_what_the_event_has() -> None:
    [found] = records(batch_of(crossing(3), boot=9, lane=Lane.ALARM))

    assert found.id == EventId("cam-box", 9, Lane.ALARM, 3)
    assert (found.kind, found.rule, found.target) == ("line-crossed", "door-line", "line-a")
    assert (found.direction, found.dwell_s, found.value) == ("a-to-b", 1.5, 0.0)
    assert (found.class_name, found.track_id, found.confidence) == ("person", 3, 0.75)
    assert found.box == (0.25, 0.5, 0.125, 0.0625)
    assert (found.model, found.model_version, found.frame) == ("fastestdet", "1", 3)


def test_what_an_event_has_not_is_absent() -> None:
    bare = Event(seq=1, kind=EventBatch.COUNTS, captured_ns=5)
    [found] = records(batch_of(bare))

    assert (found.track_id, found.confidence, found.box) == (None, None, None)
    assert (found.rule, found.dwell_s, found.value) == ("", None, None)


def test_a_record_is_made_again_of_its_id_and_payload() -> None:
    for one in records(batch_of(person(1), crossing(2))):
        assert record(one.id, one.payload) == one


def test_a_payload_that_is_no_event_is_refused() -> None:
    with pytest.raises(InvalidPayloadError, match="cam-box/0000000000000001/state/1"):
        record(EventId("cam-box", 1, Lane.STATE, 1), b"\xff\xff")


@pytest.mark.parametrize(
    "event", [person(1, MAX_CAPTURED_NS + 1), person(2**63, 1), person(1, 2**64 - 1)]
)
def test_numbers_that_no_store_holds_are_refused(event: Event) -> None:
    with pytest.raises(InvalidPayloadError, match="63 bits"):
        records(batch_of(event))


def test_every_kind_of_the_wire_has_a_name_of_its_own() -> None:
    names = {kind_slug(number) for number in EventBatch.Kind.values() if number}

    assert len(names) == len(EventBatch.Kind.values()) - 1
    assert "wrong-way" in names
    assert kind_slug(77) == "kind-77"
