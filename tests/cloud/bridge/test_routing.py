"""Which message goes where, and why not."""

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from cloud.bridge.routing import MAX_DEAD_LETTER_BYTES, Registry, downward, identity_problem, upward
from cloud.bus import topology
from protos import codec
from protos.errors import WireError
from tests.protos import samples

REGISTRY = Registry("a-project", "a-registry", "a-region")


@pytest.mark.parametrize(
    ("topic", "payload", "target", "subfolder"),
    [
        ("events/alarm", samples.event_batch(), topology.EVENTS, "alarm"),
        ("events/evidence", samples.snapshot(), topology.EVIDENCE, "evidence"),
        ("events/update", samples.update_report(), topology.UPDATES, "update"),
        ("state", samples.device_state(), topology.STATE, ""),
    ],
)
def test_message_goes_to_its_topic_unchanged(
    topic: str, payload: Message, target: str, subfolder: str
) -> None:
    data = codec.encode(payload)
    outgoing = upward(REGISTRY, f"/devices/gate-cam-01/{topic}", data)
    assert (outgoing.topic, outgoing.data, outgoing.refusal) == (target, data, "")
    attributes = outgoing.attributes
    assert attributes["deviceId"] == "gate-cam-01"
    assert attributes["subFolder"] == subfolder
    assert attributes["projectId"] == "a-project"
    assert attributes["deviceRegistryId"] == "a-registry"
    assert attributes["deviceRegistryLocation"] == "a-region"
    assert int(attributes["deviceNumId"]) > 0


def test_batch_carries_copies_of_its_header() -> None:
    data = codec.encode(samples.event_batch())
    attributes = upward(REGISTRY, "/devices/gate-cam-01/events/alarm", data).attributes
    copies = {key: attributes[key] for key in ("schema", "boot", "lane", "firstSeq", "count")}
    assert copies == {
        "schema": "1", "boot": "0123456789abcdef", "lane": "alarm", "firstSeq": "41", "count": "2",
    }  # fmt: skip
    assert attributes["traceparent"].startswith("00-")


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("/devices/gate-cam-01/events/alarm", b"\xff" * 40, "is no EventBatchHeader"),
        ("/devices/gate-cam-01/events/alarm", bytes(2_000_000), "too large"),
        ("/devices/gate-cam-02/events/alarm", None, "device 'gate-cam-01' came on the topic"),
        ("/devices/gate-cam-01/events/stats", None, "lane 1 came on the topic of stats"),
        ("/devices/gate-cam-01/events/a/b", None, "no events or state topic"),
        ("/devices/Gate/events/alarm", None, "'Gate' is not allowed"),
        ("/devices/gate-cam-01/state", b"", "no schema version"),
    ],
)
def test_message_that_breaks_a_rule_is_dead_lettered(
    topic: str, payload: bytes | None, reason: str
) -> None:
    data = codec.encode(samples.event_batch()) if payload is None else payload
    outgoing = upward(REGISTRY, topic, data)
    assert outgoing.topic == topology.DEAD_LETTER
    assert reason in outgoing.refusal
    assert outgoing.attributes == {
        "reason": outgoing.refusal, "source": topic, "size": str(len(data)),
    }  # fmt: skip
    assert outgoing.data == data


@given(topic=st.text(max_size=200), payload=st.binary(max_size=200))
def test_no_message_is_dropped_without_a_word(topic: str, payload: bytes) -> None:
    outgoing = upward(REGISTRY, topic, payload)
    assert outgoing.data == payload
    assert outgoing.topic in topology.TOPICS
    assert all(len(value.encode()) <= 1024 for value in outgoing.attributes.values())


def test_dead_letter_fits_into_a_request() -> None:
    outgoing = upward(REGISTRY, "/x", bytes(20_000_000))
    assert len(outgoing.data) == MAX_DEAD_LETTER_BYTES
    assert outgoing.attributes["size"] == "20000000"


def test_config_is_retained_and_commands_are_not() -> None:
    config = downward({"deviceId": "cam-1", "subFolder": "config"}, b"c")
    assert (config.topic, config.retain) == ("/devices/cam-1/config", True)
    receipt = downward({"deviceId": "cam-1", "subFolder": "commands/receipts"}, b"r")
    assert (receipt.topic, receipt.retain) == ("/devices/cam-1/commands/receipts", False)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"deviceId": "cam-1"},
        {"deviceId": "cam/1", "subFolder": "config"},
        {"deviceId": "cam-1", "subFolder": "events"},
        {"deviceId": "cam-1", "subFolder": "commands/+"},
        {"deviceId": "cam-1", "subFolder": "commands/a/b"},
    ],
)
def test_downlink_message_without_an_address_is_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(WireError):
        downward(attributes, b"")


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([("by", "cam-1")], ""),
        ([("By", "x"), ("by", "cam-1"), ("b", "y")], ""),
        ([], "does not state who published it: there is no user property 'by'"),
        ([("By", "cam-1")], "there is no user property 'by'"),
        ([("by", "cam-2")], "'cam-2' published on the topic of 'cam-1'"),
        ([("by", "")], "'' published on the topic of 'cam-1'"),
        ([("by", "CAM-1")], "'CAM-1' published"),
        ([("by", "cam-1"), ("by", "cam-1")], "'by' stands there 2 times"),
        ([("by", "cam-1"), ("by", "cam-2")], "'by' stands there 2 times"),
    ],
)
def test_publisher_is_the_topics_device_and_nobody_else(
    pairs: list[tuple[str, str]], problem: str
) -> None:
    found = identity_problem("by", "/devices/cam-1/state", pairs)
    assert problem in found
    assert bool(problem) == bool(found)


def test_topic_of_nobody_is_published_by_nobody() -> None:
    assert "no events or state topic" in identity_problem("by", "/x", [("by", "x")])
