"""What a letter says of itself, where it came from, and how it is shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bridge.routing import Registry, upward
from cloud.bus import topology
from cloud.deadletter.choice import Choice
from cloud.deadletter.origin import original
from cloud.deadletter.text import at, payload_text, visible
from protos.codec import SCHEMA, encode
from protos.v1.device_state_pb2 import DeviceState
from protos.v1.snapshot_pb2 import Snapshot
from tests.support.letters import letter
from tests.support.stored import batch_of, person

REGISTRY = Registry("project", "registry", "region")
BATCH = encode(batch_of(person(1)))
TOPIC = "/devices/cam-box/events/state"
FORWARDED = {
    "CloudPubSubDeadLetterSourceDeliveryCount": "100",
    "CloudPubSubDeadLetterSourceSubscription": "fleet-state",
    "CloudPubSubDeadLetterSourceSubscriptionProject": "project",
}


def test_a_letter_of_ingest_goes_back_without_what_was_added() -> None:
    one = letter(BATCH, deviceId="cam-box", lane="state", reason="no", source="ingest", size="7")
    back = original(one, REGISTRY)
    assert (back.topic, back.data, back.refusal) == (topology.EVENTS, BATCH, "")
    assert back.attributes == {"deviceId": "cam-box", "lane": "state"}
    assert (one.reason, one.source, one.device) == ("no", "ingest", "cam-box")


def test_a_letter_of_the_bridge_goes_the_bridges_way() -> None:
    one = letter(BATCH, reason="too large for Pub/Sub", source=TOPIC, size=str(len(BATCH)))
    assert one.device == "cam-box"
    assert original(one, REGISTRY) == upward(REGISTRY, TOPIC, BATCH)
    assert original(one, REGISTRY).topic == topology.EVENTS


def test_what_the_bridge_would_refuse_again_stays() -> None:
    assert "no EventBatch" in original(letter(source=TOPIC), REGISTRY).refusal
    assert original(letter(BATCH, source="/devices/other/events/state"), REGISTRY).refusal
    assert original(letter(BATCH, source="/nonsense"), REGISTRY).refusal
    assert letter(source="/nonsense").device == ""


def test_a_letter_that_pubsub_forwarded_goes_to_the_topic_of_its_subscription() -> None:
    one = letter(b"state", deviceId="cam-box", **FORWARDED)
    assert one.reason == "not settled in 100 deliveries"
    assert one.source == "fleet-state"
    back = original(one, REGISTRY)
    assert (back.topic, back.attributes) == (topology.STATE, {"deviceId": "cam-box"})


@pytest.mark.parametrize("source", ["", "dead-letter", "nobody"])
def test_a_letter_of_unknown_origin_stays(source: str) -> None:
    assert "came from" in original(letter(source=source), REGISTRY).refusal
    assert "came from" in original(letter(), REGISTRY).refusal


def test_a_letter_that_was_cut_stays() -> None:
    one = letter(b"cut", source="ingest", size="9000000")
    assert "only 3 of its 9000000 bytes" in original(one, REGISTRY).refusal
    assert letter(b"cut", size="9" * 5000).size_bytes == 3


def test_choices() -> None:
    one = letter(number="7", reason="No EventBatch", deviceId="cam-box")
    assert Choice().is_everything
    assert Choice().takes(one)
    for choice in (Choice(frozenset("7")), Choice(reason="no event"), Choice(device="cam-box")):
        assert choice.takes(one)
        assert not choice.is_everything
    for choice in (
        Choice(frozenset("8")), Choice(reason="other"), Choice(device="other"),
        Choice(frozenset("7"), device="other"),
    ):  # fmt: skip
        assert not choice.takes(one)


def test_a_batch_is_shown_decoded() -> None:
    text = payload_text(letter(BATCH, source="ingest"))
    assert text.startswith("EventBatch:\n")
    assert 'class_name: "person"' in text


def test_each_kind_is_shown_as_what_it_was() -> None:
    state = DeviceState(schema=SCHEMA, device="cam-box", boot=7, status=DeviceState.ALIVE)
    assert "status: ALIVE" in payload_text(letter(encode(state), source="fleet-state"))
    picture = Snapshot(schema=SCHEMA, device="cam-box", image=b"\xff\xd8" * 50)
    shown = payload_text(letter(encode(picture), source="/devices/cam-box/events/evidence"))
    assert "100 bytes are not shown" in shown


def test_what_cannot_be_decoded_is_shown_in_hexadecimal() -> None:
    shown = payload_text(letter(b"\xff" * 600, source="ingest"))
    assert "no EventBatch" in shown
    assert "000010  ff ff" in shown
    assert "88 bytes more" in shown


def test_what_is_too_long_is_cut() -> None:
    batch = batch_of(*[person(seq) for seq in range(1, 101)])
    assert payload_text(letter(encode(batch))).endswith("lines more")


def test_times_and_texts() -> None:
    assert at(1_777_636_800_040_000_000) == "2026-05-01T12:00:00Z"
    assert visible("\x1b[31mrot\u202e\n\u00e4") == "\\x1b[31mrot\\u202e\\n\u00e4"


@given(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from(["reason", "source", "size", "deviceId", *FORWARDED]),
        st.text() | st.sampled_from(["ingest", TOPIC, "/devices/x", "fleet-state"]),
    ),
)
def test_anybodys_letter_can_be_looked_at(data: bytes, attributes: dict[str, str]) -> None:
    """Who can publish to the dead letter can write whatever he likes."""
    one = letter(data, **attributes)
    shown = [visible(text) for text in (one.reason, one.source, one.device)]
    assert all(text.isprintable() for text in shown)
    assert payload_text(one).replace("\n", "").isprintable()
    back = original(one, REGISTRY)
    assert back.refusal or back.topic != topology.DEAD_LETTER
    json.dumps(back.attributes)
