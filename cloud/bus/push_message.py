"""A push request's body and headers into a message, wrapped or not.

Wrapped: JSON with `message.data` in base64, as Google's documentation names it ("Receive push
messages"). Unwrapped: the body is the payload; where the subscription writes metadata, the id
stands in `x-goog-pubsub-*` headers and each attribute in a header of its own name, in lower case.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloud.bus import attributes as attr
from protos.errors import InvalidPayloadError

_MESSAGE_ID = "x-goog-pubsub-message-id"
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_MAX_ATTRIBUTES = 100
"""Pub/Sub's own limit."""

_NAMES = {
    name.lower(): name
    for name in (
        attr.DEVICE_ID, attr.DEVICE_NUM_ID, attr.REGISTRY_ID, attr.REGISTRY_LOCATION,
        attr.PROJECT_ID, attr.SUB_FOLDER, attr.SCHEMA, attr.BOOT, attr.LANE, attr.FIRST_SEQ,
        attr.COUNT, attr.TRACEPARENT,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PushMessage:
    """What a push request carries.

    Attributes:
        data: the payload; the whole body where it is not to be understood.
        attributes: copies for people; ingest relies on the payload alone.
        message_id: given by Pub/Sub, empty where it was not told.
        refusal: why the request can't be understood, empty where it can.
    """

    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    message_id: str = ""
    refusal: str = ""


def push_message(body: bytes, headers: Mapping[str, str]) -> PushMessage:
    """The message of a request; never fails, see `PushMessage.refusal`.

    A brace cannot begin an EventBatch: it would be the start of a group, which no message of
    ours holds. So the body itself tells which of the two forms it has.

    Args:
        body: as it came.
        headers: names in lower case.
    """
    if body.lstrip()[:1] != b"{":
        return PushMessage(body, _from_headers(headers), _id(headers.get(_MESSAGE_ID)))
    try:
        return _wrapped(body)
    except (ValueError, RecursionError) as error:
        return PushMessage(body, refusal=f"a push whose body is no message of Pub/Sub: {error}")


def _from_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The attributes that are known; other headers are proxies' and none of ours."""
    return {name: headers[header] for header, name in _NAMES.items() if header in headers}


def _wrapped(body: bytes) -> PushMessage:
    """Raises ValueError or RecursionError where it is none."""
    message = json.loads(body).get("message")
    if not isinstance(message, dict):
        raise InvalidPayloadError("`message` is missing")
    encoded = message.get("data", "")
    if not isinstance(encoded, str):
        raise InvalidPayloadError("`message.data` is no text")
    data = base64.b64decode(encoded, validate=True)
    number = message.get("messageId", message.get("message_id"))
    return PushMessage(data, _attributes(message), _id(number))


def _attributes(message: Mapping[str, object]) -> dict[str, str]:
    found = message.get("attributes") or {}
    if not isinstance(found, dict) or len(found) > _MAX_ATTRIBUTES:
        raise InvalidPayloadError(
            f"`message.attributes` is no object of {_MAX_ATTRIBUTES} or fewer"
        )
    if not all(isinstance(value, str) for value in found.values()):
        raise InvalidPayloadError("an attribute is no text")
    for text in (*found, *found.values()):
        text.encode()  # JSON can escape half a character, which no other format can carry
    return found


def _id(given: object) -> str:
    """A message id as Pub/Sub gives it; it is for people only, so any other is no loss."""
    return given if isinstance(given, str) and _ID.fullmatch(given) else ""
