"""Messages gathered into requests."""

import pytest
from google.pubsub_v1 import types
from hypothesis import given
from hypothesis import strategies as st

from cloud.bus.batches import LONGEST_HOLD_S, Batch, Gathering, size_of
from cloud.bus.port import Outcome


def ignored(outcome: Outcome) -> None:
    """Who does not care what became of a message."""


def put(gathering: Gathering, topic: str, size_bytes: int, now_s: float = 0.0) -> list[Batch]:
    """Add a message as the publisher does; the batches that went out for it."""
    out = []
    batch = gathering.batch_for(topic, size_bytes)
    if batch is None:
        batch, ready = gathering.open(topic, now_s)
        out += [ready] if ready is not None else []
    batch.add(b"x", {}, size_bytes, ignored)
    return [*out, batch] if gathering.close_full(batch) else out


def test_a_batch_goes_out_when_it_is_full() -> None:
    gathering = Gathering(max_messages=3, max_bytes=1000, latency_s=1.0)
    assert [put(gathering, "a", 10) for _ in range(2)] == [[], []]
    [batch] = put(gathering, "a", 10)
    assert len(batch.dones) == len(batch.request.messages) == 3
    assert gathering.batch_for("a", 10) is None
    assert gathering.next_due_s() is None


def test_a_batch_that_has_no_room_goes_out_before_the_message_that_found_none() -> None:
    gathering = Gathering(max_messages=100, max_bytes=100, latency_s=1.0)
    assert put(gathering, "a", 60) == []
    [first] = put(gathering, "a", 60)
    assert first.size_bytes == 60
    [second] = gathering.take_all()
    assert second.size_bytes == 60


def test_a_message_that_is_larger_than_a_batch_goes_alone() -> None:
    gathering = Gathering(max_messages=100, max_bytes=100, latency_s=1.0)
    [large] = put(gathering, "a", 500)
    assert len(large.dones) == 1


def test_a_batch_goes_out_in_time_each_topic_by_itself() -> None:
    gathering = Gathering(max_messages=100, max_bytes=100, latency_s=1.0)
    put(gathering, "a", 10, now_s=5.0)
    put(gathering, "b", 10, now_s=5.5)
    put(gathering, "a", 10, now_s=5.9)
    assert gathering.next_due_s() == 6.0
    assert gathering.take_due(5.99) == []
    assert [(batch.topic, len(batch.dones)) for batch in gathering.take_due(6.0)] == [("a", 2)]
    assert gathering.next_due_s() == 6.5


def test_a_batch_waits_for_the_answers_to_its_topic_s_requests() -> None:
    gathering = Gathering(max_messages=2, max_bytes=100, latency_s=1.0)
    gathering.started("a", 2)
    put(gathering, "a", 10)
    put(gathering, "b", 10)
    assert [batch.topic for batch in gathering.take_due(1.2)] == ["b"]
    gathering.ended("a")
    assert gathering.next_due_s() == 1.0 + LONGEST_HOLD_S
    [full] = put(gathering, "a", 10)
    assert len(full.dones) == 2, "a full one waits for nobody"
    put(gathering, "a", 10)
    gathering.ended("a")
    assert gathering.has_open("a")
    assert gathering.next_due_s() == 1.0
    assert [batch.topic for batch in gathering.take_due(1.0)] == ["a"]


def test_a_request_that_hangs_holds_up_no_other_for_long() -> None:
    gathering = Gathering(max_messages=100, max_bytes=100, latency_s=1.0)
    gathering.started("a")
    put(gathering, "a", 10, now_s=5.0)
    due_s = gathering.next_due_s()
    assert due_s == 6.0 + LONGEST_HOLD_S
    assert gathering.take_due(due_s - 0.01) == []
    assert [batch.topic for batch in gathering.take_due(due_s)] == ["a"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 60), st.floats(0, 3)), max_size=40))
def test_every_message_goes_out_once_and_no_batch_is_beyond_its_limits(
    messages: list[tuple[str, int, float]],
) -> None:
    gathering = Gathering(max_messages=5, max_bytes=100, latency_s=1.0)
    now_s, out = 0.0, []
    for topic, size_bytes, wait_s in messages:
        now_s += wait_s
        out += gathering.take_due(now_s)
        out += put(gathering, topic, size_bytes, now_s)
        due_s = gathering.next_due_s()
        assert due_s is None or due_s > now_s - 1.0
    out += gathering.take_all()
    assert sum(len(batch.dones) for batch in out) == len(messages)
    for batch in out:
        assert 1 <= len(batch.dones) <= 5
        assert batch.size_bytes <= 100 or len(batch.dones) == 1
    for topic in "ab":
        mine = sum(batch.size_bytes for batch in out if batch.topic == topic)
        assert mine == sum(size for name, size, _ in messages if name == topic)


def test_messages_apart_are_the_same_messages() -> None:
    batch = Batch("a", 0.0)
    told: list[tuple[int, Outcome]] = []
    for n in range(3):
        batch.add(b"%d" % n, {"n": str(n)}, 7, lambda outcome, n=n: told.append((n, outcome)))  # type: ignore[misc]
    batch.size_bytes += 2
    ones = batch.apart()
    assert [one.request.messages[0].data for one in ones] == [b"0", b"1", b"2"]
    assert [dict(one.request.messages[0].attributes) for one in ones] == [
        {"n": "0"}, {"n": "1"}, {"n": "2"},
    ]  # fmt: skip
    assert sum(one.size_bytes for one in ones) == batch.size_bytes
    for one in ones:
        one.dones[0]("id")
    assert told == [(0, "id"), (1, "id"), (2, "id")]


@pytest.mark.parametrize(
    ("data", "attributes"),
    [("text", {}), (b"x", {"a": "1", "n": 1}), (b"x", {"a": "1", "half": "\ud800"})],
)
def test_a_message_that_cannot_be_encoded_is_not_in(data: object, attributes: object) -> None:
    batch = Batch("a", 0.0)
    batch.add(b"before", {}, 7, ignored)
    with pytest.raises((TypeError, ValueError)):
        batch.add(data, attributes, 7, ignored)  # type: ignore[arg-type]
    assert [message.data for message in batch.request.messages] == [b"before"]
    assert (len(batch.dones), batch.size_bytes) == (1, 7)


@given(st.binary(max_size=50), st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_a_size_is_never_less_than_the_encoding(data: bytes, attributes: dict[str, str]) -> None:
    request = types.PublishRequest(messages=[{"data": data, "attributes": attributes}])
    assert types.PublishRequest.pb(request).ByteSize() <= size_of(data, attributes)
