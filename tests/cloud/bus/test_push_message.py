"""Push requests into messages: both forms of Google's, and whatever else comes."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.bus.push_message import PushMessage, push_message
from protos.codec import encode
from tests.support.stored import batch_of, person

PAYLOAD = encode(batch_of(person(1)))


def wrapped(data: bytes = PAYLOAD, **message: object) -> bytes:
    said = {"data": base64.b64encode(data).decode(), "messageId": "42", **message}
    envelope = {"message": said, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 5}
    return json.dumps(envelope).encode()


def test_a_wrapped_message() -> None:
    body = wrapped(
        attributes={"deviceId": "cam-box"}, message_id="42", publishTime="2026-05-01T12:00:00Z"
    )
    assert push_message(body, {}) == PushMessage(PAYLOAD, {"deviceId": "cam-box"}, "42")
    assert push_message(b"\r\n " + body, {}).data == PAYLOAD


def test_a_wrapped_message_of_attributes_alone() -> None:
    body = json.dumps({"message": {"attributes": {"deviceId": "cam-box"}}}).encode()
    assert push_message(body, {}) == PushMessage(b"", {"deviceId": "cam-box"})


def test_an_unwrapped_message() -> None:
    assert push_message(PAYLOAD, {}) == PushMessage(PAYLOAD)
    headers = {
        "x-goog-pubsub-message-id": "42", "x-goog-pubsub-subscription-name": "ingest",
        "deviceid": "cam-box", "firstseq": "1", "user-agent": "CloudPubSub-Google",
    }  # fmt: skip
    assert push_message(PAYLOAD, headers) == PushMessage(
        PAYLOAD, {"deviceId": "cam-box", "firstSeq": "1"}, "42"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "Expecting"),
        (b"{}", "`message` is missing"),
        (b'{"message": []}', "`message` is missing"),
        (b'{"message": {"data": 7}}', "no text"),
        (b'{"message": {"data": "!"}}', "base64"),
        (b'{"message": {"data": "\xc3\xa4"}}', "ASCII"),
        (b'{"message": {"attributes": []}}', None),
        (b'{"message": {"attributes": [1]}}', "no object"),
        (b'{"message": {"attributes": {"deviceId": 7}}}', "no text"),
        (b'{"message": {"attributes": {"deviceId": "\\ud800"}}}', "surrogates"),
        (b'{"message": ' + b"[" * 100_000, "recursion"),
        (b'{"message": \xff}', "decode"),
        (wrapped(attributes={f"a{number}": "" for number in range(101)}), "100 or fewer"),
    ],
)
def test_what_cannot_be_understood_is_kept_whole_with_the_reason(
    body: bytes, reason: str | None
) -> None:
    message = push_message(body, {})
    if reason is None:
        assert message.refusal == ""
        return
    assert reason in message.refusal
    assert message.data == body


def test_an_id_that_is_none_is_left_out() -> None:
    for number in (7, "a b", "x" * 65, "\ud800", None):
        assert push_message(wrapped(messageId=number), {}).message_id == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)
_ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "message": _JSON
        | st.fixed_dictionaries(
            {}, optional={"data": _JSON, "attributes": _JSON, "messageId": _JSON}
        )
    },
).map(lambda value: json.dumps(value).encode())


@given(
    st.binary(max_size=200) | st.binary(max_size=50).map(b"{".__add__) | _ENVELOPES,
    st.dictionaries(
        st.sampled_from(["deviceid", "lane", "x-goog-pubsub-message-id", "other"]),
        st.text(max_size=20),
    ),
)
def test_any_body_and_headers_are_a_message_or_a_refusal(
    body: bytes, headers: dict[str, str]
) -> None:
    message = push_message(body, headers)
    if message.refusal:
        assert message.data == body
    for text in (*message.attributes, *message.attributes.values(), message.message_id):
        assert isinstance(text, str)


@given(st.binary(max_size=100), st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_what_google_wraps_is_unwrapped(data: bytes, attributes: dict[str, str]) -> None:
    message = push_message(wrapped(data, attributes=attributes), {})
    assert (message.data, dict(message.attributes), message.refusal) == (data, attributes, "")
