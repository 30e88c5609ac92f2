"""MQTT topics."""

import re

import pytest

from protos import topics
from protos.errors import InvalidIdError, InvalidTopicError
from protos.ids import Lane


@pytest.mark.parametrize("lane", Lane)
def test_events_topic_round_trip(lane: Lane) -> None:
    parsed = topics.parse_uplink(topics.events("cam-1", lane))
    assert (parsed.device, parsed.lane, parsed.subfolder) == ("cam-1", lane, lane.slug)


def test_state_and_update_have_no_lane() -> None:
    assert topics.parse_uplink(topics.state("cam-1")).lane is None
    assert topics.parse_uplink(topics.updates("cam-1")).subfolder == topics.UPDATE


@pytest.mark.parametrize(
    "topic",
    [
        "devices/cam-1/state",
        "/devices/cam-1",
        "/devices/cam-1/state/more",
        "/devices/cam-1/events/",
        "/devices/cam-1/events/news",
        "/devices/Cam 1/state",
        "/devices/+/state",
        "/devices/cam-1/config",
        "/other/cam-1/state",
    ],
)
def test_foreign_topic_is_refused(topic: str) -> None:
    with pytest.raises(InvalidTopicError, match="topic"):
        topics.parse_uplink(topic)


@pytest.mark.parametrize("device", ["a/b", "+", "#", "../cam"])
def test_no_topic_is_made_of_a_bad_device(device: str) -> None:
    with pytest.raises(InvalidIdError):
        topics.events(device, Lane.STATE)


def test_bridges_of_a_group_meet_on_a_topic_that_does_not_name_it() -> None:
    topic = topics.presence("s3cret-word")
    assert topic == topics.presence("s3cret-word") != topics.presence("bridge")
    assert re.fullmatch(topics.PRESENCE_FILTER.replace("+", "[0-9a-f]{16}"), topic)


def test_filters() -> None:
    assert topics.shared("bridge", topics.EVENTS_FILTER) == "$share/bridge//devices/+/events/#"
    assert topics.commands_filter("cam-1") == "/devices/cam-1/commands/#"
    assert topics.command("cam-1", topics.RECEIPTS) == "/devices/cam-1/commands/receipts"
    assert topics.config("cam-1") == "/devices/cam-1/config"
